/** What people and other programs do in the middle of a remediation, and what it forbids from then on. */
import { pathOf } from '../src/kube/paths.ts'
import type { KubeObject } from '../src/model/kubernetes.ts'
import type { HoldReason } from '../src/model/reasons.ts'
import { ApiError } from '../testbed/kubelet/api.ts'
import { HOST, NEW, OLD } from '../testbed/moved-project.ts'
import type { AuditedWrite } from './history.ts'
import { nodeOf } from './node-workloads.ts'
import type { Stage } from './play.ts'
import { decideOn } from './workloads.ts'

export interface Step {
  /** Completes "it was known that …". */
  readonly what: string
  readonly take: (stage: Stage) => Promise<unknown>
  readonly forbids?: (write: AuditedWrite) => boolean
  /** Also where the incident is a node's. */
  readonly nodes?: true
  /** The reason with which a record names it as what stopped a begun step. */
  readonly stops?: HoldReason
  /** Deletes the records that there are. */
  readonly forgets?: true
  /** Of these workloads alone. */
  readonly only?: readonly string[]
}

const MERGE = 'application/merge-patch+json'

const everything = (): boolean => true
const patchesOwner = ({ verb, resource }: AuditedWrite): boolean => verb === 'patch' && resource !== 'pods'

const patchPolicy = (spec: object) => (stage: Stage) =>
  stage.cluster.api.call('PATCH', pathOf({ kind: 'RemediationPolicy', name: stage.namespace }), { spec }, MERGE)

const ownerOf = ({ workload: { kind }, namespace }: Stage): string => pathOf({ kind, namespace, name: 'web' })

const annotate = (path: string, { cluster }: Stage, annotation: string): Promise<unknown> =>
  cluster.api.call('PATCH', path, { metadata: { annotations: { [annotation]: 'true' } } }, MERGE)

interface Owner {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: object
}

/** As `kubectl replace --force` does. */
const recreate = async (stage: Stage): Promise<void> => {
  const { api } = stage.cluster
  const path = ownerOf(stage)
  const { metadata, spec, ...rest } = await api.call<Owner>('GET', path)
  const { name, namespace, labels } = metadata
  await api.call('DELETE', path, { propagationPolicy: 'Background' })
  await api.call('POST', path.replace(/\/[^/]+$/, ''), { ...rest, metadata: { name, namespace, labels }, spec })
}

const setImage = (image: string) => async (stage: Stage) => {
  const { api } = stage.cluster
  const container = { containers: [{ name: 'web', image }] }
  const template = { template: { spec: container } }
  const spec = stage.workload.kind === 'CronJob' ? { jobTemplate: { spec: template } } : template
  await api.call('PATCH', ownerOf(stage), { spec }, 'application/strategic-merge-patch+json')
}

/** Only what was rewritten can be changed back. */
const revertImage = async (stage: Stage): Promise<void> => {
  const { metadata } = await stage.cluster.api.call<KubeObject>('GET', ownerOf(stage))
  if (metadata.annotations?.['podmend.io/original-image'] === undefined) throw new ApiError(404, 'it is not rewritten')
  await setImage(`${OLD}/web:1`)(stage)
}

/** The API server refuses a second decision on a plan. */
const missedIfDecided = (cause: unknown): never => {
  if (cause instanceof ApiError && cause.status === 422) throw new ApiError(404, `decided before: ${cause.message}`)
  throw cause
}

const DEPLOYMENTS_OF_A = ['deployment', 'two-policies', 'two-controllers', 'approval', 'edit-fight', 'undo']
const NODES = ['restart-runtime', 'recycle-sandbox', 'flag-node', 'install-mount-helper']
const REWRITES = [...DEPLOYMENTS_OF_A, 'statefulset', 'daemonset', 'cronjob']

/** What does not help is known to be over soon. */
const RECYCLE_ONLY = [{ type: 'RecyclePod', timeout: '5s', recyclePod: { method: 'Evict' } }]
const ELSEWHERE = [
  {
    type: 'RewriteImage',
    rewriteImage: { rules: [{ from: `${OLD}/`, to: `${HOST}/elsewhere/` }], verify: 'Required' },
  },
]

export const STEPS: Readonly<Record<string, Step>> = {
  'policy-suspended': {
    what: 'the policy is suspended',
    take: patchPolicy({ suspend: true }),
    forbids: everything,
    stops: 'PolicySuspended',
    nodes: true,
  },
  'policy-observes': {
    what: 'the policy only observes',
    take: patchPolicy({ mode: 'Observe' }),
    forbids: everything,
    stops: 'ObserveOnly',
    nodes: true,
  },
  'policy-deleted': {
    what: 'the policy is deleted',
    take: ({ cluster, namespace }) =>
      cluster.api.call('DELETE', pathOf({ kind: 'RemediationPolicy', name: namespace })),
    forbids: everything,
    nodes: true,
  },
  'policy-narrowed': {
    what: 'the policy is for another namespace',
    take: patchPolicy({ match: { namespaces: ['elsewhere'] } }),
    forbids: everything,
  },
  'policy-retargeted': {
    what: 'the policy rewrites to another place',
    take: patchPolicy({ actions: ELSEWHERE }),
    forbids: ({ sent }) => JSON.stringify(sent ?? '').includes(`"value":"${NEW}/`),
    only: REWRITES,
  },
  'action-removed': {
    what: 'the policy rewrites no image',
    take: patchPolicy({ actions: RECYCLE_ONLY, onIneffective: 'Keep' }),
    forbids: patchesOwner,
    only: REWRITES,
  },
  'action-became-evict': {
    what: 'the policy evicts and does not delete',
    take: patchPolicy({ actions: RECYCLE_ONLY }),
    forbids: ({ verb, resource }) => verb === 'delete' && resource === 'pods',
    only: ['recycle-delete'],
  },
  'operator-paused': {
    what: 'the operator is paused',
    take: (stage) => annotate(pathOf({ kind: 'Namespace', name: stage.lane.operator }), stage, 'podmend.io/paused'),
    forbids: everything,
    stops: 'OperatorPaused',
  },
  'namespace-excluded': {
    what: 'the namespace is excluded',
    take: (stage) => annotate(pathOf({ kind: 'Namespace', name: stage.namespace }), stage, 'podmend.io/exclude'),
    forbids: everything,
    stops: 'OptedOut',
  },
  'owner-excluded': {
    what: 'the workload is excluded',
    take: (stage) => annotate(ownerOf(stage), stage, 'podmend.io/exclude'),
    forbids: everything,
    stops: 'OptedOut',
  },
  'owner-scaled-to-zero': {
    what: 'the workload is scaled to zero',
    take: (stage) => stage.cluster.api.call('PATCH', ownerOf(stage), { spec: { replicas: 0 } }, MERGE),
    only: [...DEPLOYMENTS_OF_A, 'statefulset', 'recycle-delete', 'recycle-evict'],
  },
  'owner-scaled-up': {
    what: 'the workload is scaled up',
    take: (stage) => stage.cluster.api.call('PATCH', ownerOf(stage), { spec: { replicas: 3 } }, MERGE),
    only: [...DEPLOYMENTS_OF_A, 'statefulset'],
  },
  'owner-deleted': {
    what: 'the workload is deleted',
    take: (stage) => stage.cluster.api.call('DELETE', ownerOf(stage), { propagationPolicy: 'Background' }),
  },
  'owner-recreated': { what: 'the workload is another one', take: recreate },
  'image-fixed': {
    what: 'a person corrected the image',
    take: setImage('healthy.test/app:1'),
    forbids: patchesOwner,
    only: REWRITES,
  },
  'image-reverted': {
    what: 'a person changed the image back',
    take: revertImage,
    forbids: patchesOwner,
    only: REWRITES.filter((name) => name !== 'undo'),
  },
  'pods-replaced': {
    what: 'the pods are others',
    take: ({ cluster, namespace }) => cluster.api.call('DELETE', pathOf({ kind: 'Pod', namespace })),
  },
  'record-deleted': {
    what: 'the record is deleted',
    forgets: true,
    take: ({ cluster, namespace }) => cluster.api.call('DELETE', pathOf({ kind: 'Remediation', namespace })),
  },
  'node-cordoned': {
    what: 'the node is cordoned',
    take: (stage) =>
      stage.cluster.api.call(
        'PATCH',
        pathOf({ kind: 'Node', name: nodeOf(stage) }),
        { spec: { unschedulable: true } },
        MERGE,
      ),
    forbids: everything,
    only: ['restart-runtime', 'install-mount-helper'],
  },
  'node-excluded': {
    what: 'the node is excluded',
    take: (stage) => annotate(pathOf({ kind: 'Node', name: nodeOf(stage) }), stage, 'podmend.io/exclude'),
    forbids: everything,
    stops: 'OptedOut',
    only: NODES,
  },
  'approval-denied': {
    what: 'the plan is denied',
    take: (stage) => decideOn(stage, 'Denied').catch(missedIfDecided),
    only: ['approval'],
  },
}
