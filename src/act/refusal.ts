import { kubeErrorOf } from '../runtime/errors.ts'
import { parsePath } from '../runtime/paths.ts'
import type { Outcome } from './outcome.ts'

type Refused = Extract<Outcome, { kind: 'Refused' }>

/** Refused for what was asked: an authorizer, admission, or validation said no. Anything else may go differently next time. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 405, 422])

/** `patch deployments.apps in namespace web`: what to grant; undefined when it was admission that denied, not RBAC. */
const missingRightOf = (message: string, verb: string, path: string): string | undefined => {
  if (!message.includes(`needs the verb "${verb}"`)) return undefined
  const parsed = parsePath(path)
  if (!parsed) return undefined
  const { group, resource, subresource, namespace } = parsed
  const what = `${subresource === undefined ? resource : `${resource}/${subresource}`}${group && `.${group}`}`
  return `${verb} ${what}${namespace === undefined ? '' : ` in namespace ${namespace}`}`
}

/** The refusal in an error, with the server's words; undefined where the error is none. */
export const refusalOf = (error: unknown): Refused | undefined => {
  const kube = kubeErrorOf(error)
  if (!kube || !REFUSALS.has(kube.status)) return undefined
  const missingRight = missingRightOf(kube.message, kube.verb, kube.path)
  const causes = (kube.details?.causes ?? []).flatMap(({ message }) =>
    message && !kube.message.includes(message) ? [message] : [],
  )
  return {
    kind: 'Refused',
    why: [kube.message, ...causes].join('; ').slice(0, 2_048),
    ...(missingRight !== undefined && { missingRight }),
  }
}
