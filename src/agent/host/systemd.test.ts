import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock as clock } from '../../runtime/clock.ts'
import { asText, type Value, variant } from '../dbus/codec.ts'
import { openBus } from '../dbus/connection.ts'
import type { Message } from '../dbus/message.ts'
import { createTestBus, serve, type Service, type ServiceAnswer, type TestBus } from '../dbus/testing.ts'
import { shortError } from '../verbs/verb.ts'
import { createSystemd } from './systemd.ts'

const SYSTEMD = 'org.freedesktop.systemd1'
const MANAGER = { path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager` }
const JOB = '/org/freedesktop/systemd1/job/7'
const UNIT = '/org/freedesktop/systemd1/unit/docker_2eservice'

const PROPERTIES: Readonly<Record<string, readonly [signature: string, value: Value]>> = {
  LoadState: ['s', 'loaded'],
  ActiveState: ['s', 'active'],
  UnitFileState: ['s', 'enabled'],
  InvocationID: ['ay', Buffer.from('00ff10', 'hex')],
  ActiveEnterTimestamp: ['t', 1_795_395_600_000_000n],
}

/** Path, arguments, ignore, four times, pid, code and status: org.freedesktop.systemd1(5). */
const EXEC_START: Value = [
  '/usr/sbin/dockerd',
  ['/usr/sbin/dockerd', '-H', 'fd://', '$DOCKER_OPTS'],
  false,
  0n,
  0n,
  0n,
  0n,
  0,
  0,
  0,
]

const done: ServiceAnswer = { signature: '', body: [] }
const removed = (job: string, result: string, destination?: string) => ({
  ...MANAGER,
  member: 'JobRemoved',
  signature: 'uoss',
  body: [7, job, 'docker.service', result],
  destination,
})

/** systemd's part: what each member answers; the rest it does not know. */
const answering =
  (members: Readonly<Record<string, (call: Message, service: Service) => ServiceAnswer>>) =>
  (call: Message, service: Service): ServiceAnswer => {
    const known: typeof members = { Subscribe: () => done, ...members }
    const member = Object.entries(known).find(([name]) => name === call.member)
    return member?.[1](call, service) ?? { errorName: `${SYSTEMD}.NoSuchUnit`, text: 'no such thing' }
  }

const unitMembers = (properties = PROPERTIES) => ({
  LoadUnit: () => ({ signature: 'o', body: [UNIT] }),
  Get: ({ body }: Message): ServiceAnswer => {
    const [signature, value] = properties[asText(body[1], 'property')] ?? ['s', '']
    return { signature: 'v', body: [variant(signature, value)] }
  },
})

/** Answers with the job, and tells its result a little later. */
const restarting = (result: string) => ({
  RestartUnit: (_: Message, service: Service): ServiceAnswer => {
    setTimeout(() => service.signal(removed('/org/freedesktop/systemd1/job/8', 'failed')), 10)
    setTimeout(() => service.signal(removed(JOB, result)), 20)
    return { signature: 'o', body: [JOB] }
  },
})

/** Where the machine has no dbus-daemon, its package is fetched once. */
const FETCHING_MS = 120_000

let bus: TestBus
const services: { close: () => void }[] = []
const keep = <Kept extends { close: () => void }>(service: Kept): Kept => {
  services.push(service)
  return service
}

beforeEach(async () => {
  bus = await createTestBus()
  await bus.start()
}, FETCHING_MS)
afterEach(async () => {
  for (const service of services.splice(0)) service.close()
  await bus.remove()
})

const scene = async (members: Parameters<typeof answering>[0]) => ({
  service: keep(await serve(bus.socket, SYSTEMD, answering(members))),
  systemd: keep(createSystemd({ path: bus.socket, clock })),
})
const failing = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'nothing failed', shortError)

describe('a unit', () => {
  test('is told of as systemd has it', async () => {
    const { systemd } = await scene(unitMembers())
    expect(await systemd.unit('docker.service')).toEqual({
      name: 'docker.service',
      load: 'loaded',
      active: 'active',
      enabled: 'enabled',
      invocationId: '00ff10',
      activeSince: '2026-11-23T01:00:00.000Z',
    })
  })

  test('that runs has the command lines of its processes', async () => {
    const dockerd = ['/system.slice/docker.service', 7, '/usr/bin/dockerd --iptables=false']
    const { systemd } = await scene({ GetUnitProcesses: () => ({ signature: 'a(sus)', body: [[dockerd]] }) })
    expect(await systemd.commands('docker.service')).toEqual(['/usr/bin/dockerd --iptables=false'])
  })

  test('that does not run has the command of its file', async () => {
    const { systemd } = await scene({
      ...unitMembers({ ExecStart: ['a(sasbttttuii)', [EXEC_START]] }),
      GetUnitProcesses: () => ({ signature: 'a(sus)', body: [[]] }),
    })
    expect(await systemd.commands('docker.service')).toEqual(['/usr/sbin/dockerd -H fd:// $DOCKER_OPTS'])
  })

  test('that never ran has neither an invocation nor a time', async () => {
    const { systemd } = await scene(
      unitMembers({
        LoadState: ['s', 'not-found'],
        ActiveState: ['s', 'inactive'],
        InvocationID: ['ay', Buffer.alloc(0)],
        ActiveEnterTimestamp: ['t', 0n],
      }),
    )
    expect(await systemd.unit('crio.service')).toEqual({
      name: 'crio.service',
      load: 'not-found',
      active: 'inactive',
      enabled: '',
    })
  })

  test('of which something nonsensical is said is not told of', async () => {
    const { systemd } = await scene(unitMembers({ ...PROPERTIES, ActiveState: ['u', 7] }))
    expect(await failing(systemd.unit('docker.service'))).toBe('reading unit docker.service: ActiveState: not a string')
  })

  test('is not told of where the bus is not there, and is again when the bus is', async () => {
    const { systemd } = await scene(unitMembers())
    await bus.stop()
    expect(await failing(systemd.unit('docker.service'))).toContain(`connecting to the message bus at ${bus.socket}`)
    rmSync(bus.socket)
    await bus.start()
    keep(await serve(bus.socket, SYSTEMD, answering(unitMembers())))
    expect(await systemd.unit('docker.service')).toMatchObject({ active: 'active' })
  })
})

describe('a restart', () => {
  test.each(['done', 'failed', 'timeout', 'canceled', 'dependency'])('ends as its own job does: %s', async (result) => {
    const { systemd, service } = await scene(restarting(result))
    expect(await systemd.restart('docker.service', 5_000)).toBe(result)
    expect(service.calls).toEqual(['Subscribe()', 'RestartUnit("docker.service","replace")'])
  })

  test('whose job is removed before the answer names it is done all the same', async () => {
    const { systemd } = await scene({
      RestartUnit: (_, service) => {
        service.signal(removed(JOB, 'done'))
        return { signature: 'o', body: [JOB] }
      },
    })
    expect(await systemd.restart('docker.service', 5_000)).toBe('done')
  })

  test.each([
    'ssh.service',
    'docker.socket',
    'kubelet.service',
    '',
    'docker.service\n',
    'docker.service/../ssh.service',
  ])('of %j is refused before anything is sent', async (unit) => {
    const { systemd, service } = await scene(restarting('done'))
    expect(await failing(systemd.restart(unit, 5_000))).toContain('is not in the list of units that may be restarted')
    expect(service.calls).toEqual([])
  })

  test('that systemd refuses says why', async () => {
    const { systemd } = await scene({})
    expect(await failing(systemd.restart('crio.service', 5_000))).toBe(
      `restarting unit crio.service: no such thing (${SYSTEMD}.NoSuchUnit)`,
    )
  })

  test('of which no result comes is given up in time', async () => {
    const { systemd } = await scene({ RestartUnit: () => ({ signature: 'o', body: [JOB] }) })
    expect(await failing(systemd.restart('docker.service', 100))).toContain('no result of the job within 100 ms')
  })

  test('is not believed to be done by the word of somebody else on the bus', async () => {
    const liar = keep(await serve(bus.socket, undefined, () => 'nothing'))
    const { systemd } = await scene({
      RestartUnit: (call, service) => {
        liar.signal(removed(JOB, 'done'))
        liar.signal(removed(JOB, 'done', call.sender))
        setTimeout(() => service.signal(removed(JOB, 'failed')), 100)
        return { signature: 'o', body: [JOB] }
      },
    })
    expect(await systemd.restart('docker.service', 5_000)).toBe('failed')
  })

  test('in the middle of which the bus goes away says so', async () => {
    const { systemd } = await scene({
      RestartUnit: () => {
        void bus.stop()
        return 'nothing'
      },
    })
    expect(await failing(systemd.restart('docker.service', 5_000))).toContain('the message bus went away')
  })

  test('in the middle of which the agent is stopping is given up', async () => {
    const { systemd } = await scene({ RestartUnit: () => ({ signature: 'o', body: [JOB] }) })
    const restart = failing(systemd.restart('docker.service', 60_000))
    setTimeout(() => systemd.close(), 100)
    expect(await restart).toContain('was closed')
  })
})

describe('a socket that is no message bus', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'podmend-socket-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const OK = 'DATA\r\nOK 0123\r\n'
  test.each<[string, string, string | Buffer | undefined, string]>([
    ['that is silent', 'silent', undefined, 'no answer within 200 ms'],
    ['that lets nobody in', 'rejecting', 'REJECTED EXTERNAL\r\n', 'it answered REJECTED EXTERNAL'],
    ['that talks without end', 'endless', 'x'.repeat(10_000), 'its greeting has no end'],
    ['that speaks something else', 'other', `${OK}HTTP/1.1 400 Bad Request\r\n\r\n`, 'a message in no byte order'],
    [
      'that announces far too much',
      'large',
      Buffer.concat([Buffer.from(OK), Buffer.from('6c01000100000008010000000f000000', 'hex')]),
      'bytes',
    ],
  ])('%s is not waited for', async (_, name, greeting, words) => {
    const path = join(folder, name)
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', () => {})
      if (greeting !== undefined) socket.write(greeting)
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    keep(server)
    // A busy machine may take its time over what is answered at once: only silence waits for the time-out.
    const opening = openBus({ path, clock, timeoutMs: greeting === undefined ? 200 : 20_000 })
    expect(await failing(opening)).toContain(words)
  })

  test('that closes at once is not waited for', async () => {
    const path = join(folder, 'closing')
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(path, resolve))
    keep(server)
    expect(await failing(openBus({ path, clock }))).toContain('connecting to the message bus')
  })
})
