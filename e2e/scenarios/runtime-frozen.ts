/** containerd that no longer responds: no pod reports it, only the kubelet of the node and the agent. */
import assert from 'node:assert/strict'
import { freezeRuntime, untilReady } from '../frozen.ts'
import {
  CONTAINERD,
  forgetting,
  invocations,
  nodeRecord,
  recordsOf,
  restartedOnly,
  RUNS,
  tasksSince,
} from '../nodes.ts'
import { barePod, deployment } from '../objects.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const CAUSE = 'RuntimeUnresponsive'
/** Of no namespace: it is the node that fails. */
const POLICY = {
  match: { causes: [CAUSE], failingFor: '0s' },
  actions: [{ type: 'RestartRuntime' }],
  limits: { cooldown: '10s', maxAttempts: 100 },
}
const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`

const allNodesReady = async (fixture: Fixture, nodes: readonly string[]): Promise<void> => {
  for (const node of nodes) await untilReady(fixture, node, 'True')
}

const one: Scenario = {
  name: 'runtime-frozen',
  title: 'containerd that no longer responds is restarted, the node becomes Ready again, and waiting pods start',
  alone: true,
  timeoutMs: 300_000,
  run: async (fixture) => {
    const { cluster, namespace, apply, policy, running, note, say } = fixture
    const [node = ''] = cluster.workers
    await forgetting(fixture, node, CAUSE)
    await apply(deployment(namespace, { image: RUNS, podSpec: { nodeName: node } }))
    const [before] = await running(1, 'app=web')
    const units = await invocations(fixture)
    await policy(POLICY)
    const began = Date.now()
    await freezeRuntime(fixture, node)
    await apply(barePod(namespace, { name: 'waits', image: RUNS, podSpec: { nodeName: node } }))
    say(`the kubelet reports: ${await untilReady(fixture, node, 'False')} (${seconds(began)})`)
    const told = Date.now()
    await nodeRecord(fixture, node, CAUSE, { phase: 'Succeeded' })
    await allNodesReady(fixture, [node])
    await running(1, 'app=waits')
    note(`not Ready after ${((told - began) / 1000).toFixed(1)} s; the waiting pod runs ${seconds(told)} later`)
    const [after] = await running(1, 'app=web')
    assert.equal(after?.metadata.uid, before?.metadata.uid)
    assert.equal(after?.status?.containerStatuses?.[0]?.restartCount, 0, 'running containers outlive the restart')
    await restartedOnly(fixture, units, [`${node} ${CONTAINERD}`])
    assert.equal((await tasksSince(fixture, node, 'RestartRuntime', began)).length, 1)
  },
}

const two: Scenario = {
  name: 'runtime-frozen-two',
  title: 'if containerd no longer responds on two nodes, the second repair waits until the first node is Ready',
  alone: true,
  timeoutMs: 300_000,
  run: async (fixture) => {
    const { cluster, policy, eventually, note, say } = fixture
    const { workers } = cluster
    for (const node of workers) await forgetting(fixture, node, CAUSE)
    const units = await invocations(fixture)
    const began = Date.now()
    for (const node of workers) await freezeRuntime(fixture, node)
    for (const node of workers) say(`${node}: ${await untilReady(fixture, node, 'False')}`)
    await policy({ ...POLICY, limits: { ...POLICY.limits, maxUnhealthyNodes: '30%', maxConcurrent: 2 } })
    const allowed = Date.now()
    const held = await eventually(
      async () => {
        const all = (await Promise.all(workers.map((node) => recordsOf(fixture, node, CAUSE)))).flat()
        const waiting = all.find(({ status }) => status?.reason === 'TooManyUnhealthy')
        if (!waiting)
          throw new Error(
            `expected a record TooManyUnhealthy, found: ${all.map(({ status }) => status?.reason).join()}`,
          )
        return waiting
      },
      { everyMs: 100 },
    )
    say(`the second waits: ${held.status?.message}`)
    const ends = await Promise.all(workers.map((node) => nodeRecord(fixture, node, CAUSE, { phase: 'Succeeded' })))
    await allNodesReady(fixture, workers)
    note(`both Ready ${seconds(allowed)} after a policy allowed it`)
    await restartedOnly(
      fixture,
      units,
      workers.map((node) => `${node} ${CONTAINERD}`),
    )
    const tasks = await Promise.all(workers.map((node) => tasksSince(fixture, node, 'RestartRuntime', began)))
    assert.deepEqual(
      tasks.map((each) => each.length),
      [1, 1],
      'one task per node',
    )
    const times = tasks
      .flat()
      .map(({ metadata, status }) => ({ from: metadata.creationTimestamp ?? '', to: status?.finishedAt ?? '' }))
      .toSorted((a, b) => (a.from < b.from ? -1 : 1))
    assert.ok((times[1]?.from ?? '') >= (times[0]?.to ?? '~'), `one after the other: ${JSON.stringify(times)}`)
    assert.equal(ends.length, 2)
  },
}

export const scenarios: readonly Scenario[] = [one, two]
