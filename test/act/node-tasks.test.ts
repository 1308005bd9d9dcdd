import { beforeAll, expect, test } from 'vitest'
import type { NodeTask } from '../../src/api/kinds.ts'
import type { KubeObject } from '../../src/model/kubernetes.ts'
import { act } from '../../src/remedies/act.ts'
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

test('an order is given once, to that very node, with a deadline of as long as the policy waits', async () => {
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

test('orders that a crash left are given, those before it are not given again', async () => {
  await act(recyclePlan(node, ['pod-a']), deps)
  const first = await read('pod-a')
  const outcome = await act(recyclePlan(node, ['pod-a', 'pod-b']), deps)
  expect(outcome).toMatchObject({ kind: 'Done', wrote: [{ verb: 'ordered' }], left: [] })
  expect((await read('pod-a')).metadata.uid).toBe(first.metadata.uid)
  expect((await read('pod-b')).spec.recycleSandbox?.podUid).toBe('uid-pod-b')
})

test('another order under the name is refused, and stays as it is', async () => {
  await act(restartPlan(node, 'taken'), deps)
  const [task] = restartPlan(node, 'taken').tasks
  const other = {
    ...restartPlan(node, 'taken'),
    tasks: [{ name: 'taken', spec: { ...task!.spec, nodeUid: 'another' } }],
  }
  expect(await act(other, deps)).toMatchObject({ kind: 'Refused', why: expect.stringContaining('another NodeTask') })
  expect((await read('taken')).spec.nodeUid).toBe(node.metadata.uid)
})

test('an order that the schema does not take is refused with its words', async () => {
  const [task] = restartPlan(node, 'odd').tasks
  const odd = { ...restartPlan(node, 'odd'), tasks: [{ name: 'odd', spec: { ...task!.spec, nodeUid: 'not a uid' } }] }
  expect(await act(odd, deps)).toMatchObject({ kind: 'Refused', why: expect.stringContaining('nodeUid') })
})

test('an action that was switched off at install is refused before anything is written', async () => {
  const refusing = { ...deps, disabledActions: ['RestartRuntime' as const] }
  expect(await act(restartPlan(node, 'off'), refusing)).toMatchObject({ kind: 'Refused' })
  expect(await cluster.kubectl(['get', 'nodetask', 'off', '-n', ns, '--ignore-not-found', '-o', 'name'])).toBe('')
})
