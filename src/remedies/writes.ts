import { kubeErrorOf } from '../kube/errors.ts'
import { parsePath } from '../kube/paths.ts'
import type { Outcome } from '../model/plan.ts'
import type { ActionType } from '../api/policy/actions.ts'
import type { Clock } from '../runtime/clock.ts'

/** The part of `KubeClient` that remedies need. Every method rejects with `KubeError`. */
export interface ActApi {
  get<T>(path: string): Promise<T>
  create<T>(path: string, body: unknown, options?: { query?: Readonly<Record<string, string>> }): Promise<T>
  patch<T>(
    path: string,
    body: unknown,
    options: { readonly type: 'json'; readonly dryRun?: boolean; readonly fieldManager?: string },
  ): Promise<T>
  remove<T>(
    path: string,
    body?: {
      readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
      readonly dryRun?: readonly 'All'[]
    },
  ): Promise<T>
}

export interface ActDeps {
  readonly kube: ActApi
  readonly clock: Clock
  /** Whether the step would still be planned; asked right before each write to a workload or pod. Default: yes. */
  readonly isStillPlanned?: () => Promise<boolean>
  /** Disabled at installation, regardless of permissions. */
  readonly disabledActions?: readonly ActionType[]
  /** The operator's own namespace, for NodeTasks and installer pods. */
  readonly namespace?: string
  /** Namespace of the leases that remediators share; without it, none is taken. */
  readonly nodeLeaseNamespace?: string
  /** Image of the agent, also used by installer pods; without it, nothing is installed. */
  readonly agentImage?: AgentImage
}

export interface AgentImage {
  readonly name: string
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined
  readonly pullSecrets?: readonly string[] | undefined
  /** Socket on the nodes; /run/dbus/system_bus_socket by default. */
  readonly systemBus?: string | undefined
  /** For the pod's security context, if AppArmor or SELinux would deny access to the system bus. */
  readonly appArmorProfile?: Readonly<Record<string, string>> | undefined
  readonly seLinuxOptions?: Readonly<Record<string, string>> | undefined
}

type Refused = Extract<Outcome, { kind: 'Refused' }>

/** What was stopped or changed since the decision; undefined: it may be written. */
export const staleIfStopped = async (
  what: string,
  { isStillPlanned }: Pick<ActDeps, 'isStillPlanned'>,
): Promise<Extract<Outcome, { kind: 'Stale' }> | undefined> =>
  (await isStillPlanned?.()) === false
    ? { kind: 'Stale', why: `${what} was stopped, excluded or changed meanwhile` }
    : undefined

/** For every write of an action, also of one that takes an earlier write back. */
export const refusalIfDisabled = (action: ActionType, { disabledActions }: ActDeps): Refused | undefined =>
  disabledActions?.includes(action)
    ? { kind: 'Refused', why: `${action} is disabled (--disable-action): enable it, or change the policy` }
    : undefined

/** Rejected by authorization, admission or validation. Any other error may be temporary. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 405, 422])
/** An API server that starts denies everything for seconds, and a webhook may deny what it does not know yet. */
const MAY_PASS: ReadonlySet<number> = new Set([403, 422])

/** The missing permission, e.g. `patch deployments.apps in namespace web`; undefined if admission, not RBAC, denied it. */
const missingRightOf = (message: string, verb: string, path: string): string | undefined => {
  if (!message.includes(`needs the verb "${verb}"`)) return undefined
  const parsed = parsePath(path)
  if (!parsed) return undefined
  const { group, resource, subresource, namespace } = parsed
  const what = `${subresource === undefined ? resource : `${resource}/${subresource}`}${group && `.${group}`}`
  return `${verb} ${what}${namespace === undefined ? '' : ` in namespace ${namespace}`}`
}

/** The rejection in an error, with the server's message; undefined for other errors. */
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
    ...(MAY_PASS.has(kube.status) && { mayPass: true }),
  }
}
