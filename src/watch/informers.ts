import type { Remediation } from '../api/kinds.ts'
import type { KubeClient } from '../kube/client.ts'
import { forbidden } from '../kube/errors.ts'
import { createReflector, type Reflector } from '../kube/informer.ts'
import { pathOf } from '../kube/paths.ts'
import type { KubeEvent, KubeObject, Node, Pod } from '../model/kubernetes.ts'
import { GROUP } from '../model/names.ts'
import type { RbacGrant } from '../model/rbac.ts'
import { approvalEntries } from '../model/remediation-state.ts'
import { pauses } from '../model/safety-switches.ts'
import type { Clock } from '../runtime/clock.ts'
import { type NodeEntry, nodeEntry } from './node-cache.ts'
import type { PodRef } from '../model/pod.ts'
import { pendingPod, type WarningEvent } from './pod-cache.ts'
import { warningEventOf } from './warning-event.ts'

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
  /** Names of the watches that have not synced or were silent for longer than `ms`. */
  readonly quiet: (ms: number, now: number) => readonly string[]
}

/** Names of the watches, in the order of creation. */
export const WATCHES = ['remediationpolicies', 'remediations', 'namespaces', 'pods', 'events', 'nodes'] as const

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
  const events = (name: string) => ({ error: onError, activity: (at: number) => onActivity(name, at) })
  const own = (kind: 'RemediationPolicy' | 'Remediation'): string => pathOf({ apiVersion: 'podmend.io/v1alpha1', kind })

  const refusal = Promise.withResolvers<void>()
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
    },
  })

  const reflectors: readonly Reflector<unknown>[] = [
    createReflector<KubeObject, KubeObject>({
      ...common('remediationpolicies'),
      path: own('RemediationPolicy'),
      project: (object) => object,
      on: {
        ...events('remediationpolicies'),
        upsert: handlers.policies.upsert,
        remove: (_, { uid }) => handlers.policies.remove(uid),
      },
    }),
    createReflector<Remediation & KubeObject, Remediation>({
      ...common('remediations'),
      path: own('Remediation'),
      project: ({ apiVersion, kind, metadata: { managedFields, ...metadata }, spec, status }) => ({
        apiVersion,
        kind,
        metadata: spec.approval ? { ...metadata, managedFields: approvalEntries(managedFields) } : metadata,
        spec,
        ...(status !== undefined && { status }),
      }),
      on: {
        ...events('remediations'),
        upsert: handlers.remediations.upsert,
        remove: (_, { uid }) => handlers.remediations.remove(uid),
      },
    }),
    createReflector<KubeObject, boolean>({
      ...common('namespaces'),
      path: pathOf({ apiVersion: 'v1', kind: 'Namespace' }),
      query: { fieldSelector: `metadata.name=${namespace}` },
      project: ({ metadata }) => pauses(metadata),
      on: { ...events('namespaces'), upsert: handlers.paused, remove: () => handlers.paused(true) },
    }),
    createReflector<Pod, Pod>({
      ...common('pods'),
      path: pathOf({ apiVersion: 'v1', kind: 'Pod' }),
      query: { fieldSelector: 'status.phase=Pending,spec.nodeName!=' },
      project: pendingPod,
      on: { ...events('pods'), upsert: handlers.pods.upsert, remove: handlers.pods.remove },
    }),
    createReflector<KubeEvent, { ref: PodRef; warning: WarningEvent }>({
      ...common('events'),
      path: pathOf({ apiVersion: 'v1', kind: 'Event' }),
      query: { fieldSelector: 'type=Warning,involvedObject.kind=Pod' },
      project: warningEventOf,
      keep: false,
      on: { ...events('events'), upsert: ({ ref, warning }) => handlers.warning(ref, warning) },
    }),
    nodes,
  ]
  // Without permission to watch nodes, image remedies still work; failures caused by nodes are then held as unknown.
  const read = reflectors.map((one) => (one === nodes ? Promise.race([one.synced, refusal.promise]) : one.synced))
  return {
    start: () => reflectors.forEach((reflector) => reflector.start()),
    stop: async () => void (await Promise.all(reflectors.map((reflector) => reflector.stop()))),
    synced: Promise.all(read).then(() => undefined),
    quiet: (ms, now) =>
      WATCHES.filter((_, i) => {
        const reflector = reflectors[i]
        if (reflector === nodes && nodesRefused) return false
        return !reflector?.hasSynced() || now - reflector.lastActivity() > ms
      }),
  }
}
