import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connection, TlsOptions } from './transport.ts'

export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Bound tokens last an hour and the kubelet renews them at 80 %; client-go rereads the file at the same interval. */
const REREAD_MS = 60_000

interface InClusterOptions {
  readonly host?: string | undefined
  readonly port?: string | undefined
  /** For tests. */
  readonly directory?: string
}

/** Connects with the pod's service account; rereads its files every minute and when the API server rejects the token. */
export const inClusterConnection = async ({
  host,
  port,
  directory = SERVICE_ACCOUNT_DIR,
}: InClusterOptions): Promise<Connection> => {
  // Prefer the address: the operator must work while the cluster's DNS is down.
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
      // If the file cannot be read now, keep the last token: it may still be valid for a long time.
      if (performance.now() - readAt > REREAD_MS) await read().catch(() => undefined)
      return `Bearer ${token}`
    },
    refresh: read,
    ...(namespace !== '' && { namespace }),
  }
}
