import type { Options } from './flags.ts'

/** Where the controller runs unless it was installed elsewhere. */
const NAMESPACE = 'kubemend-system'

export const OPERATOR_OPTIONS = {
  'operator-namespace': { type: 'string', value: 'NAME', help: `the operator's own namespace; else ${NAMESPACE}` },
} as const satisfies Options

export const operatorNamespace = (
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
) => flag ?? (environment['KUBEMEND_NAMESPACE'] || NAMESPACE)
