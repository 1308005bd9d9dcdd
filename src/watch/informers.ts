import type { Remediation } from '../api/kinds.ts'
import type { KubeClient } from '../kube/client.ts'
import { forbidden, kubeErrorOf } from '../kube/errors.ts'
import { createReflector, type Heard, type Reflector } from '../kube/informer.ts'
import { pathOf } from '../kube/paths.ts'
import { isoTime } from '../model/duration.ts'
import type { KubeEvent, KubeObject, ManagedFieldsEntry, Node, Pod } from '../model/kubernetes.ts'
import { GROUP, pauses } from '../model/names.ts'
import type { RbacGrant } from '../model/rbac.ts'
import { approvalEntries, isUnfinished, statusEntries } from '../model/remediation-state.ts'
import type { Clock } from '../runtime/clock.ts'
import { type NodeEntry, nodeEntry } from './node-cache.ts'
import type { PodRef } from '../model/pod.ts'
import { pendingPod } from './pending-pod.ts'
import { type WarningEvent, startupWarningOf } from './pod-cache.ts'

/** @public Permissions for the watches. Collected by `npm run generate`. */
export const RBAC: RbacGrant = {
  action: 'observe',
  rules: [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'], why: 'to see which pods cannot start' },
    {
      apiGroups: [''],
      resources: ['events'],
      verbs: ['list', 'watch'],
      why: 'to read Warning Events about failing pods',
    },
    {
      apiGroups: [''],
      resources: ['nodes'],
      verbs: ['list', 'watch'],
      why: 'to find nodes that fail, and to count unhealthy nodes',
    },
    {
      apiGroups: [''],
      resources: ['namespaces'],
      verbs: ['list', 'watch'],
      why: "to read the pause annotation on the operator's namespace",
    },
    {
      apiGroups: [GROUP],
      resources: ['remediationpolicies', 'remediations'],
      verbs: ['list', 'watch'],
      why: 'to read policies, and records of earlier remediations',
    },
  ],
}

/** Handlers for watched objects. They are synchronous: they record the change and queue the work. */
export interface EventHandlers {
  /** Scheduled pods in phase Pending. A removed pod has started, failed or been deleted; the object is its last state. */
  readonly pods: { readonly upsert: (pod: Pod) => void; readonly remove: (pod: Pod) => void }
  readonly warning: (ref: PodRef, warning: WarningEvent) => void
  /** Unvalidated: it may not be a valid policy. */
  readonly policies: { readonly upsert: (policy: KubeObject) => void; readonly remove: (uid: string) => void }
  readonly remediations: { readonly upsert: (record: Remediation) => void; readonly remove: (uid: string) => void }
  /** The operator's own namespace, for its stop annotation. */
  readonly paused: (paused: boolean) => void
  /** The API server was restored or replaced: versions of objects known from it mean nothing. All lists follow. */
  readonly restored: () => void
  /** What holds on old facts is due again: the lists after a restore are complete, or a watch that had been down works. */
  readonly current: () => void
  readonly nodes: {
    readonly upsert: (node: NodeEntry) => void
    readonly remove: (uid: string) => void
    /** The list of nodes is complete and the watch is working. */
    readonly synced: () => void
    /** Nodes cannot be watched; everything else goes on. */
    readonly unavailable: (why: string) => void
  }
}

export interface InformersDeps {
  readonly client: Pick<KubeClient, 'list' | 'stream'>
  /** The operator's own namespace. */
  readonly namespace: string
  readonly handlers: EventHandlers
  readonly onError: (error: unknown, about: { readonly name: string; readonly retryInMs?: number }) => void
  readonly onActivity: (name: string, at: number) => void
  readonly clock: Clock
}

export interface Informers {
  readonly start: () => void
  readonly stop: () => Promise<void>
  /** Resolves after the initial list of everything that decisions depend on. */
  readonly synced: Promise<void>
  /** Whether every list that decisions depend on is complete; false while they are read again after a restore. */
  readonly current: () => boolean
  /** Resolves once everything that decisions depend on is known to be as current as this call. */
  readonly confirm: () => Promise<void>
  /** Names of the watches that have not synced or were silent for longer than `ms`. */
  readonly quiet: (ms: number) => readonly string[]
  /** Why the state from a watch may be out of date, as a clause; undefined while it is current. */
  readonly stale: Stale
  /** Whether a watch currently works; false as soon as its connection breaks. */
  readonly works: (name: WatchName) => boolean
}

/** Names of the watches, in the order of creation. */
export const WATCHES = ['remediationpolicies', 'remediations', 'namespaces', 'pods', 'events', 'nodes'] as const

export type WatchName = (typeof WATCHES)[number]
export type Stale = (name: WatchName) => string | undefined

/** Bookmarks come about every minute, and a silent watch is probed before this time. */
const SILENT_MS = 120_000
/** How long a watch may fail before its state counts as out of date; a restart of the API server should not. */
const FAILING_MS = 10_000

/** The other entries are large and not needed. */
const withEntries = <M extends object>(metadata: M, managedFields: readonly ManagedFieldsEntry[]) =>
  managedFields.length > 0 ? { ...metadata, managedFields } : metadata

const staleness = (name: WatchName, { at, agoMs, failing }: Heard): string | undefined => {
  const fails = failing !== undefined && failing.forMs > FAILING_MS
  if (!fails && agoMs <= SILENT_MS) return undefined
  const since = at === 0 ? 'has not reported anything yet' : `has been silent since ${isoTime(at)}`
  const why = failing === undefined ? '' : `: ${kubeErrorOf(failing.error)?.message ?? String(failing.error)}`
  return `the watch of ${name} ${since}${why.slice(0, 300)}`
}

/**
 * All watches. Field selectors on the server limit memory and traffic to what is broken: scheduled pods in phase Pending,
 * Warning Events of pods, and our own objects. All nodes are watched, but only a few fields of each are kept.
 */
export const createInformers = ({
  client,
  namespace,
  handlers,
  onError,
  onActivity,
  clock,
}: InformersDeps): Informers => {
  const common = (name: string) => ({ name, client, clock })
  const recovered = (failedForMs: number): void => {
    if (failedForMs > FAILING_MS) handlers.current()
  }
  const events = (name: WatchName) => ({
    error: onError,
    activity: (at: number) => onActivity(name, at),
    restored: () => relistAll(name),
    recovered,
  })
  const own = (kind: 'RemediationPolicy' | 'Remediation'): string => pathOf({ apiVersion: 'podmend.io/v1alpha1', kind })

  let refusal = Promise.withResolvers<void>()
  let nodesRefused = false
  const nodes = createReflector<Node, NodeEntry>({
    ...common('nodes'),
    path: pathOf({ apiVersion: 'v1', kind: 'Node' }),
    project: nodeEntry,
    on: {
      upsert: handlers.nodes.upsert,
      remove: (_, { uid }) => handlers.nodes.remove(uid),
      synced: handlers.nodes.synced,
      activity: (at) => {
        onActivity('nodes', at)
        if (nodesRefused) refusal = Promise.withResolvers<void>()
        nodesRefused = false
        if (nodes.hasSynced()) handlers.nodes.synced()
      },
      error: (error, about) => {
        onError(error, about)
        if (!forbidden(error)) return
        nodesRefused = true
        handlers.nodes.unavailable('the right to list and watch nodes is missing')
        refusal.resolve()
      },
      restored: () => relistAll('nodes'),
      recovered,
    },
  })

  const reflectors: Readonly<Record<WatchName, Reflector<unknown>>> = {
    remediationpolicies: createReflector<KubeObject, KubeObject>({
      ...common('remediationpolicies'),
      path: own('RemediationPolicy'),
      project: (object) => object,
      on: {
        ...events('remediationpolicies'),
        upsert: handlers.policies.upsert,
        remove: (_, { uid }) => handlers.policies.remove(uid),
      },
    }),
    remediations: createReflector<Remediation & KubeObject, Remediation>({
      ...common('remediations'),
      path: own('Remediation'),
      project: ({ apiVersion, kind, metadata: { managedFields, ...metadata }, spec, status }) => ({
        apiVersion,
        kind,
        metadata: withEntries(metadata, [
          ...(spec.approval ? approvalEntries(managedFields) : []),
          ...(status && isUnfinished({ status }) ? statusEntries(managedFields) : []),
        ]),
        spec,
        ...(status !== undefined && { status }),
      }),
      on: {
        ...events('remediations'),
        upsert: handlers.remediations.upsert,
        remove: (_, { uid }) => handlers.remediations.remove(uid),
      },
    }),
    namespaces: createReflector<KubeObject, boolean>({
      ...common('namespaces'),
      path: pathOf({ apiVersion: 'v1', kind: 'Namespace' }),
      query: { fieldSelector: `metadata.name=${namespace}` },
      project: ({ metadata }) => pauses(metadata),
      on: { ...events('namespaces'), upsert: handlers.paused, remove: () => handlers.paused(true) },
    }),
    pods: createReflector<Pod, Pod>({
      ...common('pods'),
      path: pathOf({ apiVersion: 'v1', kind: 'Pod' }),
      query: { fieldSelector: 'status.phase=Pending,spec.nodeName!=' },
      project: pendingPod,
      keep: 'compared',
      on: { ...events('pods'), upsert: handlers.pods.upsert, remove: handlers.pods.remove },
    }),
    events: createReflector<KubeEvent, { ref: PodRef; warning: WarningEvent }>({
      ...common('events'),
      path: pathOf({ apiVersion: 'v1', kind: 'Event' }),
      query: { fieldSelector: 'type=Warning,involvedObject.kind=Pod' },
      project: startupWarningOf,
      keep: false,
      on: { ...events('events'), upsert: ({ ref, warning }) => handlers.warning(ref, warning) },
    }),
    nodes,
  }
  const all = Object.values(reflectors)
  /** Without permission to watch nodes, image remedies still work; failures caused by nodes are then held as unknown. */
  const orRefused = (reflector: Reflector<unknown>, reading: Promise<void>): Promise<void> =>
    reflector === nodes ? Promise.race([reading, refusal.promise]) : reading
  const isRefused = (reflector: Reflector<unknown>): boolean => reflector === nodes && nodesRefused
  // Events only trigger checks.
  const decisive = WATCHES.filter((name) => name !== 'events').map((name) => reflectors[name])
  const confirm = async (): Promise<void> => {
    await Promise.all(decisive.map((one) => orRefused(one, one.confirm())))
  }

  const relistAll = (origin: WatchName): void => {
    for (const name of WATCHES) if (name !== origin) reflectors[name].relist({ anew: true })
    handlers.restored()
    void confirm().then(handlers.current)
  }

  return {
    start: () => all.forEach((reflector) => reflector.start()),
    stop: async () => void (await Promise.all(all.map((reflector) => reflector.stop()))),
    synced: Promise.all(all.map((one) => orRefused(one, one.synced))).then(() => undefined),
    current: () => decisive.every((one) => isRefused(one) || one.hasSynced()),
    confirm,
    quiet: (ms) =>
      WATCHES.filter((name) => {
        const one = reflectors[name]
        return !isRefused(one) && (!one.hasSynced() || one.heard().agoMs > ms)
      }),
    stale: (name) => staleness(name, reflectors[name].heard()),
    works: (name) => {
      const { failing, agoMs } = reflectors[name].heard()
      return reflectors[name].hasSynced() && failing === undefined && agoMs <= SILENT_MS
    },
  }
}
