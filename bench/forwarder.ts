import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Forwarder {
  /** `https://127.0.0.1:PORT`: the API server's certificate is for the address, whatever the port. */
  readonly url: string
  /** Connections accepted since it started. */
  readonly connections: () => number
  /** Bytes from the API server since it started. */
  readonly received: () => number
  /** Connections that are open now become half-open: nothing passes any more, and neither side learns of it. */
  readonly freeze: () => void
  readonly close: () => Promise<void>
}

/** Forwards TCP connections to the API server and counts them, without reading them. */
export const startForwarder = async (target: string): Promise<Forwarder> => {
  const { hostname, port } = new URL(target)
  const open = new Set<Socket>()
  let count = 0
  let bytes = 0
  const server = createServer({ noDelay: true }, (near) => {
    count += 1
    const far = connect({ host: hostname, port: Number(port), noDelay: true })
    far.on('data', ({ length }: Buffer) => (bytes += length))
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket)
      socket.on('error', () => other.destroy())
      socket.once('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => count,
    received: () => bytes,
    freeze: () => {
      for (const socket of open) {
        socket.unpipe().removeAllListeners('data')
        socket.pause()
      }
    },
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
