import { connect, type Socket } from 'node:net'
import type { Clock } from '../../runtime/clock.ts'
import type { Value } from './codec.ts'
import { decodeMessage, encodeMessage, type Message, messageSize } from './message.ts'

const BUS = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' }

/** What a call that names no time of its own may take, and getting onto the bus. */
const CALL_MS = 10_000

export interface Call {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly Value[]
  readonly timeoutMs?: number
}

export interface Reply {
  /** The unique name of whoever answered: signals of others that claim to come from there can be told apart. */
  readonly sender: string
  readonly body: readonly Value[]
}

/** A connection to a message bus. */
export interface Bus {
  /** Rejects with a DBusError where the other side says no, with another where nothing comes. */
  call(call: Call): Promise<Reply>
  /** Has the bus send signals of this match rule; `onSignal` gets each that arrives here. */
  listen(rule: string, onSignal: (signal: Message) => void): Promise<void>
  /** Resolves, with why, when the connection is no more. */
  readonly closed: Promise<Error>
  close(): void
}

/** The answer of the other side that it did not do it. */
export class DBusError extends Error {
  override readonly name = 'DBusError'
  /** E.g. org.freedesktop.systemd1.NoSuchUnit. */
  readonly errorName: string
  constructor(errorName: string, message: string) {
    super(message === '' ? errorName : `${message} (${errorName})`)
    this.errorName = errorName
  }
}

interface BusOptions {
  /** The socket. */
  readonly path: string
  readonly clock: Clock
  readonly timeoutMs?: number
}

interface Waiting {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

/** Connects to the bus at this socket. Rejects with its path if it does not respond or denies access. */
export const openBus = async ({ path, clock, timeoutMs = CALL_MS }: BusOptions): Promise<Bus> => {
  const socket: Socket = connect(path)
  const cancel = clock.setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  try {
    const bus = talkOver(socket, await authenticate(socket), clock)
    await bus.call({ ...BUS, member: 'Hello' })
    return bus
  } catch (cause) {
    socket.destroy()
    throw new Error(`connecting to the message bus at ${path}`, { cause })
  } finally {
    cancel()
  }
}

/** Calls and signals over a socket that was let in; `first` are bytes that came with the greeting. */
const talkOver = (socket: Socket, first: Buffer, clock: Clock): Bus => {
  const waiting = new Map<number, Waiting>()
  const listeners = new Set<(signal: Message) => void>()
  let lastSerial = 0
  let unread = first
  let ended: Error | undefined
  const { promise: closed, resolve: tellClosed } = Promise.withResolvers<Error>()

  const end = (error: Error) => {
    ended ??= error
    socket.destroy()
    tellClosed(ended)
    listeners.clear()
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }

  const receive = (message: Message) => {
    if (message.type === 'signal') {
      for (const onSignal of listeners) onSignal(message)
      return
    }
    const call = waiting.get(message.replySerial ?? 0)
    if (call === undefined) return
    waiting.delete(message.replySerial ?? 0)
    if (message.type === 'return') return call.resolve({ sender: message.sender ?? '', body: message.body })
    const [text] = message.body
    call.reject(new DBusError(message.errorName ?? 'unnamed error', typeof text === 'string' ? text : ''))
  }

  const read = (chunk: Buffer) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk])
    try {
      for (let size = messageSize(unread); size !== undefined && size <= unread.length; size = messageSize(unread)) {
        const message = decodeMessage(unread.subarray(0, size))
        unread = unread.subarray(size)
        receive(message)
      }
    } catch (cause) {
      end(new Error('reading from the message bus', { cause }))
    }
  }

  const call = ({ signature = '', body = [], timeoutMs = CALL_MS, ...to }: Call): Promise<Reply> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(ended)
      lastSerial += 1
      const serial = lastSerial
      socket.write(encodeMessage({ ...to, type: 'call', serial, signature, body }))
      const cancel = clock.setTimeout(() => {
        waiting.delete(serial)
        reject(new Error(`${to.interface}.${to.member}: no answer within ${timeoutMs} ms`))
      }, timeoutMs)
      waiting.set(serial, {
        resolve: (reply) => {
          cancel()
          resolve(reply)
        },
        reject: (error) => {
          cancel()
          reject(error)
        },
      })
    })

  socket.on('data', read)
  socket.on('error', (cause) => end(new Error('the message bus went away', { cause })))
  socket.on('close', () => end(new Error('the message bus went away')))
  if (first.length > 0) read(Buffer.alloc(0))

  return {
    call,
    closed,
    listen: async (rule, onSignal) => {
      listeners.add(onSignal)
      await call({ ...BUS, member: 'AddMatch', signature: 's', body: [rule] })
    },
    close: () => end(new Error('the connection to the message bus was closed')),
  }
}

/** The greeting is short; more of it without an end is no bus. */
const LONGEST_LINE = 4096

/**
 * SASL EXTERNAL: the bus asks the kernel who we are. No uid is named, as sd-bus does it: in a user namespace ours would be
 * another than the one that the bus sees. Resolves with bytes that came after the greeting; rejects where we are not let in.
 */
export const authenticate = (socket: Socket): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const steps = [
      { expects: 'DATA', answer: 'DATA\r\n' },
      { expects: 'OK', answer: 'BEGIN\r\n' },
    ]
    let unread = Buffer.alloc(0)

    const settle = (error?: Error) => {
      socket.off('data', read).off('error', settle).off('close', closed)
      if (error === undefined) resolve(unread)
      else reject(error)
    }
    const closed = () => settle(new Error('it closed the connection'))
    const read = (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk])
      for (let step = steps[0]; step !== undefined; step = steps[0]) {
        const end = unread.indexOf('\r\n')
        if (end === -1 && unread.length > LONGEST_LINE) return settle(new Error('its greeting has no end'))
        if (end === -1) return
        const line = unread.toString('utf8', 0, end)
        unread = unread.subarray(end + 2)
        if (line.split(' ')[0] !== step.expects) return settle(new Error(`it answered ${line.slice(0, 100)}`))
        steps.shift()
        socket.write(step.answer)
      }
      settle()
    }

    socket.on('data', read).on('error', settle).on('close', closed)
    socket.once('connect', () => socket.write('\0AUTH EXTERNAL\r\n'))
  })
