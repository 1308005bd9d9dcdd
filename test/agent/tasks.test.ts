/** What an agent does with orders: against a real API server, with a pod's own token. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '../../testbed/fixture.ts'
import { inMinutes, NAMESPACE, useAgents } from './fixture.ts'

const fixture = useAgents()

const inspect = (nodeName: string, nodeUid: string, deadline = inMinutes(1)) => ({
  nodeName,
  nodeUid,
  verb: 'Inspect',
  deadline,
})

test.concurrent('it looks at what it may look at, and says of the rest that it may not', async () => {
  const { uid } = await fixture.node('n1')
  const root = await fixture.host({
    'os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    'sbin/mount.nfs': '',
    'sbin/mount.fuse3': '',
    'sbin/other': '',
  })
  await fixture.start('n1', [`--os-release=${join(root, 'os-release')}`, `--host-sbin=${join(root, 'sbin')}`])
  await fixture.order('look', inspect('n1', uid))
  const { status } = await fixture.answered('look')
  expect(status).toMatchObject({ phase: 'Succeeded', reason: 'Done', startedAt: expect.any(String) })
  expect(status?.inspection).toMatchObject({
    os: { known: true, id: 'debian', versionId: '12', name: 'Debian GNU/Linux 12 (bookworm)', immutable: false },
    mounts: { known: true, helpers: ['fuse3', 'nfs'] },
    runtime: { known: false, why: expect.stringContaining('--cri-socket') },
    units: { known: false, why: expect.stringContaining('--system-bus') },
    chains: { known: false, why: expect.stringContaining('--chains') },
    docker: { known: false, why: expect.stringContaining('--docker-config') },
  })
})

test.concurrent('what is there in a form that it does not understand is unknown', async () => {
  const { uid } = await fixture.node('odd')
  const root = await fixture.host({ 'os-release': 'nothing of use', 'daemon.json': '{' })
  await fixture.start('odd', [
    `--os-release=${join(root, 'os-release')}`,
    `--host-sbin=${join(root, 'nowhere')}`,
    `--docker-config=${join(root, 'daemon.json')}`,
    `--cri-socket=${join(root, 'no.sock')}`,
    `--system-bus=${join(root, 'no-bus')}`,
  ])
  await fixture.order('odd', inspect('odd', uid))
  const { status } = await fixture.answered('odd')
  expect(status?.inspection).toMatchObject({
    os: { known: false, why: expect.stringContaining('has no ID') },
    mounts: { known: false, why: expect.stringContaining('not found') },
    runtime: { known: false, why: expect.stringContaining('no.sock') },
    units: { known: false, why: expect.stringContaining('no-bus') },
    docker: { known: false },
  })
})

test.concurrent('an order past its deadline, for another uid of the node or with a verb that is off is refused with a reason', async () => {
  const { uid } = await fixture.node('n2')
  await fixture.order('late', inspect('n2', uid, inMinutes(-1)))
  await fixture.order('other', inspect('n2', 'another-uid'))
  await fixture.order('restart', {
    ...inspect('n2', uid),
    verb: 'RestartRuntime',
    restartRuntime: { runtime: 'docker', reason: 'ChainMissing' },
  })
  await fixture.start('n2')
  expect((await fixture.answered('late')).status).toMatchObject({ phase: 'Refused', reason: 'DeadlinePassed' })
  expect((await fixture.answered('other')).status).toMatchObject({ phase: 'Refused', reason: 'OtherNode' })
  expect((await fixture.answered('restart')).status).toMatchObject({ phase: 'Refused', reason: 'VerbNotAllowed' })
})

test.concurrent('a verb that is on, and lacks the socket that it needs, is refused because nothing can be seen', async () => {
  const { uid } = await fixture.node('blind')
  await fixture.start('blind', ['--verbs=Inspect,RecycleSandbox,RestartRuntime'])
  await fixture.order('blind-recycle', {
    ...inspect('blind', uid),
    verb: 'RecycleSandbox',
    recycleSandbox: { podUid: 'p1' },
  })
  await fixture.order('blind-restart', {
    ...inspect('blind', uid),
    verb: 'RestartRuntime',
    restartRuntime: { runtime: 'containerd', reason: 'Unresponsive' },
  })
  for (const [name, flag] of [
    ['blind-recycle', '--cri-socket'],
    ['blind-restart', '--system-bus'],
  ] as const) {
    expect((await fixture.answered(name)).status).toMatchObject({
      phase: 'Refused',
      reason: 'ProbeFailed',
      message: expect.stringContaining(flag),
    })
  }
})

test.concurrent('it answers the orders of its own node and leaves the others alone', async () => {
  const [mine, theirs] = await Promise.all([fixture.node('n3'), fixture.node('n4')])
  await fixture.start('n3')
  await fixture.order('theirs', inspect('n4', theirs.uid))
  await fixture.order('mine', inspect('n3', mine.uid))
  expect((await fixture.answered('mine')).status?.phase).toBe('Succeeded')
  expect((await fixture.task('theirs')).status).toBeUndefined()
})

test.concurrent('what an agent before it had begun is found out by the next one and answered', async () => {
  const { uid } = await fixture.node('n5')
  await fixture.order('begun', inspect('n5', uid))
  await fixture.order('begun-late', inspect('n5', uid, inMinutes(-1)))
  for (const name of ['begun', 'begun-late']) {
    const status = { phase: 'Running', reason: 'Accepted', startedAt: inMinutes(-2), before: {} }
    const patch = JSON.stringify({ status })
    await fixture.cluster.kubectl([
      'patch',
      'ntask',
      name,
      '-n',
      NAMESPACE,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    ])
  }
  await fixture.start('n5')
  expect((await fixture.answered('begun')).status).toMatchObject({ phase: 'Succeeded', reason: 'Done' })
  expect((await fixture.answered('begun-late')).status).toMatchObject({ phase: 'Failed', reason: 'Interrupted' })
})

test.concurrent('an answer that stands is not written again by an agent that starts anew', async () => {
  const { uid } = await fixture.node('n6')
  const first = await fixture.start('n6')
  await fixture.order('once', inspect('n6', uid))
  const answered = await fixture.answered('once')
  expect(await first.kill('SIGTERM')).toBe(0)
  await fixture.start('n6')
  await fixture.order('next', inspect('n6', uid))
  await fixture.answered('next')
  expect((await fixture.task('once')).metadata.resourceVersion).toBe(answered.metadata.resourceVersion)
})

test.concurrent('orders are carried out one after the other, in the order in which they were given', async () => {
  const { uid } = await fixture.node('n7')
  const names = ['q1', 'q2', 'q3']
  for (const name of names) await fixture.order(name, inspect('n7', uid))
  await fixture.start('n7')
  const tasks = await Promise.all(names.map((name) => fixture.answered(name)))
  const times = tasks.flatMap(({ status }) => [status?.startedAt ?? '', status?.finishedAt ?? ''])
  expect(times).toEqual(times.toSorted())
})

test('it goes on after the API server was restarted', async () => {
  const { uid } = await fixture.node('n8')
  const agent = await fixture.start('n8')
  await fixture.cluster.plane.restartApiServer()
  await fixture.order('after', inspect('n8', uid))
  const done = await eventually(() => fixture.answered('after'), { timeoutMs: 60_000 })
  expect(done.status?.phase).toBe('Succeeded')
  expect(await agent.kill('SIGTERM')).toBe(0)
})
