import type { Remediation } from '../api/kinds.ts'
import type { KubeClient } from '../kube/client.ts'
import { forbidden } from '../kube/errors.ts'
import { createReflector, type Reflector } from '../kube/informer.ts'
import { pathOf } from '../kube/paths.ts'
import type { KubeEvent, KubeObject, Node, Pod } from '../model/kubernetes.ts'
import { PAUSED_ANNOTATION } from '../model/names.ts'
import { approvalEntries } from '../model/remediation-state.ts'
import type { Clock } from '../runtime/clock.ts'
import { type NodeSighting, nodeSighting } from './node-cache.ts'
import type { PodRef, Word } from './pod-cache.ts'
import { pendingPod } from './pod-projection.ts'
import { wordOf } from './warning-event.ts'

/** Where the signals go. Handlers are synchronous: they note what changed and look later. */
export interface Signals {
  readonly pendingPod: (pod: Pod) => void
  /** A pod left the selection: it started, it failed, or it is gone. The object is as it was. */
  readonly leftPending: (pod: Pod) => void
  readonly word: (ref: PodRef, word: Word) => void
  /** As it stands on the server, whatever that is: understanding it is not for here. */
  readonly policy: (policy: KubeObject) => void
  readonly policyGone: (uid: string) => void
  readonly remediation: (record: Remediation) => void
  readonly remediationGone: (uid: string) => void
  /** The operator's own namespace: whether the stop annotation is on it. */
  readonly paused: (paused: boolean) => void
  readonly node: (node: NodeSighting) => void
  readonly nodeGone: (uid: string) => void
  /** All nodes were read, and are heard of. */
  readonly nodesSeen: () => void
  /** The nodes cannot be watched; everything else goes on. */
  readonly nodesUnseen: (why: string) => void
}

export interface WatchDeps {
  readonly client: Pick<KubeClient, 'list' | 'stream'>
  /** The operator's own. */
  readonly namespace: string
  readonly signals: Signals
  readonly onError: (error: unknown, about: { readonly name: string; readonly retryInMs?: number }) => void
  readonly onActivity: (name: string, at: number) => void
  readonly clock: Clock
}

export interface Watch {
  readonly start: () => void
  readonly stop: () => Promise<void>
  /** Resolves when everything that decisions rest on was read once. */
  readonly synced: Promise<void>
  /** Names of the watches that have not read everything yet, or were silent for longer than `ms`. */
  readonly quiet: (ms: number, now: number) => readonly string[]
}

/** Names of the watches, in the order in which they are made. */
export const WATCHES = ['remediationpolicies', 'remediations', 'namespaces', 'pods', 'events', 'nodes'] as const

/**
 * All watches, by field selectors on the server, so that memory and traffic grow with what is broken. Pods in phase
 * Pending that have a node, Warning Events of pods, and our own objects. Of nodes all are watched, each a few lines.
 */
export const createWatch = ({ client, namespace, signals, onError, onActivity, clock }: WatchDeps): Watch => {
  const common = (name: string) => ({
    name,
    client,
    onError,
    clock,
    onActivity: (at: number) => onActivity(name, at),
  })
  const own = (kind: 'RemediationPolicy' | 'Remediation'): string => pathOf({ apiVersion: 'podmend.io/v1alpha1', kind })

  const refusal = Promise.withResolvers<void>()
  let nodesRefused = false
  const nodes = createReflector<Node, NodeSighting>({
    ...common('nodes'),
    path: pathOf({ apiVersion: 'v1', kind: 'Node' }),
    project: nodeSighting,
    on: { upsert: signals.node, remove: (_, { uid }) => signals.nodeGone(uid), synced: signals.nodesSeen },
    onActivity: (at) => {
      onActivity('nodes', at)
      nodesRefused = false
      if (nodes.hasSynced()) signals.nodesSeen()
    },
    onError: (error, about) => {
      onError(error, about)
      if (!forbidden(error)) return
      nodesRefused = true
      signals.nodesUnseen('the right to list and watch nodes is missing')
      refusal.resolve()
    },
  })

  const reflectors: readonly Reflector<unknown>[] = [
    createReflector<KubeObject, KubeObject>({
      ...common('remediationpolicies'),
      path: own('RemediationPolicy'),
      project: (object) => object,
      on: { upsert: signals.policy, remove: (_, { uid }) => signals.policyGone(uid) },
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
      on: { upsert: signals.remediation, remove: (_, { uid }) => signals.remediationGone(uid) },
    }),
    createReflector<KubeObject, boolean>({
      ...common('namespaces'),
      path: pathOf({ apiVersion: 'v1', kind: 'Namespace' }),
      query: { fieldSelector: `metadata.name=${namespace}` },
      project: ({ metadata }) => metadata.annotations?.[PAUSED_ANNOTATION] === 'true',
      on: { upsert: signals.paused, remove: () => signals.paused(true) },
    }),
    createReflector<Pod, Pod>({
      ...common('pods'),
      path: pathOf({ apiVersion: 'v1', kind: 'Pod' }),
      query: { fieldSelector: 'status.phase=Pending,spec.nodeName!=' },
      project: pendingPod,
      on: { upsert: signals.pendingPod, remove: signals.leftPending },
    }),
    createReflector<KubeEvent, { ref: PodRef; word: Word }>({
      ...common('events'),
      path: pathOf({ apiVersion: 'v1', kind: 'Event' }),
      query: { fieldSelector: 'type=Warning,involvedObject.kind=Pod' },
      project: wordOf,
      keep: false,
      on: { upsert: ({ ref, word }) => signals.word(ref, word) },
    }),
    nodes,
  ]
  // An installation without the right to nodes goes on with images: what lies with nodes is then unknown, and holds.
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
