import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { answerJson, errorBody, startFakeRegistry, writeCertsDirectory } from './fake-registry.ts'
import { createRegistry } from './registry.ts'
import { readProxy } from '../../config/proxy.ts'

describe('the variables', () => {
  test.each([
    [{}, {}],
    [{ HTTPS_PROXY: '' }, {}],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, { HTTPS_PROXY: 'http://proxy:3128/' }],
    [{ HTTPS_PROXY: 'proxy:3128' }, { HTTPS_PROXY: 'http://proxy:3128/' }],
    [{ https_proxy: 'http://low:1', HTTPS_PROXY: 'http://high:2' }, { HTTPS_PROXY: 'http://low:1/' }],
    [
      { http_proxy: 'http://proxy:3128', no_proxy: '.cluster.local,10.0.0.0/8' },
      { HTTP_PROXY: 'http://proxy:3128/', NO_PROXY: '.cluster.local,10.0.0.0/8' },
    ],
  ])('%j are read as %j', (environment: Record<string, string>, expected) => {
    expect(readProxy(environment)).toEqual(expected)
  })

  test('that name no proxy are told, without a password', () => {
    expect(() => readProxy({ HTTPS_PROXY: 'socks5://me:secret@proxy:1080' })).toThrow(
      'HTTPS_PROXY: found "socks5://…@proxy:1080", expected a proxy such as http://proxy.example.com:3128',
    )
  })
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A real proxy on loopback: forwards plain requests, and tunnels the others to wherever it is told that they go. */
const startProxy = async (port: () => number) => {
  const seen: string[] = []
  const server = createServer((request: IncomingMessage, response) => {
    seen.push(`${request.method} ${request.url}`)
    fetch(`http://127.0.0.1:${port()}${new URL(request.url ?? '').pathname}`, { method: request.method ?? 'GET' })
      .then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
        response.end(await answer.text())
      })
      .catch(() => response.destroy())
  })
  server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`)
    const onward = connect(port(), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    for (const end of [socket, onward]) end.on('error', () => end.destroy())
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const play = async (hosts: string, proxied: (url: string) => Record<string, string>) => {
  const target = await startFakeRegistry((_, response) =>
    answerJson(response, 404, errorBody('MANIFEST_UNKNOWN', 'manifest unknown')),
  )
  const proxy = await startProxy(() => target.port)
  const certs = await writeCertsDirectory({ 'r.invalid': hosts.replace('PORT', String(target.port)) })
  const registry = createRegistry({
    certsDirectory: certs.path,
    timing: { requestTimeoutMs: 2_000 },
    proxy: readProxy(proxied(proxy.url)),
  })
  cleanups.push(target.close, certs.remove, registry.close)
  return { answer: await registry.ask('r.invalid/team/app:1', []), proxy, target }
}

describe('a registry behind a proxy', () => {
  test('is asked through it by plain HTTP, although its name does not resolve here', async () => {
    const { answer, proxy } = await play('server = "http://r.invalid"', (url) => ({ HTTP_PROXY: url }))
    expect(answer).toMatchObject({ kind: 'tagMissing' })
    expect(proxy.seen).toContain('HEAD http://r.invalid/v2/team/app/manifests/1')
  })

  test('is reached by a tunnel through it by https', async () => {
    const { answer, proxy } = await play('server = "https://r.invalid"', (url) => ({ HTTPS_PROXY: url }))
    expect(proxy.seen).toContain('CONNECT r.invalid:443')
    // What listens at the tunnel's end speaks no TLS: the words are of the registry, not of the proxy.
    expect(answer).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('r.invalid') })
  })

  test('is asked without it where NO_PROXY names it', async () => {
    const { answer, proxy, target } = await play('server = "http://127.0.0.1:PORT"', (url) => ({
      HTTP_PROXY: url,
      NO_PROXY: 'example.com,127.0.0.1',
    }))
    expect(answer).toMatchObject({ kind: 'tagMissing' })
    expect([proxy.seen, target.seen.length > 0]).toEqual([[], true])
  })

  test('is not asked at an address that is refused, through a proxy either', async () => {
    const { url, seen } = await startProxy(() => 9)
    const registry = createRegistry({ proxy: readProxy({ HTTPS_PROXY: url }) })
    cleanups.push(registry.close)
    expect(await registry.ask('169.254.169.254/latest/meta-data:1', [])).toMatchObject({ kind: 'refused' })
    expect(seen).toEqual([])
  })
})
