import { afterEach, describe, expect, it } from 'vitest'
import { guardedAddresses } from './addresses.ts'
import { basicHeader, createAuthority, type Credential } from './auth.ts'
import { answerJson, type FakeRegistry, type Handler, startFakeRegistry, writeCertsDirectory } from './fake-registry.ts'
import type { Endpoint } from './hosts.ts'
import type { Answer, Exchange, Http } from './http.ts'
import { createRegistry, type Registry } from './registry.ts'
import { openSession } from './session.ts'

const CREDENTIAL: Credential = { username: 'u', password: 'p', source: 'secret a/b' }
const SECRET = basicHeader(CREDENTIAL)
const OWN: Endpoint = { root: 'https://r.example/v2', named: false, trusted: true, resolves: true }

/** TLS as it would be, without its cost: each exchange is answered by a table. */
const httpBy = (answer: (exchange: Exchange) => Partial<Answer>) => {
  const sent: { url: string; authorization: string | undefined; skipVerify: boolean }[] = []
  const http: Http = {
    send: async (exchange) => {
      const { url, headers, reach } = exchange
      sent.push({ url: url.href, authorization: headers['authorization'], skipVerify: reach.skipVerify === true })
      return { status: 200, headers: {}, body: Buffer.alloc(0), cut: false, ...answer(exchange) }
    },
    close: () => {},
  }
  return { http, sent }
}

const session = (http: Http, endpoint: Endpoint = OWN) =>
  openSession(
    {
      http,
      authority: createAuthority(http, 'test', Date.now),
      addresses: guardedAddresses(),
      userAgent: 'test',
      requestTimeoutMs: 1_000,
    },
    { endpoint, repository: 'a/b', credential: CREDENTIAL, signal: new AbortController().signal },
  )

const ask = { method: 'GET', path: '/a/b/manifests/1', accept: '*/*', maxBytes: 10 } as const
const challenge = (realm: string) => ({
  status: 401,
  headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` },
})
const token = { body: Buffer.from('{"access_token":"T"}') }

describe('credentials', () => {
  it('go to the token service that the registry names, by https, as Docker Hub’s does', async () => {
    const { http, sent } = httpBy(({ url, headers }) =>
      url.host === 'auth.example'
        ? token
        : headers['authorization'] === 'Bearer T'
          ? {}
          : challenge('https://auth.example/token'),
    )
    expect((await session(http).ask(ask)).status).toBe(200)
    expect(sent.map(({ url, authorization }) => [url, authorization])).toEqual([
      ['https://r.example/v2/a/b/manifests/1', undefined],
      ['https://auth.example/token?service=s&scope=repository%3Aa%2Fb%3Apull', SECRET],
      ['https://r.example/v2/a/b/manifests/1', 'Bearer T'],
    ])
  })

  it.each([
    ['a plain one', OWN, 'http://auth.example/token'],
    ['a plain one on the same host', OWN, 'http://r.example/token'],
    ['another host that an unverified connection names', { ...OWN, skipVerify: true }, 'https://auth.example/token'],
    [
      'another host that a plain connection names',
      { ...OWN, root: 'http://r.example/v2' },
      'https://auth.example/token',
    ],
    [
      'another port of the same host, in plain HTTP',
      { ...OWN, root: 'http://r.example:5000/v2' },
      'http://r.example:5001/token',
    ],
    ['one with a user in it', OWN, 'https://u:p@auth.example/token'],
    ['none', OWN, 'nowhere'],
  ])('do not go to a token service that is %s', async (_, endpoint, realm) => {
    const { http, sent } = httpBy(() => challenge(realm))
    const opened = session(http, endpoint)
    await expect(opened.ask(ask)).rejects.toThrow('is not asked')
    expect(sent).toHaveLength(1)
    expect(opened.credentialSent()).toBe(false)
  })

  it('go to another port of an unverified host only by a verified connection', async () => {
    const { http, sent } = httpBy(({ url }) =>
      url.port === '8443' ? token : challenge('https://r.example:8443/token'),
    )
    await session(http, { ...OWN, skipVerify: true }).ask(ask)
    expect(sent.map(({ url, skipVerify }) => [new URL(url).port, skipVerify])).toEqual([
      ['', true],
      ['8443', false],
      ['', true],
    ])
  })

  it('do not follow a token service’s redirect', async () => {
    const { http, sent } = httpBy(({ url }) =>
      url.host === 'auth.example'
        ? { status: 302, headers: { location: 'https://thief.example' } }
        : challenge('https://auth.example/token'),
    )
    expect((await session(http).ask(ask)).status).toBe(302)
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(['r.example', 'auth.example'])
  })

  it('stay at home when the registry redirects to where its blobs are', async () => {
    const { http, sent } = httpBy(({ url, headers }) => {
      if (url.host === 'blobs.example') return {}
      if (headers['authorization'] === undefined)
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
      return { status: 307, headers: { location: 'https://u:p@blobs.example/x?sig=1' } }
    })
    expect((await session(http).ask(ask)).status).toBe(200)
    expect(sent.at(-1)).toEqual({ url: 'https://blobs.example/x?sig=1', authorization: undefined, skipVerify: false })
  })

  it('do not stay with a port or a scheme that is another origin', async () => {
    const { http, sent } = httpBy(({ url, headers }) => {
      if (url.port === '8443') return {}
      if (headers['authorization'] === undefined)
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
      return { status: 307, headers: { location: 'https://r.example:8443/x' } }
    })
    await session(http).ask(ask)
    expect(sent.at(-1)?.authorization).toBeUndefined()
  })

  it('are not shown to a host that is not trusted with them', async () => {
    const { http, sent } = httpBy(() => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }))
    await session(http, { ...OWN, trusted: false }).ask(ask)
    expect(sent.filter(({ authorization }) => authorization !== undefined)).toEqual([])
  })
})

it('a token service that answers with anything but a token is trouble, not a denial', async () => {
  const { http } = httpBy(({ url }) =>
    url.host === 'auth.example' ? { body: Buffer.from('<html>') } : challenge('https://auth.example/t'),
  )
  await expect(session(http).ask(ask)).rejects.toThrow('without a token')
})

describe('a redirect', () => {
  it.each(['http://blobs.example/x', 'gopher://x', 'http://r.example/v2/x'])('to %s is refused', async (location) => {
    const { http } = httpBy(() => ({ status: 302, headers: { location } }))
    await expect(session(http).ask(ask)).rejects.toThrow('not https')
  })

  it('is followed five times and no more', async () => {
    const { http, sent } = httpBy(({ url }) => ({ status: 302, headers: { location: `${url.href}x` } }))
    await expect(session(http).ask(ask)).rejects.toThrow('more than 5 times')
    expect(sent).toHaveLength(6)
  })
})

const HOST = 'harbor.od.com'
const IMAGE = `${HOST}/k8s/coredns:1.6.1`
const LISTING_CREDENTIAL: Credential = { username: 'robot', password: 'pass:word', source: 'secret kube-system/harbor' }

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const serving = async (handle: Handler): Promise<{ server: FakeRegistry; registry: Registry }> => {
  const server = await startFakeRegistry(handle)
  const certs = await writeCertsDirectory({ [HOST]: `server = "${server.origin}"` })
  const registry = createRegistry({
    certsDirectory: certs.path,
    timing: { requestTimeoutMs: 1_000, deadlineMs: 3_000 },
  })
  cleanups.push(server.close, certs.remove, registry.close)
  return { server, registry }
}

const answering = (status: number, body: unknown): Promise<{ server: FakeRegistry; registry: Registry }> =>
  serving((_, response) => answerJson(response, status, body))

describe('tags', () => {
  it('are those of the image’s repository, asked for once in a while', async () => {
    const { server, registry } = await answering(200, { name: 'k8s/coredns', tags: ['1.6.1', 'latest'] })
    const listed = { known: true, value: ['1.6.1', 'latest'] }
    expect(await registry.list('tags', IMAGE, [])).toEqual(listed)
    expect(await registry.list('tags', `${HOST}/k8s/coredns:2`, [])).toEqual(listed)
    expect(server.seen.map(({ line }) => line)).toEqual(['GET /v2/k8s/coredns/tags/list?n=1000'])
  })

  it.each<readonly [string, number, unknown, unknown]>([
    ['are none where all were deleted', 200, { tags: null }, { known: true, value: [] }],
    ['are unknown where the registry does not tell', 405, {}, { known: false, why: expect.stringContaining('405') }],
    ['are unknown where it tells something else', 200, { tags: 'x' }, { known: false, why: expect.any(String) }],
    ['are unknown where it tells nothing', 200, null, { known: false, why: expect.any(String) }],
    ['are those that can be tags', 200, { tags: [1, null, 'a', 'b'.repeat(300)] }, { known: true, value: ['a'] }],
    [
      'are cut to a bound',
      200,
      { tags: Array.from({ length: 3_000 }, (_, i) => `v${i}`) },
      { known: true, value: expect.objectContaining({ length: 1_000 }) },
    ],
    [
      'are unknown where the list is endless',
      200,
      { tags: Array.from({ length: 100_000 }, (_, i) => `a-long-name-of-a-tag-${i}`) },
      { known: false, why: expect.stringContaining('longer than') },
    ],
  ])('%s', async (_, status, body, expected) => {
    const { registry } = await answering(status, body)
    expect(await registry.list('tags', IMAGE, [])).toEqual(expected)
  })

  it('are unknown of what is no image, and of a registry that is away', async () => {
    const { server, registry } = await answering(200, { tags: [] })
    expect(await registry.list('tags', 'no/Image', [])).toMatchObject({ known: false })
    await server.close()
    expect(await registry.list('tags', IMAGE, [])).toMatchObject({
      known: false,
      why: expect.stringMatching(/refuses/),
    })
  })
})

describe('repositories', () => {
  /** A registry whose token service gives tokens for the catalog to those who show a password. */
  const guarded: Handler = (request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
    if (url.pathname === '/token') {
      const may =
        request.headers.authorization?.startsWith('Basic ') && url.searchParams.get('scope') === 'registry:catalog:*'
      return may ? answerJson(response, 200, { token: 'abc' }) : answerJson(response, 401, {})
    }
    if (request.headers.authorization === 'Bearer abc')
      return answerJson(response, 200, { repositories: ['k8s/coredns'] })
    const challenge = `Bearer realm="http://${request.headers.host}/token",service="r",scope="registry:catalog:*"`
    return answerJson(response, 401, {}, { 'www-authenticate': challenge })
  }

  it('are asked for with the right to the catalog alone, by those who have it', async () => {
    const { registry } = await serving(guarded)
    expect(await registry.list('repositories', IMAGE, [LISTING_CREDENTIAL])).toEqual({
      known: true,
      value: ['k8s/coredns'],
    })
    expect(await registry.list('repositories', IMAGE, [])).toMatchObject({
      known: false,
      why: 'the registry answers 401',
    })
  })
})
