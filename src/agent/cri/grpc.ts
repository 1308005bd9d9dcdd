import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import type { Clock } from '../../runtime/clock.ts'

/** Answers here list the sandboxes of one pod or the containers of one of them. */
const LONGEST_ANSWER = 4 * 1024 * 1024
/** A byte whether it is compressed, four of length. */
const PREFIX = 5
const MAX_ERROR_LENGTH = 1024

/** The runtime answered that it did not do it. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  /** E.g. 5, NOT_FOUND. */
  readonly status: number
  constructor(status: number, message: string) {
    super(message === '' ? `gRPC status ${status}` : message.slice(0, MAX_ERROR_LENGTH))
    this.status = status
  }
}

/** There was no answer in time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

/** A response that is not gRPC: another program listens there, or it is broken. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'OddAnswer'
}

interface GrpcCall {
  /** The socket. */
  readonly path: string
  /** E.g. /runtime.v1.RuntimeService/Version. */
  readonly method: string
  readonly request: Buffer
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal?: AbortSignal
}

const framed = (message: Buffer): Buffer => {
  const prefix = Buffer.alloc(PREFIX)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** The one message of an answer. */
const unframed = (bytes: Buffer): Buffer => {
  if (bytes.length < PREFIX || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.length - PREFIX) {
    throw new UnexpectedAnswer('its answer is not one plain gRPC message')
  }
  return bytes.subarray(PREFIX)
}

const words = (headers: IncomingHttpHeaders): string => {
  const text = String(headers['grpc-message'] ?? '')
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A refusal in headers or trailers; undefined where they carry none, or say OK. */
const refusalIn = (headers: IncomingHttpHeaders): Error | undefined => {
  const status = headers['grpc-status']
  return status === undefined || status === '0' ? undefined : new GrpcError(Number(status), words(headers))
}

/**
 * One call over a connection of its own: a runtime that was restarted meanwhile does not matter, nor one that takes
 * connections and is silent. Resolves with the answer's message; rejects with GrpcError, NoAnswer, OddAnswer, or what the socket says.
 */
export const callGrpc = ({ path, method, request, timeoutMs, clock, signal }: GrpcCall): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    // Not before it is needed: it takes 9 MB, and most agents are never asked for anything.
    const http2 = process.getBuiltinModule('node:http2')
    const session: ClientHttp2Session = http2.connect('http://localhost', { createConnection: () => connect(path) })

    const settle = (error: Error | undefined, answer?: Buffer) => {
      cancel()
      signal?.removeEventListener('abort', abort)
      session.destroy()
      if (answer === undefined) reject(error ?? new Error('it closed the connection'))
      else resolve(answer)
    }
    const abort = () => settle(new Error('given up: the agent is stopping'))
    const cancel = clock.setTimeout(() => settle(new NoAnswer(`no answer within ${timeoutMs} ms`)), timeoutMs)
    session.on('error', settle)
    session.on('close', () => settle(undefined))
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort, { once: true })

    const stream: ClientHttp2Stream = session.request({
      ':method': 'POST',
      ':path': method,
      ':authority': 'localhost',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': `${Math.ceil(timeoutMs)}m`,
    })
    const chunks: Buffer[] = []
    let size = 0
    let trailers: IncomingHttpHeaders | undefined
    // A connection that never came about cancels the stream: what counts is why.
    stream.on('error', (error) => settle(error.cause instanceof Error ? error.cause : error))
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200)
        return settle(new UnexpectedAnswer(`it answered with HTTP status ${headers[':status']}`))
      // Where there is nothing to answer, the trailers come as headers.
      if (headers['grpc-status'] !== undefined) trailers = headers
    })
    stream.on('trailers', (headers) => {
      trailers = headers
    })
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > LONGEST_ANSWER)
        return settle(new UnexpectedAnswer(`its answer is longer than ${LONGEST_ANSWER} bytes`))
      chunks.push(chunk)
    })
    stream.on('end', () => {
      try {
        const refusal = trailers && refusalIn(trailers)
        if (trailers?.['grpc-status'] === undefined) throw new Error('its answer ends early')
        if (refusal) throw refusal
        settle(undefined, unframed(Buffer.concat(chunks)))
      } catch (error) {
        settle(error as Error)
      }
    })
    stream.end(framed(request))
  })
