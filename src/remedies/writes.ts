/**
 * What the writes of remedies share: the API that they need, what stops or refuses one, waiting for a workload's controller,
 * and the deletion of pods.
 */
import type { ActionType } from '../api/policy/actions.ts'
import { conflict, kubeErrorOf, notFound } from '../kube/errors.ts'
import type { NodeLeases } from '../kube/node-leases.ts'
import { parsePath, pathOf } from '../kube/paths.ts'
import type { Pod, Workload } from '../model/kubernetes.ts'
import { excludes } from '../model/names.ts'
import type { Outcome, PodLeft, PodToDelete, Write } from '../model/plan.ts'
import { isBlocked } from '../model/pod.ts'
import { type Clock, sleep } from '../runtime/clock.ts'

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
  /** The leases that remediators share; without them, none is taken. */
  readonly nodeLeases?: NodeLeases
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

/** How long to wait for a workload's controller to observe an edit. */
const OBSERVED_MS = 10_000
const OBSERVED_POLL_MS = 100

/** Waits until a workload's controller has observed this generation, or the present one; false if it takes too long. */
export const isObserved = async (
  path: string,
  generation: number | undefined,
  { kube, clock }: Pick<ActDeps, 'kube' | 'clock'>,
): Promise<boolean> => {
  const until = clock.monotonic() + OBSERVED_MS
  for (;;) {
    const { metadata, status } = await kube.get<Workload>(path)
    if ((status?.observedGeneration ?? 0) >= (generation ?? metadata.generation ?? 0)) return true
    if (clock.monotonic() >= until) return false
    await sleep(clock, OBSERVED_POLL_MS)
  }
}

// The deletion of pods.

type DeleteDeps = Pick<ActDeps, 'kube' | 'clock' | 'isStillPlanned'>

type PodFate =
  | { readonly kind: 'Deleted' }
  /** It is gone, terminating, or another pod has its name: as intended. */
  | { readonly kind: 'Gone' }
  | Extract<Outcome, { kind: 'Stale' | 'Refused' }>

/**
 * A kubelet alternates between ErrImagePull and ImagePullBackOff: the same failure with a new resourceVersion. Changes
 * come in bursts, and on a busy API server one may fall between each read and its delete: pauses before further reads
 * grow from `PAUSE_MS` to `LONGEST_PAUSE_MS`, about 4 s in all.
 */
const MAX_ROUNDS = 9
const PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
/** If a disruption budget gives no retry time. */
const EVICTION_RETRY_MS = 10_000

const send = (kube: ActApi, pod: PodToDelete, method: 'Delete' | 'Evict', dryRun: boolean): Promise<unknown> => {
  const { namespace, name, uid, resourceVersion } = pod
  const options = { preconditions: { uid, resourceVersion }, ...(dryRun && { dryRun: ['All' as const] }) }
  if (method === 'Delete') return kube.remove(pathOf({ kind: 'Pod', namespace, name }), options)
  return kube.create(pathOf({ kind: 'Pod', namespace, name, subresource: 'eviction' }), {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: options,
  })
}

/**
 * Deletes (or evicts) one pod if it is still the same pod in the evaluated state; repeating the same failure does not
 * count as a change. `dryRun` only checks whether it would be allowed. Throws if the outcome is unknown.
 */
export const deletePod = async (
  deps: DeleteDeps,
  pod: PodToDelete,
  { method = 'Delete', dryRun = false }: { method?: 'Delete' | 'Evict'; dryRun?: boolean } = {},
): Promise<PodFate> => {
  const { kube, clock } = deps
  let { resourceVersion } = pod
  for (let round = 1; ; round += 1) {
    const stopped = dryRun ? undefined : await staleIfStopped(`deleting pod ${pod.name}`, deps)
    if (stopped) return stopped
    try {
      await send(kube, { ...pod, resourceVersion }, method, dryRun)
      return { kind: 'Deleted' }
    } catch (error) {
      if (notFound(error)) return { kind: 'Gone' }
      if (kubeErrorOf(error)?.status === 429 && method === 'Evict') {
        const retryAfterMs = kubeErrorOf(error)?.retryAfterMs ?? EVICTION_RETRY_MS
        return {
          kind: 'Stale',
          why: `pod ${pod.name} cannot be evicted now because of its disruption budget`,
          retryAfterMs,
        }
      }
      const refused = refusalOf(error)
      if (refused) return refused
      if (!conflict(error)) throw error
    }
    if (round > 1) await sleep(clock, Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (round - 2)))
    const current = await kube
      .get<Pod>(pathOf({ kind: 'Pod', namespace: pod.namespace, name: pod.name }))
      .catch((error: unknown) => {
        if (notFound(error)) return undefined
        throw error
      })
    if (!current || current.metadata.uid !== pod.uid || current.metadata.deletionTimestamp) return { kind: 'Gone' }
    if (excludes(current.metadata)) return { kind: 'Stale', why: `pod ${pod.name} was excluded in the meantime` }
    if (!isBlocked(current)) return { kind: 'Stale', why: `pod ${pod.name} changed since it was read` }
    if (round === MAX_ROUNDS) return { kind: 'Stale', why: `pod ${pod.name} keeps changing` }
    resourceVersion = current.metadata.resourceVersion
  }
}

interface PodsDeleted {
  readonly wrote: readonly Write[]
  readonly left: readonly PodLeft[]
  /** The first result that is neither Deleted nor Gone. */
  readonly obstacle?: Extract<PodFate, { kind: 'Stale' | 'Refused' }>
}

/** Deletes pods one after the other; continues after one that may not be deleted. */
export const deletePods = async (
  deps: DeleteDeps,
  pods: readonly PodToDelete[],
  method: 'Delete' | 'Evict',
): Promise<PodsDeleted> => {
  const wrote: Write[] = []
  const left: PodLeft[] = []
  let obstacle: PodsDeleted['obstacle']
  for (const pod of pods) {
    const { namespace, name, uid } = pod
    const fate = await deletePod(deps, pod, { method })
    switch (fate.kind) {
      case 'Deleted':
        wrote.push({ verb: method === 'Delete' ? 'deleted' : 'evicted', ref: { kind: 'Pod', namespace, name, uid } })
        break
      case 'Gone':
        break
      case 'Stale':
      case 'Refused':
        obstacle ??= fate
        left.push({ name, uid, why: fate.why })
    }
  }
  return { wrote, left, ...(obstacle !== undefined && { obstacle }) }
}
