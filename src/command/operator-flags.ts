import type { Options } from './flags.ts'

/** Where the controller runs unless it was installed elsewhere. */
const NAMESPACE = 'podmend-system'

export const OPERATOR_OPTIONS = {
  'operator-namespace': { type: 'string', value: 'NAME', help: `the operator's own namespace; else ${NAMESPACE}` },
} as const satisfies Options

export const operatorNamespace = (
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
) => flag ?? (environment['PODMEND_NAMESPACE'] || NAMESPACE)
