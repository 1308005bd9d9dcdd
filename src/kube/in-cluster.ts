import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connection, TlsOptions } from './transport.ts'

export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Bound tokens live an hour, the kubelet renews them at 80 %; client-go reads the file as often. */
const REREAD_MS = 60_000

interface InClusterOptions {
  readonly host?: string | undefined
  readonly port?: string | undefined
  /** For tests. */
  readonly directory?: string
}

/** The pod's own service account; its files are read anew every minute and when the API server refuses the token. */
export const inClusterConnection = async ({
  host,
  port,
  directory = SERVICE_ACCOUNT_DIR,
}: InClusterOptions): Promise<Connection> => {
  // By address when the kubelet gave one: the operator must work while the cluster's DNS does not.
  const name = host?.includes(':') ? `[${host}]` : (host ?? 'kubernetes.default.svc')
  const server = new URL(`https://${name}:${port ?? '443'}`)
  const namespace = (await readFile(join(directory, 'namespace'), 'utf8').catch(() => '')).trim()
  let token = ''
  let tls: TlsOptions = {}
  let readAt = Number.NEGATIVE_INFINITY

  const read = async () => {
    const [newToken, ca] = await Promise.all([
      readFile(join(directory, 'token'), 'utf8'),
      readFile(join(directory, 'ca.crt'), 'utf8'),
    ])
    token = newToken.trim()
    if (ca !== tls.ca) tls = { ca }
    readAt = performance.now()
  }
  await read().catch((cause: unknown) => {
    throw new Error(`reading the service account in ${directory}`, { cause })
  })

  return {
    server,
    get tls() {
      return tls
    },
    authorization: async () => {
      // A file that cannot be read just now leaves the last token standing: it may live for long.
      if (performance.now() - readAt > REREAD_MS) await read().catch(() => undefined)
      return `Bearer ${token}`
    },
    refresh: read,
    ...(namespace !== '' && { namespace }),
  }
}
