import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Connection } from '../../src/kube/transport.ts'

export interface Received {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Which connection it came over, counted from 1. */
  readonly socket: number
}

/** Answers the n-th request, n from 1; what it throws breaks the connection off. */
export type Script = (request: Received, response: ServerResponse, n: number) => void

/** A server that misbehaves as told, for what a real API server cannot be made to do. Gone when the test is. */
export const startFaultyServer = async (script: Script) => {
  const requests: Received[] = []
  const sockets = new Map<Socket, number>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      const { method = '', headers } = request
      const socket = sockets.get(request.socket) ?? 0
      const received = { method, path: url.pathname, query: url.searchParams, headers, body, socket }
      requests.push(received)
      try {
        script(received, response, requests.length)
      } catch {
        request.socket.destroy()
      }
    })
  })
  server.on('connection', (socket) => sockets.set(socket, sockets.size + 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const credentials = { token: 'first', refreshed: 0 }
  const connection: Connection = {
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    tls: {},
    authorization: async () => `Bearer ${credentials.token}`,
    refresh: async () => {
      credentials.refreshed += 1
      credentials.token = 'second'
    },
  }
  return {
    connection,
    requests,
    credentials,
    connections: () => sockets.size,
    close: () => server.closeAllConnections(),
  }
}

export const answerJson = (
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

export const answerStatus = (
  response: ServerResponse,
  code: number,
  reason: string,
  headers?: Record<string, string>,
) => answerJson(response, { kind: 'Status', code, reason, message: `told to say ${code}` }, code, headers)
