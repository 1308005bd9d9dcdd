/** Set by `npm test -- --context NAME`: the cluster to use instead of an embedded control plane. */
export const testContext = (): string | undefined => process.env['KUBEMEND_TEST_CONTEXT'] || undefined
