/** The lease of a node that remediators share, on a real API server. */
import { beforeAll, expect, test } from 'vitest'
import type { Lease } from '../../src/kube/leader-election.ts'
import { createNodeLeases } from '../../src/kube/node-leases.ts'
import type { KubeObject } from '../../src/model/kubernetes.ts'
import { act } from '../../src/remedies/list.ts'
import { returnNodeLease } from '../../src/remedies/node-lease.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { aNode, restartPlan } from './node-plans.ts'
import { depsOf } from './plans.ts'

const cluster = useControlPlane()
let deps: ActDeps
let leases: string
beforeAll(async () => {
  await cluster.kubectl(['apply', '-f', 'crds/'])
  leases = await cluster.namespace('leases')
  const namespace = await cluster.namespace('orders')
  deps = { ...(await depsOf(cluster.plane.kubeconfig)), namespace, nodeLeases: createNodeLeases(leases, systemClock) }
})

const tasks = (name: string): Promise<string> =>
  cluster.kubectl(['get', 'nodetask', name, '-n', deps.namespace ?? '', '--ignore-not-found', '-o', 'name'])
const leaseOf = (node: KubeObject): Promise<Lease & KubeObject> =>
  cluster.get<Lease & KubeObject>('lease', `node-${node.metadata.name}`, '-n', leases)

/** As another remediator has it. */
const taken = (node: KubeObject, renewedAgoMs: number, leaseDurationSeconds = 3_600): Promise<unknown> =>
  cluster.applyYaml(
    JSON.stringify({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: `node-${node.metadata.name}`, namespace: leases },
      spec: {
        holderIdentity: 'node-maintenance',
        ...(leaseDurationSeconds > 0 && { leaseDurationSeconds }),
        renewTime: new Date(Date.now() - renewedAgoMs).toISOString().replace('Z', '000Z'),
      },
    }),
  )

test('is acquired before a task is created, renewed by the next, and released', async () => {
  const node = await aNode(cluster, 'lease-1')
  expect(await act(restartPlan(node, 'leased-1'), deps)).toMatchObject({ kind: 'Done' })
  const first = await leaseOf(node)
  expect(first).toMatchObject({
    metadata: { ownerReferences: [{ kind: 'Node', name: 'lease-1', uid: node.metadata.uid }] },
    spec: { holderIdentity: 'podmend' },
  })
  // As long as the remedy may take, and some more.
  expect(first.spec?.leaseDurationSeconds).toBe(restartPlan(node, 'leased-1').timeoutMs / 1_000 + 60)
  expect(await act(restartPlan(node, 'leased-2'), deps)).toMatchObject({ kind: 'Done' })
  const second = await leaseOf(node)
  expect(second.spec).toMatchObject({ acquireTime: first.spec?.acquireTime })
  expect(second.spec?.renewTime).not.toBe(first.spec?.renewTime)
  await returnNodeLease({ name: 'lease-1', uid: node.metadata.uid }, deps)
  expect(await cluster.kubectl(['get', 'lease', '-n', leases, '-o', 'name'])).not.toContain('node-lease-1')
  await returnNodeLease({ name: 'lease-1', uid: node.metadata.uid }, deps)
})

test('of another is respected, and stays theirs', async () => {
  const node = await aNode(cluster, 'lease-2')
  await taken(node, 0)
  expect(await act(restartPlan(node, 'theirs'), deps)).toEqual({
    kind: 'Stale',
    why: 'node-maintenance started working on node lease-2',
    retryAfterMs: 30_000,
  })
  expect(await tasks('theirs')).toBe('')
  await returnNodeLease({ name: 'lease-2', uid: node.metadata.uid }, deps)
  expect((await leaseOf(node)).spec?.holderIdentity).toBe('node-maintenance')
})

test.each([
  ['right', 0],
  ['an hour ahead', -3_600_000],
  ['an hour behind', 3_600_000],
])('of another whose clock is %s is respected, and taken over when it is not renewed', async (label, renewedAgoMs) => {
  const name = label.replaceAll(' ', '-')
  const node = await aNode(cluster, `lease-${name}`)
  const plan = restartPlan(node, `over-${name}`)
  for (const renewedMs of [0, 1]) {
    await taken(node, renewedAgoMs + renewedMs, 4)
    expect(await act(plan, deps)).toMatchObject({ kind: 'Stale' })
  }
  await eventually(async () => expect(await act(plan, deps)).toMatchObject({ kind: 'Done' }), {
    timeoutMs: 30_000,
    everyMs: 200,
  })
  expect((await leaseOf(node)).spec).toMatchObject({ holderIdentity: 'podmend', leaseTransitions: 1 })
})

test('that another takes between our read and our write is theirs', async () => {
  const node = await aNode(cluster, 'lease-4')
  await taken(node, 0, 0)
  const racing: ActDeps = {
    ...deps,
    kube: {
      ...deps.kube,
      patch: async (...args) => {
        await taken(node, 0)
        return deps.kube.patch(...args)
      },
    },
  }
  expect(await act(restartPlan(node, 'raced'), racing)).toMatchObject({ kind: 'Stale' })
  expect(await tasks('raced')).toBe('')
  expect((await leaseOf(node)).spec?.holderIdentity).toBe('node-maintenance')
})

test('in a namespace that is not there refuses, and nothing is done', async () => {
  const node = await aNode(cluster, 'lease-5')
  const nowhere = { ...deps, nodeLeases: createNodeLeases('nowhere', systemClock) }
  await expect(act(restartPlan(node, 'nowhere'), nowhere)).rejects.toThrow(/nowhere/)
  expect(await tasks('nowhere')).toBe('')
})
