import { beforeAll, expect, test } from 'vitest'
import type { NodeTask } from '../../src/api/kinds.ts'
import type { KubeObject } from '../../src/model/kubernetes.ts'
import { act } from '../../src/remedies/list.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { aNode, recyclePlan, restartPlan } from './node-plans.ts'
import { depsOf } from './plans.ts'

const cluster = useControlPlane()
let deps: ActDeps
let ns: string
let node: KubeObject
beforeAll(async () => {
  await cluster.kubectl(['apply', '-f', 'crds/'])
  ns = await cluster.namespace('orders')
  deps = { ...(await depsOf(cluster.plane.kubeconfig)), namespace: ns }
  node = await aNode(cluster, 'orders-1')
})

const read = (name: string) => cluster.get<NodeTask>('nodetask', name, '-n', ns)

test('a task is created once, for that exact node, with the timeout of the policy as its deadline', async () => {
  const before = Date.now()
  const plan = restartPlan(node, 'restart-once')
  expect(await act(plan, deps)).toMatchObject({ kind: 'Done', wrote: [{ verb: 'ordered', ref: { name: 'orders-1' } }] })
  const given = await read('restart-once')
  expect(given.spec).toMatchObject({ ...plan.tasks[0]?.spec })
  const allowed = Date.parse(given.spec.deadline) - before
  expect(allowed).toBeGreaterThanOrEqual(59_000)
  expect(allowed).toBeLessThan(90_000)

  expect(await act(plan, deps)).toEqual({ kind: 'AlreadyDone' })
  expect((await read('restart-once')).metadata.uid).toBe(given.metadata.uid)
})

test('tasks missing after a crash are created, and existing ones are not created again', async () => {
  await act(recyclePlan(node, ['pod-a']), deps)
  const first = await read('pod-a')
  const outcome = await act(recyclePlan(node, ['pod-a', 'pod-b']), deps)
  expect(outcome).toMatchObject({ kind: 'Done', wrote: [{ verb: 'ordered' }], left: [] })
  expect((await read('pod-a')).metadata.uid).toBe(first.metadata.uid)
  expect((await read('pod-b')).spec.recycleSandbox?.podUid).toBe('uid-pod-b')
})

test('a different task of the same name is refused and not changed', async () => {
  await act(restartPlan(node, 'taken'), deps)
  const [task] = restartPlan(node, 'taken').tasks
  const other = {
    ...restartPlan(node, 'taken'),
    tasks: [{ name: 'taken', spec: { ...task!.spec, nodeUid: 'another' } }],
  }
  expect(await act(other, deps)).toMatchObject({ kind: 'Refused', why: expect.stringContaining('another NodeTask') })
  expect((await read('taken')).spec.nodeUid).toBe(node.metadata.uid)
})

test('a task that the schema rejects is refused with its message', async () => {
  const [task] = restartPlan(node, 'odd').tasks
  const odd = { ...restartPlan(node, 'odd'), tasks: [{ name: 'odd', spec: { ...task!.spec, nodeUid: 'not a uid' } }] }
  expect(await act(odd, deps)).toMatchObject({ kind: 'Refused', why: expect.stringContaining('nodeUid') })
})

test('an action that was switched off at install is refused before anything is written', async () => {
  const refusing = { ...deps, disabledActions: ['RestartRuntime' as const] }
  expect(await act(restartPlan(node, 'off'), refusing)).toMatchObject({ kind: 'Refused' })
  expect(await cluster.kubectl(['get', 'nodetask', 'off', '-n', ns, '--ignore-not-found', '-o', 'name'])).toBe('')
})

test('docker is not restarted on a node that was recreated under the same name, or that opted out since', async () => {
  const there = async (name: string) =>
    (await cluster.kubectl(['get', 'nodetask', name, '-n', ns, '--ignore-not-found', '-o', 'name'])) !== ''
  const before = await aNode(cluster, 'orders-2')
  await cluster.kubectl(['delete', 'node', 'orders-2'])
  const after = await aNode(cluster, 'orders-2')
  expect(await act(restartPlan(before, 'restart-recreated'), deps)).toMatchObject({ kind: 'Stale' })
  await cluster.kubectl(['label', 'node', 'orders-2', 'podmend.io/exclude=yes'])
  expect(await act(restartPlan(after, 'restart-excluded'), deps)).toMatchObject({ kind: 'Stale' })
  expect([await there('restart-recreated'), await there('restart-excluded')]).toEqual([false, false])
})
