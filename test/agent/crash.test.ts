/** Agents that end in the middle of an order, and agents that are there at the same time. */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createTasks } from '../../src/agent/tasks.ts'
import type { NodeTask } from '../../src/api/kinds.ts'
import { createKubeClient } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { eventually } from '../../testbed/fixture.ts'
import { inMinutes, NAMESPACE, useAgents } from './fixture.ts'

const fixture = useAgents()

/** A runtime that takes every call and answers none: looking at it takes five seconds. */
const muteRuntime = async (): Promise<string> => {
  const path = join(await fixture.host({}), 'mute.sock')
  const server = createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  return path
}

const inspect = (nodeName: string, nodeUid: string) => ({
  nodeName,
  nodeUid,
  verb: 'Inspect',
  deadline: inMinutes(1),
})

const clientOf = async () =>
  createKubeClient(await loadKubeConnection({ kubeconfig: fixture.cluster.plane.kubeconfig }), { userAgent: 'test' })

/** By requests: a kubectl takes its time on a busy machine, and a look lasts five seconds. */
const begun = async (name: string) => {
  const client = await clientOf()
  return eventually(
    async () => {
      const { status } = await client.get<NodeTask>(pathOf({ kind: 'NodeTask', namespace: NAMESPACE, name }))
      if (status?.phase !== 'Running') throw new Error(`${name} is ${status?.phase}`)
      return status
    },
    { everyMs: 20 },
  )
}

test('an agent killed between its intent and the final status leaves the task to its successor, which completes it', async () => {
  const { uid } = await fixture.node('killed')
  const args = [`--cri-socket=${await muteRuntime()}`]
  const first = await fixture.start('killed', args)
  await fixture.order('killed', inspect('killed', uid))
  const { startedAt } = await begun('killed')
  await first.kill('SIGKILL')
  expect((await fixture.task('killed')).status?.finishedAt).toBeUndefined()
  await fixture.start('killed', args)
  const { status } = await fixture.answered('killed')
  expect(status).toMatchObject({ phase: 'Succeeded', startedAt })
  expect(status?.inspection?.runtime).toMatchObject({ known: true, answers: false })
})

test('an agent that receives SIGTERM first completes the tasks that it started', async () => {
  const { uid } = await fixture.node('told')
  const agent = await fixture.start('told', [`--cri-socket=${await muteRuntime()}`])
  await fixture.order('told', inspect('told', uid))
  await begun('told')
  expect(await agent.kill('SIGTERM')).toBe(0)
  expect((await fixture.task('told')).status).toMatchObject({ phase: 'Succeeded' })
})

test('what another agent of the node begins while it waits in the queue is left to that one', async () => {
  const { uid } = await fixture.node('shared')
  const first = Promise.withResolvers<void>()
  const acted: string[] = []
  const tasks = createTasks({
    client: await clientOf(),
    clock: systemClock,
    identity: async () => ({ nodeName: 'shared', nodeUid: uid, podName: 'agent' }),
    nodeName: 'shared',
    namespace: NAMESPACE,
    verbs: {
      Inspect: {
        prepare: async () => ({}),
        run: async (spec) => {
          acted.push(spec.deadline)
          await first.promise
          return { phase: 'Succeeded', reason: 'Done', message: 'looked' }
        },
        recover: async () => 'again',
      },
    },
    onError: () => {},
    onTask: () => {},
  })
  onTestFinished(() => tasks.stop())
  tasks.start()
  await tasks.synced
  await fixture.order('shared-1', inspect('shared', uid))
  await begun('shared-1')
  await fixture.order('shared-2', inspect('shared', uid))
  const patch = JSON.stringify({ status: { phase: 'Running', reason: 'Accepted', startedAt: inMinutes(0) } })
  const status = ['-n', NAMESPACE, '--subresource=status', '--type=merge', '-p', patch]
  await fixture.cluster.kubectl(['patch', 'ntask', 'shared-2', ...status])
  await fixture.order('shared-3', inspect('shared', uid))
  first.resolve()
  await fixture.answered('shared-3')
  expect(acted).toHaveLength(2)
  expect((await fixture.task('shared-2')).status?.phase).toBe('Running')
})
