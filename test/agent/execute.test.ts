/** The life of one task, with verbs of the test's own, against a real API server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { execute, type ExecuteDeps } from '../../src/agent/execute.ts'
import type { Answer, Verb } from '../../src/agent/verbs/verb.ts'
import type { NodeTask } from '../../src/api/kinds.ts'
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { ROOT } from '../api/manifests.ts'
import { inMinutes } from './fixture.ts'

const cluster = useControlPlane()
const NAMESPACE = 'default'
const NODE = { nodeName: 'n1', nodeUid: 'u1', podName: 'agent-n1' }
const DONE: Answer = { phase: 'Succeeded', reason: 'Done', message: 'restarted' }
const RESTART = { verb: 'RestartRuntime', restartRuntime: { runtime: 'docker', reason: 'ChainMissing' } } as const

let client: KubeClient
beforeAll(async () => {
  await cluster.kubectl(['apply', '-f', `${ROOT}/crds`])
  await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all'])
  client = createKubeClient(await loadKubeConnection({ kubeconfig: cluster.plane.kubeconfig }), { userAgent: 'agent' })
  await eventually(() => client.list(pathOf({ kind: 'NodeTask', namespace: NAMESPACE })))
})

const at = (name: string): string => pathOf({ kind: 'NodeTask', namespace: NAMESPACE, name })
const read = (name: string): Promise<NodeTask> => client.get<NodeTask>(at(name))

const order = async (name: string, more: object = {}, status?: object): Promise<NodeTask> => {
  const spec = { nodeName: NODE.nodeName, nodeUid: NODE.nodeUid, deadline: inMinutes(1), ...RESTART, ...more }
  const made = await client.create<NodeTask>(pathOf({ kind: 'NodeTask', namespace: NAMESPACE }), {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'NodeTask',
    metadata: { name },
    spec,
  })
  return status ? client.patch<NodeTask>(`${at(name)}/status`, { status }, { type: 'merge' }) : made
}

/** An agent whose one verb counts how often it acts. */
const agentWith = (verb: Partial<Verb> = {}, more: Partial<ExecuteDeps> = {}) => {
  const counts = { looked: 0, acted: 0 }
  const all: Verb = {
    recover: async () => 'again',
    ...verb,
    prepare: async (spec) => {
      counts.looked += 1
      return verb.prepare ? verb.prepare(spec) : { bootId: 'boot', invocationId: 'one' }
    },
    run: async (...given) => {
      counts.acted += 1
      return verb.run ? verb.run(...given) : DONE
    },
  }
  const deps: ExecuteDeps = {
    client,
    clock: systemClock,
    identity: async () => NODE,
    verbs: { RestartRuntime: all },
    onError: () => {},
    ...more,
  }
  return { counts, execute: (task: NodeTask) => execute(task, deps) }
}

test('the intent stands with what was there before the act begins', async () => {
  const seen: unknown[] = []
  const agent = agentWith({
    run: async () => {
      seen.push((await read('intent')).status)
      return DONE
    },
  })
  await agent.execute(await order('intent'))
  expect(seen).toEqual([
    {
      phase: 'Running',
      reason: 'Accepted',
      message: 'started by agent-n1',
      startedAt: expect.any(String),
      before: { bootId: 'boot', invocationId: 'one' },
    },
  ])
  expect((await read('intent')).status).toMatchObject({ phase: 'Succeeded', before: { invocationId: 'one' } })
})

test('what is not so any more is refused, and nothing is done', async () => {
  const agent = agentWith({
    prepare: async () => ({ phase: 'Refused', reason: 'NotNeeded', message: 'the chain is there' }),
  })
  await agent.execute(await order('not-needed'))
  expect((await read('not-needed')).status).toMatchObject({ phase: 'Refused', reason: 'NotNeeded' })
  expect(agent.counts.acted).toBe(0)
})

test('a node that cannot be inspected, and an action that throws, are reported with the error message', async () => {
  const blind = agentWith({ prepare: () => Promise.reject(new Error('the bus is not there')) })
  await blind.execute(await order('blind'))
  expect((await read('blind')).status).toMatchObject({ reason: 'ProbeFailed', message: 'the bus is not there' })
  const broken = agentWith({ run: () => Promise.reject(new Error('broken', { cause: new Error('by this') })) })
  await broken.execute(await order('broken'))
  expect((await read('broken')).status).toMatchObject({ phase: 'Failed', reason: 'Error', message: 'broken: by this' })
})

test('of two agents with the same task, one acts', async () => {
  const task = await order('twice')
  const slow = { run: () => sleep(500, DONE) }
  const [one, other] = [agentWith(slow), agentWith(slow, { identity: async () => ({ ...NODE, podName: 'agent-2' }) })]
  await Promise.all([one.execute(task), sleep(20).then(() => other.execute(task))])
  expect(one.counts.acted + other.counts.acted).toBe(1)
  expect((await read('twice')).status).toMatchObject({ phase: 'Succeeded', message: 'restarted' })
})

test('a task that is deleted, or recreated under its name, before the intent is written is not executed', async () => {
  const agent = agentWith()
  const deleted = await order('deleted')
  await client.remove(at('deleted'))
  await agent.execute(deleted)
  const replaced = await order('replaced')
  await client.remove(at('replaced'))
  await order('replaced')
  await agent.execute(replaced)
  expect(agent.counts.acted).toBe(0)
  expect((await read('replaced')).status).toBeUndefined()
})

test('a label added meanwhile does not lose the status', async () => {
  const agent = agentWith({
    run: async () => {
      await client.patch(at('label'), { metadata: { labels: { seen: 'yes' } } }, { type: 'merge' })
      return DONE
    },
  })
  await agent.execute(await order('label'))
  expect((await read('label')).status).toMatchObject({ phase: 'Succeeded' })
  expect(agent.counts.acted).toBe(1)
})

test('a node whose clock is behind does not act, for by it a deadline never passes; nor does a clock a little off matter', async () => {
  const behind = (ms: number) => ({ clock: { ...systemClock, now: () => Date.now() - ms } })
  const slow = agentWith({}, behind(5 * 60_000))
  await slow.execute(await order('clock-behind'))
  expect(slow.counts).toEqual({ looked: 0, acted: 0 })
  expect((await read('clock-behind')).status).toMatchObject({
    phase: 'Refused',
    reason: 'ProbeFailed',
    message: expect.stringMatching(/^the clock of this node is at least \d+ s behind/),
  })
  const almost = agentWith({}, behind(20_000))
  await almost.execute(await order('clock-almost'))
  expect(almost.counts.acted).toBe(1)
})

test('an intent that could be written only after the deadline leads to no act', async () => {
  const task = await order('slow', { deadline: new Date(Date.now() + 300).toISOString() })
  const late = (): KubeClient['patch'] => async (path, body, options) => {
    await sleep(500)
    return client.patch(path, body, options)
  }
  const agent = agentWith({}, { client: { get: client.get, patch: late() } })
  await agent.execute(task)
  expect(agent.counts.acted).toBe(0)
  expect((await read('slow')).status).toMatchObject({ phase: 'Refused', reason: 'DeadlinePassed' })
})

test('a started task is recovered; outdated parts of the first intent are not kept', async () => {
  const begun = { phase: 'Running', reason: 'Accepted', startedAt: inMinutes(-1), before: { sandboxes: ['s1'] } }
  const finder = agentWith({ recover: async () => ({ ...DONE, message: 'found out' }) })
  await finder.execute(await order('found', {}, begun))
  expect((await read('found')).status).toMatchObject({ phase: 'Succeeded', message: 'found out' })
  expect(finder.counts.acted).toBe(0)

  const again = agentWith()
  await again.execute(await order('again', {}, begun))
  const { status } = await read('again')
  expect(status).toMatchObject({ phase: 'Succeeded', startedAt: begun.startedAt })
  expect(status?.before).toEqual({ bootId: 'boot', invocationId: 'one' })
  expect(again.counts.acted).toBe(1)
})

test('a started task that cannot be recovered, or whose verb is now disabled, is reported as interrupted', async () => {
  const begun = { phase: 'Running', reason: 'Accepted', startedAt: inMinutes(-1), before: {} }
  const off = agentWith({}, { verbs: {} })
  await off.execute(await order('off', {}, begun))
  expect((await read('off')).status).toMatchObject({ phase: 'Failed', reason: 'Interrupted' })
  const late = agentWith()
  await late.execute(await order('late', { deadline: inMinutes(-1) }, begun))
  expect((await read('late')).status).toMatchObject({ phase: 'Failed', reason: 'Interrupted' })
  expect(late.counts.acted).toBe(0)
})

test('the answer is kept and written, and nothing done again, when the API server is away meanwhile', async () => {
  let restarted: Promise<void> | undefined
  const agent = agentWith({
    run: async () => {
      restarted = cluster.plane.restartApiServer()
      await sleep(200)
      return DONE
    },
  })
  await agent.execute(await order('away', { deadline: new Date(Date.now() + 1_000).toISOString() }))
  await restarted
  expect((await read('away')).status).toMatchObject({ phase: 'Succeeded', reason: 'Done' })
  expect(agent.counts.acted).toBe(1)
})
