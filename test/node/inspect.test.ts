import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NodeTask } from '../../src/api/kinds.ts'
import { createDeleteOldTasks } from '../../src/controller/garbage-collection.ts'
import { createInspectByReading, createInspectByTask } from '../../src/diagnose/node/inspection.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { pathOf } from '../../src/kube/paths.ts'
import type { KubeObject } from '../../src/model/kubernetes.ts'
import { createManualClock, systemClock as clock } from '../../src/runtime/clock.ts'
import { createRemediationCache } from '../../src/watch/remediation-cache.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { type Api, openApi } from '../../testbed/kubelet/api.ts'
import { clientOf } from '../act/plans.ts'
import { type FakeAgent, seeing, startAgents, wellNode } from '../agent/fake-agent.ts'

const cluster = useControlPlane()
let api: Api
let kube: KubeClient
let namespace: string
let agents: FakeAgent
let beforeTheKind: unknown

beforeAll(async () => {
  kube = await clientOf(cluster.plane.kubeconfig)
  api = openApi(cluster.plane.kubeconfig)
  namespace = await cluster.namespace('operator')
  beforeTheKind = await byTask()({ name: 'node-0', uid: 'uid-0' })
  await cluster.kubectl(['apply', '-f', 'crds/'])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/nodetasks.podmend.io', '--timeout=30s'])
  await eventually(() => cluster.kubectl(['get', 'nodetasks', '-A']))
  agents = startAgents(api, namespace)
})

afterAll(async () => {
  await agents?.stop()
  api?.close()
})

const byTask = (atOnce = 4, client: KubeClient = kube) =>
  createInspectByTask({ kube: client, namespace, clock, atOnce })

const tasksFor = (name: string) => agents.tasks.filter(({ spec }) => spec.nodeName === name)
const node = (name: string) => ({ name, uid: `uid-${name}` })

test('without the CRD no agent can be asked', () => {
  expect(beforeTheKind).toEqual({
    known: false,
    why: expect.stringContaining('the CRD of NodeTasks is not installed'),
  })
})

test('an agent is asked with a task for that node only, with a deadline of half a minute', async () => {
  agents.nodes.set('node-1', seeing(wellNode))
  const asked = Date.now()
  const seen = await byTask()(node('node-1'))
  expect(seen).toMatchObject({ known: true, value: { runtime: { name: 'containerd' } } })
  const [task] = tasksFor('node-1')
  expect(task?.spec).toMatchObject({ nodeName: 'node-1', nodeUid: 'uid-node-1', verb: 'Inspect' })
  const deadline = Date.parse(task?.spec.deadline ?? '')
  expect(deadline - asked).toBeGreaterThanOrEqual(30_000)
  expect(deadline - asked).toBeLessThan(35_000)
})

test('concurrent requests share one task, and its result serves those that need nothing newer', async () => {
  agents.nodes.set('node-2', seeing(wellNode))
  const inspect = byTask()
  await Promise.all([inspect(node('node-2')), inspect(node('node-2')), inspect(node('node-2'))])
  await inspect(node('node-2'))
  expect(tasksFor('node-2')).toHaveLength(1)
  await inspect({ ...node('node-2'), since: Date.now() })
  expect(tasksFor('node-2')).toHaveLength(2)
})

test('an old result serves only requests that accept its age', async () => {
  agents.nodes.set('node-10', seeing(wellNode))
  const manual = createManualClock(Date.now())
  const inspect = createInspectByTask({ kube, namespace, clock: manual, atOnce: 4 })
  const asked = async (words: object = {}): Promise<number> => {
    const answer = inspect({ ...node('node-10'), ...words })
    const ticking = setInterval(() => void manual.advance(500), 50)
    expect(await answer).toMatchObject({ known: true })
    clearInterval(ticking)
    return tasksFor('node-10').length
  }
  expect(await asked()).toBe(1)
  await manual.advance(9 * 60_000)
  expect(await asked({ maxAgeMs: 600_000 })).toBe(1)
  await manual.advance(2 * 60_000)
  expect(await asked({ maxAgeMs: 600_000 })).toBe(2)
  await manual.advance(10_000)
  expect(await asked()).toBe(3)
})

test('an agent that refuses, and one that is not there, are unknown and say why', async () => {
  agents.nodes.set('node-3', () => ({ phase: 'Refused', reason: 'OtherNode', message: 'made anew' }))
  const inspect = byTask()
  expect(await inspect(node('node-3'))).toEqual({
    known: false,
    why: 'the agent on node-3 did not inspect it: OtherNode made anew',
  })
  expect(await inspect(node('node-4'))).toEqual({
    known: false,
    why: 'the agent on node-4 did not answer within 10 s: is it installed and running there?',
  })
})

test('a node that stays silent is asked less and less often', async () => {
  // Time is the test's own: only the API server is real.
  const clock = createManualClock(Date.now())
  const inspect = createInspectByTask({ kube, namespace, clock, atOnce: 4 })
  agents.nodes.set('node-9', () => ({ phase: 'Failed', reason: 'Error', message: 'no' }))
  const asked = async (): Promise<void> => {
    const answer = inspect(node('node-9'))
    const advancing = setInterval(() => void clock.advance(500), 50)
    await answer
    clearInterval(advancing)
  }
  for (const waitMs of [0, 6_000, 6_000, 15_000, 70_000, 15_000]) {
    await clock.advance(waitMs)
    await asked()
  }
  // The first, after 5 s, not after 5 s more, after 20 s, not after 70 s more, after 80 s.
  expect(tasksFor('node-9')).toHaveLength(4)
})

test('only so many are asked at once: the others hear at once that their turn is asked later', async () => {
  agents.nodes.set('node-6', seeing(wellNode))
  const inspect = byTask(1)
  const silent = inspect(node('node-5'))
  expect(await inspect(node('node-6'))).toMatchObject({ known: false, why: expect.stringContaining('is asked later') })
  expect(tasksFor('node-6')).toEqual([])
  await silent
  expect(await inspect(node('node-6'))).toMatchObject({ known: true })
})

test('a right that is missing is named', async () => {
  const nobody = await clientOf(await cluster.plane.userKubeconfig('nobody', ['system:authenticated']))
  expect(await byTask(4, nobody)(node('node-1'))).toEqual({
    known: false,
    why: `the right to create nodetasks.podmend.io in namespace ${namespace} is missing`,
  })
})

test('who may write nothing reads what the agent said within ten minutes', async () => {
  agents.nodes.set('node-7', seeing(wellNode))
  const reading = (now: number) => createInspectByReading({ reads: kube, namespace, now: () => now })
  expect(await reading(Date.now())(node('node-7'))).toMatchObject({
    known: false,
    why: expect.stringContaining('reported nothing'),
  })
  await byTask()(node('node-7'))
  expect(await reading(Date.now())(node('node-7'))).toMatchObject({ known: true })
  // Another node under the name, or another time, is not what was seen.
  expect(await reading(Date.now())({ name: 'node-7', uid: 'other' })).toMatchObject({ known: false })
  expect(await reading(Date.now() + 11 * 60_000)(node('node-7'))).toMatchObject({ known: false })
  expect(tasksFor('node-7')).toHaveLength(1)
})

test('inspections are deleted after two minutes, actions after an hour, and nothing that a remedy waits for', async () => {
  const own = await cluster.namespace('sweep')
  const make = async (name: string, spec: object): Promise<void> => {
    await kube.create(pathOf({ kind: 'NodeTask', namespace: own }), {
      apiVersion: 'podmend.io/v1alpha1',
      kind: 'NodeTask',
      metadata: { name, namespace: own },
      spec: { nodeName: 'node-8', nodeUid: 'u', deadline: new Date().toISOString(), ...spec },
    })
  }
  await make('look', { verb: 'Inspect' })
  await make('restart', { verb: 'RestartRuntime', restartRuntime: { runtime: 'docker', reason: 'ChainMissing' } })
  const names = async () =>
    (await kube.list<NodeTask & KubeObject>(pathOf({ kind: 'NodeTask', namespace: own }))).items.map(
      ({ metadata }) => metadata.name,
    )
  const sweepAt = (minutes: number) =>
    createDeleteOldTasks({
      client: kube,
      remediations: createRemediationCache(() => true),
      namespace: own,
      now: () => Date.now() + minutes * 60_000,
    })()
  expect(await sweepAt(1)).toBe(0)
  expect(await sweepAt(3)).toBe(1)
  expect(await names()).toEqual(['restart'])
  expect(await sweepAt(59)).toBe(0)
  expect(await sweepAt(61)).toBe(1)
  expect(await names()).toEqual([])
})
