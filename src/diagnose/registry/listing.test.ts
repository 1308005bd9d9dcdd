import { afterEach, describe, expect, it } from 'vitest'
import type { Credential } from './credential.ts'
import { createRegistry, type Registry } from './registry.ts'
import { answerJson, type Handler, type StandIn, startStandIn, writeCertsDirectory } from './stand-in.ts'

const HOST = 'harbor.od.com'
const IMAGE = `${HOST}/k8s/coredns:1.6.1`
const CREDENTIAL: Credential = { username: 'robot', password: 'pass:word', source: 'secret kube-system/harbor' }

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const serving = async (handle: Handler): Promise<{ server: StandIn; registry: Registry }> => {
  const server = await startStandIn(handle)
  const certs = await writeCertsDirectory({ [HOST]: `server = "${server.origin}"` })
  const registry = createRegistry({ certsDirectory: certs.path, requestTimeoutMs: 1_000, deadlineMs: 3_000 })
  cleanups.push(server.close, certs.remove, registry.close)
  return { server, registry }
}

const answering = (status: number, body: unknown): Promise<{ server: StandIn; registry: Registry }> =>
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
    expect(await registry.list('repositories', IMAGE, [CREDENTIAL])).toEqual({ known: true, value: ['k8s/coredns'] })
    expect(await registry.list('repositories', IMAGE, [])).toMatchObject({
      known: false,
      why: 'the registry answers 401 when it is asked for its repositories',
    })
  })
})
