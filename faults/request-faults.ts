/** The faults that are played on one request. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Exchange } from './proxy.ts'

export interface FaultContext {
  /** Kills the controller; resolves when it is gone. */
  readonly kill: () => Promise<void>
  /** Another candidate writes its name on the lease. */
  readonly takeLease: () => Promise<void>
  /** The version of the API server's state now. */
  readonly version: () => Promise<string>
  /** The first lists of the next process are of this version, and its watches go on from it a while later. */
  readonly serveStale: (version: string) => void
  /** Puts back the state of now; what was written since is lost, also to the oracles. */
  readonly backUp: () => Promise<() => Promise<void>>
}

export interface RequestFault {
  readonly play: (exchange: Exchange, context: FaultContext) => Promise<void>
  /** Whether the same fault on a read tells something new. */
  readonly reads?: true
  /** How much later than without the fault the end may come, in ms. */
  readonly delayMs?: number
  /** It concerns the whole API server: no other run is played beside it. */
  readonly alone?: true
}

const REASONS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

const answerOf = (status: number, headers: Record<string, string> = {}): Answer => {
  const reason = REASONS[status]
  const body = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code: status,
    reason,
    message: `a fault: ${reason}`,
  }
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  }
}

/** Refused before it had an effect. */
const refused =
  (status: number, headers?: Record<string, string>): RequestFault['play'] =>
  async (exchange) =>
    exchange.reply(answerOf(status, headers))

/** Had its effect, and is then answered like this. */
const afterCommit =
  (change: (answer: Answer) => Answer): RequestFault['play'] =>
  async (exchange) =>
    exchange.reply(change(await exchange.forward()))

const late = (ms: number): RequestFault => ({
  delayMs: ms + 15_000,
  play: async (exchange) => {
    await sleep(ms)
    exchange.reply(await exchange.forward())
  },
})

const HTML = Buffer.from('<html><body><h1>502 Bad Gateway</h1></body></html>')

export const REQUEST_FAULTS: Readonly<Record<string, RequestFault>> = {
  'crash-before': {
    play: async (exchange, { kill }) => {
      await kill()
      exchange.cut()
    },
  },
  'crash-after': {
    play: async (exchange, { kill }) => {
      await exchange.forward()
      await kill()
      exchange.cut()
    },
  },
  'dropped-before': { reads: true, play: async (exchange) => exchange.cut() },
  'dropped-after': {
    play: async (exchange) => {
      await exchange.forward()
      exchange.cut()
    },
  },
  '403': { reads: true, play: refused(403) },
  '409': { play: refused(409) },
  '422': { play: refused(422) },
  '429-0': { play: refused(429, { 'retry-after': '0' }) },
  '429-1': { reads: true, play: refused(429, { 'retry-after': '1' }) },
  '429-3600': { reads: true, play: refused(429, { 'retry-after': '3600' }), delayMs: 60_000 },
  '500': { reads: true, play: refused(500) },
  '503': { reads: true, play: refused(503) },
  '504-after': { play: afterCommit(() => answerOf(504)) },
  html: {
    reads: true,
    play: async (exchange) => exchange.reply({ status: 200, headers: { 'content-type': 'text/html' }, body: HTML }),
  },
  empty: { reads: true, play: afterCommit((answer) => ({ ...answer, body: Buffer.alloc(0) })) },
  truncated: {
    reads: true,
    play: async (exchange) => {
      const answer = await exchange.forward()
      exchange.replyInPart(answer, Math.floor(answer.body.length / 2))
    },
  },
  'late-10s': { reads: true, ...late(10_000) },
  'late-31s': late(31_000),
  'stale-list': {
    delayMs: 30_000,
    play: async (exchange, { kill, version, serveStale }) => {
      const before = await version()
      await exchange.forward()
      serveStale(before)
      await kill()
      exchange.cut()
    },
  },
  'etcd-restored': {
    alone: true,
    delayMs: 180_000,
    play: async (exchange, { backUp }) => {
      const restore = await backUp()
      exchange.reply(await exchange.forward())
      // What follows from it is lost as well.
      await sleep(1_000)
      await restore()
    },
  },
  'lease-taken': {
    delayMs: 30_000,
    play: async (exchange, { takeLease }) => {
      await takeLease()
      exchange.reply(await exchange.forward())
    },
  },
}
