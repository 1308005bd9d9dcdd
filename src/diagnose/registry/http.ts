import type { Agent as HttpAgent, IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { setBounded } from '../../runtime/bounded-map.ts'
import { http } from '../../runtime/http-server.ts'
import { createShares } from '../../runtime/shares.ts'
import { AddressRefused, type AddressRule, createLookups } from './addresses.ts'
import type { ResolveName } from './names.ts'
import type { ProxySettings } from '../../config/proxy.ts'

/** How one host is reached: as the operator's configuration says, else by https with the system's CAs. */
export interface Reach {
  /** PEM of further CAs. */
  readonly ca?: readonly string[]
  readonly skipVerify?: boolean
  readonly addresses: AddressRule
}

export interface Exchange {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly reach: Reach
  /** Longest body that is read, bytes; a longer one is cut and `cut` says so. */
  readonly maxBytes: number
  /** Ends everything; rejects with its reason. */
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** The body was longer than what was to be read. */
  readonly cut: boolean
}

export interface Http {
  /** One request, no redirects followed. Rejects with what went wrong on the way, or `AddressRefused`. */
  readonly send: (exchange: Exchange) => Promise<Answer>
  readonly close: () => void
}

/** Pools kept at once: one for each way of reaching hosts, and there are as many ways as hosts.toml files. */
const MAX_POOLS = 64
/** Concurrent requests to one host; the others wait in order. */
const MAX_AT_ONCE = 8
const POOL = { keepAlive: true, maxFreeSockets: 4, timeout: 30_000 } as const

/**
 * Requests over pooled connections, with the address checked where the connection is made. Through a proxy the name is
 * looked up there: then an address is checked only where the URL has one.
 */
export const createHttp = (resolveName: ResolveName, proxyEnv: ProxySettings = {}): Http => {
  const lookups = createLookups(resolveName)
  const pools = new Map<AddressRule, Map<string, HttpAgent | HttpsAgent>>()
  const hosts = createShares({ perShare: MAX_AT_ONCE })

  const poolOf = (url: URL, { ca, skipVerify, addresses }: Reach): HttpAgent | HttpsAgent => {
    const plain = url.protocol === 'http:'
    const key = plain ? 'plain' : `${skipVerify === true}\n${ca?.join('\n') ?? ''}`
    const byKey = pools.get(addresses) ?? new Map<string, HttpAgent | HttpsAgent>()
    pools.set(addresses, byKey)
    const have = byKey.get(key)
    if (have) return have
    const lookup = lookups(addresses) as LookupFunction
    const pool = plain
      ? new http.Agent({ ...POOL, lookup, proxyEnv })
      : new HttpsAgent({
          ...POOL,
          lookup,
          proxyEnv,
          minVersion: 'TLSv1.2',
          ...(ca !== undefined && { ca: [...ca] }),
          ...(skipVerify === true && { rejectUnauthorized: false }),
        })
    setBounded(byKey, key, pool, MAX_POOLS)?.destroy()
    return pool
  }

  const exchange = ({ method, url, headers, body, reach, maxBytes, signal }: Exchange): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const host = url.hostname.replace(/^\[|\]$/g, '')
      // A literal address is never looked up.
      if (isIP(host) !== 0 && !reach.addresses(host)) {
        reject(new AddressRefused(`connections to ${host} are not allowed`))
        return
      }
      const start = url.protocol === 'http:' ? http.request : httpsRequest
      const request = start(url, { method, headers, agent: poolOf(url, reach), signal, maxHeaderSize: 16_384 })
      request.on('error', reject)
      request.on('response', (response) => {
        const chunks: Buffer[] = []
        let size = 0
        const finish = (cut: boolean) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), cut })
        response.on('error', reject)
        response.on('data', (chunk: Buffer) => {
          const room = maxBytes - size
          size += chunk.length
          chunks.push(room < chunk.length ? chunk.subarray(0, Math.max(0, room)) : chunk)
          if (size <= maxBytes) return
          finish(true)
          response.destroy()
        })
        response.on('end', () => finish(false))
      })
      request.end(body)
    })

  return {
    // A request whose time is over while it waits is never sent.
    send: (request) => hosts.run(request.url.host, () => exchange(request), { signal: request.signal }),
    close: () => {
      for (const byKey of pools.values()) for (const pool of byKey.values()) pool.destroy()
      pools.clear()
    },
  }
}
