import { beforeAll, expect, test } from 'vitest'
import { createClearNodeFlags } from '../../src/controller/clear-node-flags.ts'
import { createIncidents } from '../../src/controller/incidents.ts'
import { anInspection } from '../../src/diagnose/testing.ts'
import { known } from '../../src/model/incident.ts'
import type { Node } from '../../src/model/kubernetes.ts'
import { act } from '../../src/remedies/list.ts'
import { clearFlag } from '../../src/remedies/flag-node/act.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { createLog } from '../../src/runtime/log.ts'
import { createNodeCache, nodeEntry } from '../../src/watch/node-cache.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { aNode, flagPlan } from './node-plans.ts'
import { depsOf } from './plans.ts'

const cluster = useControlPlane()
let deps: ActDeps
beforeAll(async () => {
  deps = await depsOf(cluster.plane.kubeconfig)
})

const KEY = 'flag.podmend.io/MountHelperMissing'
const read = (name: string) => cluster.get<Node>('node', name)
const conditionOf = ({ status }: Node) => status?.conditions?.find(({ type }) => type === 'MountHelperMissing')
const ofPolicy = ({ spec }: Node) => spec?.taints?.filter(({ key }) => key === KEY)
const clear = (node: Node) =>
  clearFlag(
    { name: node.metadata.name, uid: node.metadata.uid, cause: 'MountHelperMissing', message: 'mount.nfs is there' },
    deps,
  )

test('a node is flagged with condition, label and taint, beside what others wrote there', async () => {
  const node = await aNode(cluster, 'flag-1', { taints: [{ key: 'dedicated', value: 'x', effect: 'NoExecute' }] })
  expect(await act(flagPlan(node), deps)).toMatchObject({ kind: 'Done', wrote: [{ verb: 'flagged' }] })
  const flagged = await read('flag-1')
  expect(conditionOf(flagged)).toMatchObject({ status: 'True', reason: 'NFSHelperMissing' })
  expect(flagged.metadata.labels).toMatchObject({ zone: 'a', [KEY]: 'nfs' })
  expect(ofPolicy(flagged)).toEqual([{ key: KEY, value: 'nfs', effect: 'NoSchedule' }])
  expect(flagged.spec?.taints).toContainEqual({ key: 'dedicated', value: 'x', effect: 'NoExecute' })
})

test('a repeated flag keeps its state, and a new message does not change the transition time', async () => {
  const node = await aNode(cluster, 'flag-2')
  await act(flagPlan(node), deps)
  const before = await read('flag-2')
  expect(await act(flagPlan(node), deps)).toEqual({ kind: 'AlreadyDone' })
  expect((await read('flag-2')).metadata.resourceVersion).toBe(before.metadata.resourceVersion)

  expect(await act(flagPlan(node, { message: 'other words' }), deps)).toMatchObject({ kind: 'Done' })
  const after = conditionOf(await read('flag-2'))
  expect(after).toMatchObject({ message: 'other words' })
  expect(after?.lastTransitionTime).toBe(conditionOf(before)?.lastTransitionTime)
})

test('a policy without the taint takes one of ours away, and no other', async () => {
  const node = await aNode(cluster, 'flag-3', { taints: [{ key: 'dedicated', value: 'x', effect: 'NoExecute' }] })
  await act(flagPlan(node), deps)
  expect(await act(flagPlan(node, { taint: false }), deps)).toMatchObject({ kind: 'Done' })
  const after = await read('flag-3')
  expect(ofPolicy(after)).toEqual([])
  expect(after.spec?.taints?.some(({ key }) => key === 'dedicated')).toBe(true)
  expect(after.metadata.labels?.[KEY]).toBe('nfs')
})

test('a flag that is cleared leaves a condition that says so, and nothing else; a node without one is left alone', async () => {
  const node = await aNode(cluster, 'flag-4')
  expect(await clear(await read('flag-4'))).toEqual({ kind: 'AlreadyDone' })
  await act(flagPlan(node), deps)
  expect(await clear(await read('flag-4'))).toMatchObject({ kind: 'Done' })
  const cleared = await read('flag-4')
  expect(conditionOf(cleared)).toMatchObject({ status: 'False', message: 'mount.nfs is there' })
  expect(cleared.metadata.labels).not.toHaveProperty([KEY])
  expect(ofPolicy(cleared) ?? []).toEqual([])
  expect(cleared.metadata.labels).toMatchObject({ zone: 'a' })
  expect(await clear(cleared)).toEqual({ kind: 'AlreadyDone' })
})

test('a node recreated under the same name is not flagged', async () => {
  const node = await aNode(cluster, 'flag-5')
  await cluster.kubectl(['delete', 'node', 'flag-5'])
  await aNode(cluster, 'flag-5')
  expect(await act(flagPlan(node), deps)).toMatchObject({ kind: 'Stale' })
  expect((await read('flag-5')).metadata.labels).not.toHaveProperty([KEY])
})

test('concurrent writes by others to the node are all kept', async () => {
  const node = await aNode(cluster, 'flag-6')
  const heartbeat = async (): Promise<void> => {
    for (let i = 0; i < 8; i += 1) {
      const condition = { type: 'Ready', status: 'True', reason: `Beat${i}`, message: 'm' }
      const patch = JSON.stringify({ status: { conditions: [condition] } })
      await cluster.kubectl(['patch', 'node', 'flag-6', '--subresource=status', '--type=strategic', '-p', patch])
    }
  }
  const [outcome] = await Promise.all([act(flagPlan(node), deps), heartbeat()])
  expect(outcome).toMatchObject({ kind: 'Done' })
  const after = await read('flag-6')
  expect(conditionOf(after)?.status).toBe('True')
  expect(after.status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('Beat7')
})

/** One run of the removal of flags; agents see mount.nfs on every node. `seen`: the nodes as the watch last reported them. */
const clearAll = async (seen: readonly Node[], io: ActDeps): Promise<readonly string[]> => {
  const [nodes, inspected] = [createNodeCache(), [] as string[]]
  for (const node of seen) nodes.put(nodeEntry(node))
  await createClearNodeFlags({
    io,
    state: { nodes, incidents: createIncidents() },
    inspect: async ({ name }) => {
      inspected.push(name)
      return known(anInspection({ mounts: { known: true, helpers: ['nfs'] } }))
    },
    emit: () => undefined,
    mayAct: () => true,
    readPaused: async () => known(false),
    log: createLog({ level: 'error', format: 'json' }),
  }).run()
  return inspected
}
const exclude = (name: string) => cluster.kubectl(['annotate', 'node', name, 'podmend.io/exclude=true'])
const isFlagged = async (name: string) => (await read(name)).metadata.labels?.[KEY] === 'nfs'

test('flags are removed, but not from nodes that opted out, even since the watch last reported them', async () => {
  const names = ['flag-7', 'flag-8', 'flag-9']
  for (const name of names) await act(flagPlan(await aNode(cluster, name)), deps)
  await exclude('flag-8')
  const seen = await Promise.all(names.map(read))
  await exclude('flag-9')
  expect(await clearAll(seen, deps)).toEqual(['flag-7', 'flag-9'])
  expect(await Promise.all(names.map(isFlagged))).toEqual([false, true, true])
})

test('no flag is removed if FlagNode is disabled', async () => {
  await act(flagPlan(await aNode(cluster, 'flag-10')), deps)
  const disabled: ActDeps = { ...deps, disabledActions: ['FlagNode'] }
  expect(await clearAll([await read('flag-10')], disabled)).toEqual([])
  const { metadata } = await read('flag-10')
  const clearing = { name: 'flag-10', uid: metadata.uid, cause: 'MountHelperMissing', message: 'm' } as const
  expect(await clearFlag(clearing, disabled)).toMatchObject({ kind: 'Refused' })
  expect(await isFlagged('flag-10')).toBe(true)
})

test('a node that opted out after the decision is not flagged', async () => {
  const node = await aNode(cluster, 'flag-11')
  await exclude('flag-11')
  expect(await act(flagPlan(node), deps)).toMatchObject({ kind: 'Stale' })
  const { metadata, status } = await read('flag-11')
  expect(metadata.labels).not.toHaveProperty([KEY])
  expect(status?.conditions?.some(({ type }) => type === 'MountHelperMissing') ?? false).toBe(false)
})
