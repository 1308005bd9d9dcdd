import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For tests: a server on loopback that answers as its handler does, and a `certs.d` that leads to it. */
export interface FakeRegistry {
  readonly origin: string
  readonly port: number
  /** Every request so far, as `METHOD path`, with the Authorization header if there was one. */
  readonly seen: readonly { readonly line: string; readonly authorization: string | undefined }[]
  readonly close: () => Promise<void>
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

export const startFakeRegistry = async (handle: Handler): Promise<FakeRegistry> => {
  const seen: { line: string; authorization: string | undefined }[] = []
  const server = createServer((request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization })
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    seen,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

/** Writes `hosts.toml` files, by directory name, below a new directory. */
export const writeCertsDirectory = async (files: Readonly<Record<string, string>>) => {
  const path = await mkdtemp(join(tmpdir(), 'certs.d-'))
  for (const [host, text] of Object.entries(files)) {
    await mkdir(join(path, host))
    await writeFile(join(path, host, 'hosts.toml'), text)
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

export const answerJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

export const errorBody = (code: string, message: string) => ({ errors: [{ code, message }] })

/** A JSON blob with its digest. */
export const blobOf = (value: unknown) => {
  const body = JSON.stringify(value)
  return { body, digest: `sha256:${createHash('sha256').update(body).digest('hex')}` }
}
