/** Builders for the tests of decisions on nodes: a case that would restart docker, and words to change one thing about it. */
import type { NodeTask, Remediation } from '../api/kinds.ts'
import type { NodeInspection, NodeTaskStatus } from '../api/node-task.ts'
import type { RemediationStep } from '../api/remediation.ts'
import type { NodeCause } from '../model/causes.ts'
import type { DecisionInput, NodeState } from '../model/decision-input.ts'
import { type FailingPod, type Finding, incidentKey, known, type NodeFacts } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { API_VERSION } from '../model/names.ts'
import type { NodeTaskRequest } from '../model/plan.ts'
import {
  aCase,
  aNamespace,
  aNode,
  anOwner,
  aPod,
  aPolicy,
  aRecord,
  at,
  type InputOverrides,
  NOW,
  type PodOverrides,
  type PolicyOverrides,
} from './testing.ts'

export const NODE = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'node-1' } as const

type Parts = { readonly [K in keyof NodeInspection]?: Partial<NodeInspection[K] & object> }

const chain = (table: string, name = 'DOCKER') => ({ backend: 'nft', family: 'ip', table, name }) as const
export const DOCKERS_CHAINS = [chain('filter'), chain('nat')]

/** A node of Debian with containerd, beside which docker runs; the chains of docker are gone. */
export const anInspection = (parts: Parts = {}): NodeInspection =>
  ({
    at: at(-1_000),
    os: { known: true, id: 'debian', versionId: '12', name: 'Debian 12', ...parts.os },
    runtime: { known: true, name: 'containerd', version: '1.7.27', answers: true, ...parts.runtime },
    units: {
      known: true,
      list: [{ name: 'docker.service', load: 'loaded', active: 'active', enabled: 'enabled' }],
      ...parts.units,
    },
    chains: { known: true, list: [], ...parts.chains },
    mounts: { known: true, helpers: [], filesystems: ['ext4'], ...parts.mounts },
    docker: { known: true, installed: true, liveRestore: false, managesChains: true, ...parts.docker },
  }) as NodeInspection

const MESSAGES: Readonly<Record<NodeCause, string>> = {
  IptablesChainMissing: 'iptables: No chain/target/match by that name.',
  RuntimeUnresponsive: 'container runtime is down',
  SandboxStale: 'failed to reserve sandbox name',
  SandboxNameConflict: 'name is already in use',
  MountHelperMissing: 'you might need a /sbin/mount.<type> helper program',
}
const DETAILS: Partial<Record<NodeCause, string>> = { IptablesChainMissing: 'DOCKER', MountHelperMissing: 'nfs' }

export const ofNode = (cause: NodeCause, words: Partial<Finding> = {}): Finding => {
  const detail = DETAILS[cause]
  return {
    container: '',
    init: false,
    image: '',
    cause,
    message: MESSAGES[cause],
    source: 'agent',
    possibleCauses: [],
    ...(detail !== undefined && { detail }),
    ...words,
  }
}

export interface WaitingPodOverrides extends PodOverrides {
  readonly cause?: NodeCause
  readonly finding?: Partial<Finding>
  /** Kind of its controller; empty where it has none. */
  readonly ownedBy?: string
  readonly since?: number
}

const owned = (pod: Pod, kind: string): Pod =>
  kind === ''
    ? pod
    : {
        ...pod,
        metadata: {
          ...pod.metadata,
          ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'o', uid: 'o', controller: true }],
        },
      }

const withoutSandbox = (pod: Pod): Pod => ({
  ...pod,
  status: { ...pod.status, conditions: [{ type: 'PodReadyToStartContainers', status: 'False' }] },
})

/** Waits for its sandbox on node n1, in namespace web; the kubelet writes that it has none. */
export const aWaitingPod = ({
  cause = 'IptablesChainMissing',
  finding,
  ownedBy = 'DaemonSet',
  since = -120_000,
  ...words
}: WaitingPodOverrides = {}): FailingPod => ({
  pod: owned(withoutSandbox(aPod({ name: 'ingress-a', namespace: 'web', statuses: [], ...words })), ownedBy),
  findings: [ofNode(cause, finding)],
  since: NOW + since,
})

/** The node's own object: the kubelet itself says that its runtime is down. */
export const theNodeItself = (finding: Partial<Finding> = {}): FailingPod => ({
  pod: {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1', uid: 'node-1', resourceVersion: '' },
    spec: { nodeName: 'n1' },
  },
  findings: [ofNode('RuntimeUnresponsive', { source: 'kubelet', ...finding })],
  since: NOW - 120_000,
})

/** The pod as it is once its sandbox is made. */
export const recoveredPod = (words: PodOverrides & { readonly since?: number } = {}): Pod => {
  const { since = -30_000, ...rest } = words
  const pod = aPod({ name: 'ingress-a', namespace: 'web', statuses: [], ...rest })
  const condition = { type: 'PodReadyToStartContainers', status: 'True', lastTransitionTime: at(since) }
  return { ...pod, status: { ...pod.status, conditions: [condition] } }
}

export const nodes = (count: number, words: Readonly<Record<number, Partial<NodeState>>> = {}): readonly NodeState[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `n${i + 1}`,
    uid: `node-${i + 1}`,
    labels: {},
    ready: true,
    controlPlane: false,
    unschedulable: false,
    platform: 'linux/amd64',
    ...words[i + 1],
  }))

export const nodePolicy = ({ match, ...words }: PolicyOverrides = {}) =>
  aPolicy({
    name: 'nodes',
    actions: [action('RestartRuntime')],
    ...words,
    match: {
      causes: [
        'IptablesChainMissing',
        'RuntimeUnresponsive',
        'SandboxStale',
        'SandboxNameConflict',
        'MountHelperMissing',
      ],
      namespaces: undefined,
      failingFor: '0s',
      ...match,
    },
  })

export const action = (type: string, options: object = {}): object => ({ type, timeout: '5m', ...options })

export interface NodeInputOverrides extends Omit<InputOverrides, 'owner' | 'incident' | 'nodes'> {
  readonly cause?: NodeCause
  readonly node?: Partial<NodeFacts>
  readonly inspection?: Parts
  readonly nodes?: readonly NodeState[]
}

/** Docker's chain is gone on node n1 of three, everything is known, and one policy allows the restart. */
export const aNodeCase = ({
  cause = 'IptablesChainMissing',
  node,
  inspection,
  nodes: all = nodes(3),
  facts,
  pods = [aWaitingPod({ cause })],
  ...words
}: NodeInputOverrides = {}): DecisionInput =>
  aCase({
    policies: [nodePolicy()],
    ...words,
    nodes: known(all),
    owner: { ...anOwner({ kind: 'Node', name: 'n1' }), ref: NODE, containers: [], recreatesPods: false },
    pods,
    incident: { key: incidentKey(NODE, cause), area: cause, templateHash: 'node' },
    facts: {
      namespace: undefined,
      namespaces: { web: known(aNamespace({ name: 'web' })), 'kube-system': known(aNamespace()) },
      node: known(aNode({ runtimeVersion: 'containerd://1.7.27', ...node })),
      inspection: known(anInspection(inspection)),
      volumes: {},
      nodePods: known(pods.map(({ pod }) => pod).filter(({ kind }) => kind !== 'Node')),
      optOuts: known([]),
      failingOptOuts: [],
      ...facts,
    },
  })

/** A record of that policy, with one step that was ordered a minute ago. */
export const aNodeRecord = (
  step: Partial<RemediationStep> = {},
  words: Parameters<typeof aRecord>[0] = {},
): Remediation =>
  aRecord({
    name: 'n1-iptableschainmissing-1',
    ...words,
    spec: {
      policy: { name: 'nodes', uid: 'uid-nodes', generation: 1 },
      cause: 'IptablesChainMissing',
      target: NODE,
      templateHash: 'node',
      ...words.spec,
    },
    steps: words.steps ?? [
      {
        index: 0,
        attempt: 1,
        action: 'RestartRuntime',
        state: 'Done',
        target: NODE,
        pods: [{ name: 'ingress-a', uid: 'uid-ingress-a', namespace: 'web' }],
        node: { tasks: ['restartruntime-plan-1-0'], runtime: 'docker', reason: 'ChainMissing', touches: '' },
        planHash: 'plan-1',
        intendedAt: at(-61_000),
        actedAt: at(-60_000),
        ...step,
      },
    ],
  })

/** An order as it stands on the server, answered so. */
export const aTask = (status?: NodeTaskStatus, order: Partial<NodeTaskRequest> = {}, deadline = 240_000): NodeTask => ({
  apiVersion: API_VERSION,
  kind: 'NodeTask',
  metadata: {
    name: order.name ?? 'restartruntime-plan-1-0',
    uid: 'task-1',
    resourceVersion: '1',
    namespace: 'podmend',
  },
  spec: {
    nodeName: 'n1',
    nodeUid: 'node-1',
    verb: 'RestartRuntime',
    restartRuntime: { runtime: 'docker', reason: 'ChainMissing' },
    ...order.spec,
    deadline: at(deadline),
  },
  ...(status && { status }),
})

/** An order to remove the sandboxes of a pod: one was dead, and was removed. */
export const aRecycling = (
  podUid: string,
  status: NodeTaskStatus = { phase: 'Succeeded', reason: 'Done', message: 'removed', before: { sandboxes: ['s1'] } },
): NodeTask => {
  const task = aTask(status)
  const { restartRuntime: _, ...spec } = task.spec
  return { ...task, spec: { ...spec, verb: 'RecycleSandbox', recycleSandbox: { podUid } } }
}
