/** The cluster of model.test.ts: two workloads and a node that fail. Nothing in it decides. */
import type { Remediation } from '../api/kinds.ts'
import { NODE, ofNode } from '../decide/testing-nodes.ts'
import { NOW } from '../decide/testing.ts'
import type { Finding } from '../model/incident.ts'
import type { ObjectRef } from '../model/kubernetes.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const MAX_PER_HOUR = 4
export const STABLE = 30_000
export const OLD = 'harbor.od.com/k8s/web:1'
export const NEW = 'harbor.od.com/public/web:1'

export interface Broken {
  readonly name: string
  readonly uid: string
  image: string
  readonly since: number
  startedAt?: number
  leaving?: true
  excluded?: boolean
  /** The owner of a node's pod opted out. */
  ownerExcluded?: boolean
  /** Only an Event reports that it fails. */
  hearsay?: boolean
}

export interface Target {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly area: 'image' | 'IptablesChainMissing'
  image: string
  version: number
  excluded: boolean
  managed: boolean
  pods: Broken[]
  records: Remediation[]
  /** A person took this policy's image back. */
  reverted?: { readonly uid: string; readonly generation: number }
  /** Tasks for the agent, and how it answered. */
  tasks: { readonly name: string; done?: boolean }[]
  flagged?: string
}

export interface Spec {
  readonly mode: 'Observe' | 'Approve' | 'Enforce'
  readonly suspend: boolean
  readonly priority: number
  readonly causes: readonly string[]
  readonly namespaces: readonly string[] | undefined
  readonly failingFor: string
  readonly actions: readonly object[]
  readonly onIneffective: 'Keep' | 'Undo'
  readonly managedWorkloads: 'Hold' | 'Act'
  readonly controlPlaneNodes: 'Hold' | 'Act'
  readonly approvalTimeout: string
  readonly limits: {
    readonly cooldown: string
    readonly maxAttempts: number
    readonly maxConcurrent: number
    readonly maxPerHour: number
    readonly maxUnhealthyNodes: string
  }
}

interface Begun {
  readonly policy: string
  readonly target: Target
  readonly attempt: number
  readonly at: number
}

export interface World {
  now: number
  serial: number
  policies: Map<string, { readonly spec: Spec; readonly generation: number; readonly uid: string }>
  paused: boolean
  /** Facts that nobody may read. */
  readonly unread: Set<string>
  excludedNamespaces: Set<string>
  /** What the registry says of the image that a rule gives. */
  answer: 'there' | 'gone' | 'arm' | 'silent'
  node: { excluded: boolean; cordoned: boolean; controlPlane: boolean; othersDown: number }
  readonly targets: readonly [Target, Target, Target]
  begun: Begun[]
  /** By target: the plan that was shown for approval last, and the end of the time to decide. */
  readonly shown: Map<string, { readonly hash: string; readonly diff: string; readonly until: number }>
  /** When people approved a plan, by its hash. */
  readonly approved: Map<string, number>
}

export const brokenPod = (world: World, target: Target, more: Partial<Broken> = {}): Broken => {
  const name = `${target.name}-${(world.serial += 1)}`
  return { name, uid: `uid-${name}`, image: target.image, since: world.now, ...more }
}

const newTarget = (name: string, namespace: string, uid: string, area: Target['area']): Target => ({
  name,
  namespace,
  uid,
  area,
  image: OLD,
  version: 1,
  excluded: false,
  managed: false,
  pods: [],
  records: [],
  tasks: [],
})

export const newWorld = (): World => {
  const targets = [
    newTarget('shop', 'web', 'owner-1', 'image'),
    newTarget('dns', 'kube-system', 'owner-2', 'image'),
    newTarget('n1', 'web', NODE.uid, 'IptablesChainMissing'),
  ] as const
  const world: World = {
    now: NOW,
    serial: 0,
    policies: new Map(),
    paused: false,
    unread: new Set(),
    excludedNamespaces: new Set(),
    answer: 'there',
    node: { excluded: false, cordoned: false, controlPlane: false, othersDown: 0 },
    targets,
    begun: [],
    shown: new Map(),
    approved: new Map(),
  }
  for (const target of targets) target.pods.push(brokenPod(world, target, { since: NOW - 5 * MINUTE }))
  return world
}

export const isNode = ({ area }: Target): boolean => area !== 'image'
export const refOf = (target: Target): ObjectRef =>
  isNode(target)
    ? NODE
    : {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: target.namespace,
        name: target.name,
        uid: target.uid,
      }
export const fails = (pod: Broken): boolean => pod.startedAt === undefined
export const hashOfTemplate = (target: Target): string =>
  isNode(target) ? 'node' : `h-${target.image === OLD ? 'old' : 'new'}`

export const findingOf = (target: Target, pod: Broken): Finding =>
  isNode(target)
    ? ofNode('IptablesChainMissing', pod.hearsay ? { source: 'event' } : {})
    : {
        container: 'web',
        init: false,
        image: pod.image,
        cause: pod.image === OLD ? 'ProjectNotFound' : 'ManifestNotFound',
        message: 'not found',
        source: pod.hearsay ? 'event' : 'kubelet',
        possibleCauses: [],
      }

/** A step was begun and has no outcome yet. */
export const unfinished = ({ status }: Remediation): boolean => {
  const state = status?.steps?.findLast((step) => step.state !== 'Planned')?.state
  return status?.finishedAt === undefined && (state === 'Intended' || state === 'Done')
}

export const inProgress = ({ status }: Remediation): boolean =>
  status?.phase === 'Running' || status?.phase === 'Verifying'
