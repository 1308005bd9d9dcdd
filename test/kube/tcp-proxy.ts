import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Connection } from '../../src/kube/transport.ts'

/**
 * A proxy of bytes before the real API server: it counts connections and can turn those it has into half-open ones,
 * which stay established while nothing passes any more. Gone when the test is.
 */
export const startTcpProxy = async (connection: Connection) => {
  const pairs = new Set<readonly [Socket, Socket]>()
  let accepted = 0
  const server = createServer((inner) => {
    accepted += 1
    const outer = connect(Number(connection.server.port), connection.server.hostname)
    pairs.add([inner, outer])
    inner.pipe(outer).pipe(inner)
    inner.on('error', () => outer.destroy()).on('close', () => outer.destroy())
    outer.on('error', () => inner.destroy()).on('close', () => inner.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const [inner, outer] of pairs) {
      inner.destroy()
      outer.destroy()
    }
    server.close()
  })
  const through = new URL(connection.server)
  through.port = String((server.address() as AddressInfo).port)
  return {
    connection: { ...connection, server: through },
    accepted: () => accepted,
    freeze: () => {
      for (const [inner, outer] of pairs) {
        inner.unpipe(outer)
        outer.unpipe(inner)
        inner.pause()
        outer.pause()
      }
    },
  }
}
