/** Set by `npm test -- --context NAME`: the cluster to use instead of an embedded control plane. */
export const testContext = (): string | undefined => process.env['PODMEND_TEST_CONTEXT'] || undefined

/** Set by `npm test -- --kubernetes 1.32`: major and minor version of the embedded control plane; else the newest. */
export const testKubernetes = (): string | undefined => process.env['PODMEND_TEST_KUBERNETES'] || undefined
