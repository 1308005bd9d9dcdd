/** A message bus of its own for a test: Debian's dbus-daemon, in a folder, beside whatever bus the machine has. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { debianTools } from '../../../testbed/machine/debian-tools.ts'
import type { Value } from './codec.ts'
import { authenticate } from './connection.ts'
import { decodeMessage, encodeMessage, type Message, messageSize } from './message.ts'

const config = (
  socket: string,
): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
`

export interface TestBus {
  readonly socket: string
  start(): Promise<void>
  /** Ends it at once; what is connected to it loses its connection. */
  stop(): Promise<void>
  /** Stops it and removes its folder. */
  remove(): Promise<void>
}

const daemon = async (): Promise<{ readonly program: string; readonly env: NodeJS.ProcessEnv }> => {
  if (existsSync('/usr/bin/dbus-daemon')) return { program: '/usr/bin/dbus-daemon', env: process.env }
  const { root, env } = await debianTools('dbus-packages', ['dbus'])
  return { program: join(root, 'usr/bin/dbus-daemon'), env }
}

export const createTestBus = async (): Promise<TestBus> => {
  const { program, env } = await daemon()
  const folder = mkdtempSync(join(tmpdir(), 'podmend-bus-'))
  const socket = join(folder, 'bus')
  const file = join(folder, 'bus.conf')
  writeFileSync(file, config(socket))
  let child: ChildProcess | undefined

  const stop = async () => {
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    child = undefined
    await ended
  }
  return {
    socket,
    start: async () => {
      // It must not outlive the test run, however that ends.
      const args = ['--pdeathsig', 'KILL', program, `--config-file=${file}`, '--nofork', '--print-address']
      const started = spawn('setpriv', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
      child = started
      let words = ''
      started.stderr.on('data', (text: Buffer) => {
        words += text.toString()
      })
      const ended = once(started, 'exit').then(() => Promise.reject(new Error(`starting dbus-daemon: ${words}`)))
      await Promise.race([once(started.stdout, 'data'), ended])
      ended.catch(() => {})
    },
    stop,
    remove: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const DRIVER = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' }

/** What a service answers: values with their signature, or an error by its name. */
export type ServiceAnswer =
  | { readonly signature: string; readonly body: readonly Value[] }
  | { readonly errorName: string; readonly text: string }
  /** It never answers. */
  | 'nothing'

export interface Service {
  /** Calls that reached it, as `Member(body)`. */
  readonly calls: readonly string[]
  signal(signal: Pick<Message, 'path' | 'interface' | 'member' | 'signature' | 'body' | 'destination'>): void
  close(): void
}

/** A service on the bus that answers as it is told; with no name it is only somebody who sends signals. */
export const serve = async (
  socket: string,
  name: string | undefined,
  answer: (call: Message, service: Service) => ServiceAnswer,
): Promise<Service> => {
  const connection = connect(socket)
  let unread = await authenticate(connection)
  let serial = 0
  const calls: string[] = []
  const send = (message: Omit<Message, 'serial'>) => {
    serial += 1
    connection.write(encodeMessage({ ...message, serial }))
  }
  const service: Service = {
    calls,
    signal: (signal) => send({ type: 'signal', ...signal }),
    close: () => connection.destroy(),
  }
  const ready = Promise.withResolvers<void>()
  const receive = (message: Message) => {
    // Of its own calls the last is answered last.
    if (message.type === 'return' && message.replySerial === (name === undefined ? 1 : 2)) return ready.resolve()
    if (message.type !== 'call') return
    const shown = JSON.stringify(message.body, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
    calls.push(`${message.member}(${shown.slice(1, -1)})`)
    const given = answer(message, service)
    if (given === 'nothing') return
    const reply = { replySerial: message.serial, destination: message.sender }
    if ('errorName' in given) {
      send({ ...reply, type: 'error', errorName: given.errorName, signature: 's', body: [given.text] })
    } else send({ ...reply, type: 'return', ...given })
  }
  connection.on('error', () => {})
  connection.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk])
    for (let size = messageSize(unread); size !== undefined && size <= unread.length; size = messageSize(unread)) {
      const message = decodeMessage(unread.subarray(0, size))
      unread = unread.subarray(size)
      receive(message)
    }
  })
  send({ ...DRIVER, type: 'call', member: 'Hello', body: [] })
  if (name !== undefined) send({ ...DRIVER, type: 'call', member: 'RequestName', signature: 'su', body: [name, 0] })
  await ready.promise
  return service
}
