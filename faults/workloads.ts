/** The incidents that are played, each with the end that it has without a fault. */
import { isDeepStrictEqual } from 'node:util'
import type { Remediation } from '../src/api/kinds.ts'
import { pathOf } from '../src/kube/paths.ts'
import { eventually } from '../testbed/eventually.ts'
import { ApiError } from '../testbed/kubelet/api.ts'
import { HOST, movedProjectPolicy, NEW, OLD } from '../testbed/moved-project.ts'
import { cronJob, daemonSet, deployment, statefulSet } from '../test/repair/objects.ts'
import type { Place } from './cluster.ts'
import type { End } from './end.ts'
import { NODE_WORKLOADS } from './node-workloads.ts'
import { policyLabel, USUAL, type Workload } from './workload.ts'

const PATIENTLY = { timeoutMs: 60_000, everyMs: 200 }
const MERGE = 'application/merge-patch+json'

const policy = async ({ cluster, namespace }: Place, spec: object = {}, name = namespace): Promise<void> => {
  const made = movedProjectPolicy(namespace, name, spec) as { metadata: object }
  await cluster.apply({ ...made, metadata: { ...made.metadata, labels: policyLabel(namespace) } })
}

/** Pods that run only on the nodes of the lane. */
const inLane = ({ lane }: Place): { podSpec: { nodeSelector: Record<string, string> } } => {
  const [key = '', value = ''] = lane.nodeLabel.split('=')
  return { podSpec: { nodeSelector: { [key]: value } } }
}

const hasSucceeded = ({ records }: End): boolean => records.length === 1 && records[0]?.phase === 'Succeeded'

const IMAGE = `${NEW}/web:1`

/** Rewritten in one step of one attempt, with what an undo needs, and nothing waits any more. */
const isRewritten = (end: End): boolean =>
  hasSucceeded(end) &&
  isDeepStrictEqual(end.records[0]?.steps, ['RewriteImage Succeeded']) &&
  end.records[0]?.attempts === 1 &&
  isDeepStrictEqual(end.images, [IMAGE]) &&
  end.original === JSON.stringify({ web: `${OLD}/web:1` }) &&
  end.pods.length > 0 &&
  end.pods.every((pod) => pod === `${IMAGE} ready`)

const incidentA = (kind: Workload['kind'], make: (place: Place) => object): Workload => ({
  name: kind.toLowerCase(),
  kind,
  limits: USUAL,
  begin: async (place) => {
    await policy(place)
    await place.cluster.apply(make(place))
  },
  isOver: isRewritten,
})

const recordsIn = async ({ cluster, namespace }: Place): Promise<readonly Remediation[]> =>
  (await cluster.api.call<{ items: Remediation[] }>('GET', pathOf({ kind: 'Remediation', namespace }))).items

const until = <T>(place: Place, find: (records: readonly Remediation[]) => T | undefined): Promise<T> =>
  eventually(
    async () => {
      const found = find(await recordsIn(place))
      if (found === undefined) throw new Error('not yet')
      return found
    },
    { ...PATIENTLY, timeoutMs: 300_000, signal: place.signal },
  )

/** Unless a person has deleted it or scaled it to zero by now. */
const wantsPods = async ({ cluster, namespace }: Place): Promise<boolean> => {
  const path = pathOf({ kind: 'Deployment', namespace })
  const { items } = await cluster.api.call<{ items: { spec: { replicas: number } }[] }>('GET', path)
  return items.some(({ spec }) => spec.replicas > 0)
}

/** The pull secret comes after the pod, which therefore never gets it: only a new pod does. */
const recycle = (method: 'Delete' | 'Evict'): Workload => ({
  name: `recycle-${method.toLowerCase()}`,
  kind: 'Deployment',
  limits: USUAL,
  begin: async (place) => {
    const { cluster, namespace } = place
    // The nodes of a lane keep the image that another run pulled with its secret.
    const containers = [{ name: 'web', image: `${HOST}/team/web:1`, imagePullPolicy: 'Always' }]
    await cluster.apply(deployment(namespace, { podSpec: { ...inLane(place).podSpec, containers } }))
    await eventually(async () => {
      const { items } = await cluster.api.call<{ items: { spec: { nodeName?: string } }[] }>(
        'GET',
        pathOf({ kind: 'Pod', namespace }),
      )
      if (items[0]?.spec.nodeName === undefined && (await wantsPods(place))) throw new Error('no pod yet')
    }, PATIENTLY)
    const login = { username: 'robot', password: 'secret', auth: btoa('robot:secret') }
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pull', namespace },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': btoa(JSON.stringify({ auths: { [HOST]: login } })) },
    })
    const account = pathOf({ kind: 'ServiceAccount', namespace, name: 'default' })
    await cluster.api.call('PATCH', account, { imagePullSecrets: [{ name: 'pull' }] }, MERGE)
    await policy(place, { actions: [{ type: 'RecyclePod', timeout: '30s', recyclePod: { method } }] })
  },
  isOver: hasSucceeded,
})

const undo: Workload = {
  name: 'undo',
  kind: 'Deployment',
  limits: { ...USUAL, maxAttempts: 1 },
  begin: async (place) => {
    const rules = [{ from: `${OLD}/`, to: `${NEW}/` }]
    await policy(place, {
      actions: [{ type: 'RewriteImage', timeout: '5s', rewriteImage: { rules } }],
      onIneffective: 'Undo',
      limits: { maxAttempts: 1 },
    })
    await place.cluster.apply(deployment(place.namespace, { image: `${OLD}/crashing:1`, ...inLane(place) }))
  },
  // The image from before still fails: after the undo it is held, on a record of its own.
  isOver: ({ records: [undone, held], images, original }) =>
    undone?.phase === 'Ineffective' &&
    undone.attempts === 1 &&
    isDeepStrictEqual(undone.steps, ['RewriteImage Ineffective', 'RewriteImage Undone']) &&
    held?.phase === 'Held' &&
    isDeepStrictEqual(images, [`${OLD}/crashing:1`]) &&
    original === undefined,
}

const twoPolicies: Workload = {
  name: 'two-policies',
  kind: 'Deployment',
  limits: USUAL,
  begin: async (place) => {
    const rules = [{ from: `${OLD}/`, to: `${HOST}/elsewhere/` }]
    await policy(place, { actions: [{ type: 'RewriteImage', rewriteImage: { rules } }] }, `${place.namespace}-low`)
    await policy(place, { priority: 10 })
    await place.cluster.apply(deployment(place.namespace, inLane(place)))
  },
  isOver: isRewritten,
}

/** A person changes the image back after the repair, and is not fought. */
const editFight: Workload = {
  name: 'edit-fight',
  kind: 'Deployment',
  limits: { ...USUAL, cooldownMs: 10_000, maxAttempts: 5 },
  begin: async (place) => {
    await policy(place, { limits: { cooldown: '10s', maxAttempts: 5 } })
    await place.cluster.apply(deployment(place.namespace, inLane(place)))
  },
  people: async (place) => {
    await until(place, (records) => records.find(({ status }) => status?.phase === 'Succeeded'))
    await setImage(place, `${OLD}/web:1`)
  },
  isOver: ({ records }) => records.some(({ reason }) => reason === 'EditReverted'),
}

export const setImage = ({ cluster, namespace }: Place, image: string): Promise<unknown> =>
  cluster.kubectl(['set', 'image', 'deployment/web', `web=${image}`, '-n', namespace])

/** Whoever may decides on the plan that is proposed now. Throws 404 where none is. */
export const decideOn = async (place: Place, decision: 'Approved' | 'Denied'): Promise<void> => {
  const found = (await recordsIn(place)).find(
    ({ status }) => status?.phase === 'AwaitingApproval' && status.planHash !== undefined,
  )
  if (!found) throw new ApiError(404, 'no plan is proposed')
  const { metadata, status } = found
  const approval = { decision, planHash: status?.planHash, by: 'kubernetes-admin' }
  const path = pathOf({ kind: 'Remediation', namespace: metadata.namespace, name: metadata.name })
  await place.cluster.api.call('PATCH', path, { spec: { approval } }, MERGE)
}

const approval: Workload = {
  name: 'approval',
  kind: 'Deployment',
  limits: { ...USUAL, approval: true },
  begin: async (place) => {
    await policy(place, { mode: 'Approve' })
    await place.cluster.apply(deployment(place.namespace, inLane(place)))
  },
  // No plan is proposed at first, and the record may change between the reading and the decision.
  people: (place) =>
    eventually(() => decideOn(place, 'Approved'), { ...PATIENTLY, timeoutMs: 300_000, signal: place.signal }),
  isOver: isRewritten,
}

/** It is not decided in time: the plan expires and is never carried out. */
const approvalExpired: Workload = {
  name: 'approval-expired',
  kind: 'Deployment',
  limits: { ...USUAL, approval: true },
  begin: async (place) => {
    await policy(place, { mode: 'Approve', approvalTimeout: '1m' })
    await place.cluster.apply(deployment(place.namespace, inLane(place)))
  },
  isOver: ({ records, original }) =>
    records.some(({ phase, reason }) => phase === 'Cancelled' && reason === 'Expired') && original === undefined,
}

const incidentOfDeployment = incidentA('Deployment', (place) => deployment(place.namespace, inLane(place)))

export const WORKLOADS: readonly Workload[] = [
  incidentOfDeployment,
  incidentA('StatefulSet', (place) => statefulSet(place.namespace, { replicas: 2, ...inLane(place) })),
  incidentA('DaemonSet', (place) => daemonSet(place.namespace, inLane(place))),
  {
    ...incidentA('CronJob', ({ namespace }) => ({ namespace })),
    isOver: hasSucceeded,
    begin: async (place) => {
      const { cluster, namespace } = place
      await policy(place)
      const parts = { image: `${OLD}/web:1`, ...inLane(place) }
      await cluster.apply(cronJob(namespace, parts, { concurrencyPolicy: 'Forbid' }))
      await cluster.kubectl(['create', 'job', 'stuck', '--from=cronjob/web', '-n', namespace])
    },
  },
  recycle('Delete'),
  recycle('Evict'),
  undo,
  twoPolicies,
  editFight,
  approval,
  approvalExpired,
  { ...incidentOfDeployment, name: 'two-controllers', controllers: 2 },
  ...NODE_WORKLOADS,
]
