/** Dead sandboxes that the node's network plugin cannot replace: the kubelet alone never recovers. */
import assert from 'node:assert/strict'
import type { KubeEvent, Pod } from '../../src/model/kubernetes.ts'
import { forgetting, invocations, nodePolicy, podEvent, recordsOf, restartedOnly, RUNS, tasksSince } from '../nodes.ts'
import { barePod, deployment } from '../objects.ts'
import { killSandboxes } from '../sandboxes.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const CAUSE = 'SandboxStale'
const BYSTANDER = 'app=bystander'
const RECYCLE = [{ type: 'RecycleSandbox', timeout: '2m' }]
/** The kubelet has not helped itself: it tries again every ten seconds or so. */
const TRIES = 2
const FAILED = '--field-selector=reason=FailedCreatePodSandBox'
/** A busy node fails to make a sandbox for other reasons as well, and gets over them. */
const MESSAGE = 'failed to Statfs'

/** Everything by which one can see that a pod was left alone. */
const lifeOf = ({ metadata, status }: Pod) => ({
  uid: metadata.uid,
  ip: (status as { podIP?: string }).podIP,
  containers: status?.containerStatuses?.map(({ containerID, restartCount }) => ({ containerID, restartCount })),
})

const recoverPods = async (fixture: Fixture, node: string, count: number): Promise<void> => {
  const { namespace, apply, running, pods, get, eventually, note } = fixture
  await forgetting(fixture, node, CAUSE)
  await apply(deployment(namespace, { image: RUNS, replicas: count, podSpec: { nodeName: node } }))
  await apply(barePod(namespace, { name: 'bystander', image: RUNS, podSpec: { nodeName: node } }))
  const stuck = await running(count, 'app=web')
  const [bystander] = await running(1, BYSTANDER)
  assert.ok(bystander)
  const units = await invocations(fixture, [node])
  const broken = Date.now()
  await killSandboxes(fixture, node, stuck)
  await podEvent(fixture, 'FailedCreatePodSandBox', MESSAGE)
  await eventually(async () => {
    const events = await get<{ items: KubeEvent[] }>('events', '-n', namespace, FAILED)
    const items = events.items.filter(({ message }) => message?.includes(MESSAGE))
    const tries = items.reduce((sum, event) => sum + ((event as { count?: number }).count ?? 1), 0)
    const failing = new Set(items.map(({ involvedObject }) => involvedObject?.name))
    assert.ok(failing.size === count && tries >= TRIES, `${failing.size} of ${count} fail, after ${tries} tries`)
  })

  const allowed = Date.now()
  await nodePolicy(fixture, [CAUSE], RECYCLE)
  const after = await running(count, 'app=web')
  // Pods that fail after a success are another incident of the node, with a record of its own.
  const records = await eventually(async () => {
    const all = await recordsOf(fixture, node, CAUSE)
    assert.ok(all.length > 0)
    assert.deepEqual(new Set(all.map(({ status }) => status?.phase)), new Set(['Succeeded']))
    return all
  })
  note(`${count} running ${((Date.now() - allowed) / 1000).toFixed(1)} s after a policy allowed it`)
  const uidsOf = (all: readonly Pod[]) => all.map(({ metadata }) => metadata.uid).toSorted()
  assert.deepEqual(uidsOf(after), uidsOf(stuck), 'the same pods: none was deleted')
  assert.deepEqual((await pods(BYSTANDER)).map(lifeOf), [lifeOf(bystander)], 'the bystander was left alone')
  const tasks = await tasksSince(fixture, node, 'RecycleSandbox', broken)
  const asked = tasks.map(({ spec }) => spec.recycleSandbox?.podUid ?? '').toSorted()
  assert.deepEqual(asked, uidsOf(stuck), 'one task per pod')
  assert.deepEqual(await tasksSince(fixture, node, 'RestartRuntime', broken), [])
  await restartedOnly(fixture, units, [])
  // One for the pods known at the start; pods that fail while it is in progress come next.
  const attempts = records.flatMap(({ status }) => status?.attempts ?? [])
  assert.ok(attempts.length <= 2, `${attempts.length} attempts`)
}

const one: Scenario = {
  name: 'sandbox-one',
  title: 'a pod that is stuck with a dead sandbox recovers through CRI, and its neighbour is not touched',
  core: true,
  breaks: true,
  lane: 'second worker',
  run: (fixture) => recoverPods(fixture, fixture.cluster.workers[1] ?? '', 1),
}

const twenty: Scenario = {
  name: 'sandbox-twenty',
  title: 'twenty such pods on one node recover in at most two attempts, and a healthy neighbour is not touched',
  breaks: true,
  lane: 'second worker',
  timeoutMs: 300_000,
  run: (fixture) => recoverPods(fixture, fixture.cluster.workers[1] ?? '', 20),
}

export const scenarios: readonly Scenario[] = [one, twenty]
