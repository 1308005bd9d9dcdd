import { afterEach, describe, expect, it } from 'vitest'
import type { RegistryAnswer } from '../../model/incident.ts'
import type { Credential } from './auth.ts'
import {
  answerJson,
  blobOf,
  errorBody,
  type FakeRegistry,
  type Handler,
  startFakeRegistry,
  writeCertsDirectory,
} from './fake-registry.ts'
import { createRegistry, type Registry, type RegistryOptions } from './registry.ts'

const HOST = 'harbor.od.com'
const IMAGE = `${HOST}/k8s/coredns:1.6.1`
const CREDENTIAL: Credential = { username: 'robot', password: 'pass:word', source: 'secret kube-system/harbor' }
const BASIC = `Basic ${Buffer.from('robot:pass:word').toString('base64')}`

const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = blobOf({ os: 'linux', architecture: 'arm64' })
const IMAGE_MANIFEST = blobOf({ schemaVersion: 2, mediaType: MANIFEST, config: { digest: CONFIG.digest }, layers: [] })
const IMAGE_INDEX = blobOf({
  schemaVersion: 2,
  mediaType: INDEX,
  manifests: [
    { digest: IMAGE_MANIFEST.digest, platform: { os: 'linux', architecture: 'amd64' } },
    { digest: IMAGE_MANIFEST.digest, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    { digest: IMAGE_MANIFEST.digest, platform: { os: 'unknown', architecture: 'unknown' } },
  ],
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const serve = async (handle: Handler): Promise<FakeRegistry> => {
  const server = await startFakeRegistry(handle)
  cleanups.push(server.close)
  return server
}

const registryWith = async (files: Record<string, string>, options: RegistryOptions = {}): Promise<Registry> => {
  const certs = await writeCertsDirectory(files)
  const registry = createRegistry({
    certsDirectory: certs.path,
    timing: { requestTimeoutMs: 1_000, deadlineMs: 3_000 },
    ...options,
  })
  cleanups.push(certs.remove, registry.close)
  return registry
}

/** A registry that is configured to be at the fake registry, in plain HTTP. */
const registryAt = (server: FakeRegistry, options?: RegistryOptions) =>
  registryWith({ [HOST]: `server = "${server.origin}"` }, options)

const manifests =
  (answer: { body: string; digest: string }, type: string): Handler =>
  (request, response) => {
    if (request.url?.includes('/blobs/')) return void response.end(CONFIG.body)
    response.writeHead(200, { 'content-type': type, 'docker-content-digest': answer.digest })
    response.end(request.method === 'HEAD' ? undefined : answer.body)
  }

const failing =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (request, response) =>
    request.method === 'HEAD'
      ? void response.writeHead(status, headers).end()
      : answerJson(response, status, body, headers)

describe('an image that is there', () => {
  it('has the digest of its index and the platforms in it', async () => {
    const server = await serve(manifests(IMAGE_INDEX, INDEX))
    expect(await (await registryAt(server)).ask(IMAGE, [])).toEqual({
      kind: 'exists',
      digest: IMAGE_INDEX.digest,
      platforms: ['linux/amd64', 'linux/arm'],
      mediaType: INDEX,
    })
    expect(server.seen.map(({ line }) => line)).toEqual([
      'HEAD /v2/k8s/coredns/manifests/1.6.1',
      `GET /v2/k8s/coredns/manifests/${IMAGE_INDEX.digest}`,
    ])
  })

  it('has the platform of its config where it is a single manifest', async () => {
    const server = await serve(manifests(IMAGE_MANIFEST, MANIFEST))
    expect(await (await registryAt(server)).ask(IMAGE, [])).toMatchObject({
      kind: 'exists',
      platforms: ['linux/arm64'],
    })
  })

  it('is found by GET where HEAD is not served', async () => {
    const server = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end()
      else manifests(IMAGE_INDEX, INDEX)(request, response)
    })
    expect(await (await registryAt(server)).ask(IMAGE, [])).toMatchObject({
      kind: 'exists',
      digest: IMAGE_INDEX.digest,
    })
  })
})

describe('what registries say of what is missing or denied', () => {
  it.each<[string, number, unknown, Partial<RegistryAnswer>]>([
    [
      'Harbor 1.x, no such project',
      401,
      errorBody('UNAUTHORIZED', 'project not found, name: k8s: project not found, name: k8s'),
      { kind: 'projectMissing' },
    ],
    ['Harbor 2.x, no such project', 404, errorBody('NOT_FOUND', 'project k8s not found'), { kind: 'projectMissing' }],
    [
      'Harbor 2.x, no right or no such project',
      401,
      errorBody(
        'UNAUTHORIZED',
        'unauthorized to access repository: k8s/coredns, action: pull: unauthorized to access repository: k8s/coredns, action: pull',
      ),
      { kind: 'denied', withCredentials: false },
    ],
    [
      'Harbor, another project is missing',
      401,
      errorBody('UNAUTHORIZED', 'project not found, name: base'),
      { kind: 'denied' },
    ],
    [
      'Harbor 2.x, no such repository',
      404,
      errorBody('NOT_FOUND', 'repository k8s/coredns not found'),
      { kind: 'repositoryMissing' },
    ],
    [
      'Harbor 2.x, no such tag',
      404,
      errorBody('NOT_FOUND', 'artifact k8s/coredns:1.6.1 not found'),
      { kind: 'tagMissing' },
    ],
    [
      'distribution, name unknown',
      404,
      errorBody('NAME_UNKNOWN', 'repository name not known to registry'),
      { kind: 'repositoryMissing' },
    ],
    ['distribution, manifest unknown', 404, errorBody('MANIFEST_UNKNOWN', 'manifest unknown'), { kind: 'tagMissing' }],
    ['denied', 403, errorBody('DENIED', 'requested access to the resource is denied'), { kind: 'denied' }],
    ['something that is no registry', 404, { hello: 'secret of another server' }, { kind: 'unreachable' }],
    ['a server error', 502, {}, { kind: 'unreachable' }],
  ])('%s: %i', async (_, status, body, expected) => {
    const server = await serve(failing(status, body))
    const answer = await (await registryAt(server)).ask(IMAGE, [])
    expect(answer).toMatchObject(expected)
    expect(JSON.stringify(answer)).not.toContain('secret of another server')
  })

  it('tells a missing repository from a missing tag by its list of tags', async () => {
    const server = await serve((request, response) => {
      const tags = request.url?.includes('/tags/list')
      failing(404, tags ? errorBody('NAME_UNKNOWN', 'no') : errorBody('MANIFEST_UNKNOWN', 'no'))(request, response)
    })
    expect(await (await registryAt(server)).ask(IMAGE, [])).toMatchObject({ kind: 'repositoryMissing' })
  })

  it.each([
    ['120', 120_000, 150_000],
    ['0', 10_000, 12_500],
    ['999999999', 600_000, 750_000],
  ])('repeats within bounds for how long it answers no more: Retry-After: %s', async (asked, minMs, maxMs) => {
    const server = await serve(failing(429, errorBody('TOOMANYREQUESTS', 'slow down'), { 'retry-after': asked }))
    const answer = await (await registryAt(server)).ask(IMAGE, [])
    const waitMs = answer.kind === 'limited' ? (answer.retryAfterMs ?? 0) : 0
    expect(waitMs).toBeGreaterThanOrEqual(minMs)
    expect(waitMs).toBeLessThanOrEqual(maxMs)
  })
})

describe('proving who asks', () => {
  /** A registry with a token service on the same host, as Harbor has it. */
  const withTokens =
    (allow: (authorization: string | undefined) => boolean): Handler =>
    (request, response) => {
      const url = new URL(request.url ?? '/', 'http://x')
      const origin = `http://${request.headers.host}`
      if (url.pathname === '/service/token') {
        const fits = url.searchParams.get('scope') === 'repository:k8s/coredns:pull'
        return fits && allow(request.headers.authorization)
          ? answerJson(response, 200, { token: 'abc', expires_in: 1_800 })
          : answerJson(response, 401, errorBody('UNAUTHORIZED', 'authentication required'))
      }
      if (request.headers.authorization === 'Bearer abc') return manifests(IMAGE_INDEX, INDEX)(request, response)
      const challenge = `Bearer realm="${origin}/service/token",service="harbor-registry",scope="repository:k8s/coredns:pull"`
      return failing(401, errorBody('UNAUTHORIZED', 'unauthorized'), { 'www-authenticate': challenge })(
        request,
        response,
      )
    }

  it('gets an anonymous token where there is no credential', async () => {
    const server = await serve(withTokens((authorization) => authorization === undefined))
    expect(await (await registryAt(server)).ask(IMAGE, [])).toMatchObject({ kind: 'exists' })
  })

  it('gets a token with the credential, once for both requests', async () => {
    const server = await serve(withTokens((authorization) => authorization === BASIC))
    expect(await (await registryAt(server)).ask(IMAGE, [CREDENTIAL])).toMatchObject({ kind: 'exists' })
    expect(server.seen.filter(({ line }) => line.includes('/service/token'))).toHaveLength(1)
  })

  it('is denied where the token service refuses, and tries the next credential as a kubelet does', async () => {
    const server = await serve(withTokens((authorization) => authorization === BASIC))
    const registry = await registryAt(server)
    const wrong = { ...CREDENTIAL, password: 'old' }
    expect(await registry.ask(IMAGE, [wrong])).toMatchObject({ kind: 'denied', withCredentials: true })
    expect(await registry.ask(IMAGE, [wrong, CREDENTIAL])).toMatchObject({ kind: 'exists' })
  })

  it('answers a Basic challenge', async () => {
    const server = await serve((request, response) =>
      request.headers.authorization === BASIC
        ? manifests(IMAGE_INDEX, INDEX)(request, response)
        : failing(401, {}, { 'www-authenticate': 'Basic realm="registry"' })(request, response),
    )
    expect(await (await registryAt(server)).ask(IMAGE, [CREDENTIAL])).toMatchObject({ kind: 'exists' })
  })

  it('never shows a credential to another host that a redirect leads to', async () => {
    const thief = await serve(manifests(IMAGE_INDEX, INDEX))
    const server = await serve((request, response) => {
      if (request.headers.authorization === undefined) {
        return void response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end()
      }
      return void response.writeHead(307, { location: `${thief.origin.replace('http:', 'https:')}/v2/x` }).end()
    })
    const answer = await (await registryAt(server)).ask(IMAGE, [CREDENTIAL])
    expect(answer.kind).toBe('refused')
    expect(thief.seen).toEqual([])
  })

  it('asks no token of another host that a plain connection names', async () => {
    const thief = await serve((_, response) => answerJson(response, 200, { token: 'abc' }))
    const realm = `http://localhost:${thief.port}/token`
    const server = await serve(
      failing(401, errorBody('UNAUTHORIZED', 'no'), { 'www-authenticate': `Bearer realm="${realm}"` }),
    )
    expect(await (await registryAt(server)).ask(IMAGE, [CREDENTIAL])).toMatchObject({ kind: 'refused' })
    expect(thief.seen).toEqual([])
  })

  it('asks no token at another port of the same host that a plain connection names', async () => {
    const thief = await serve((_, response) => answerJson(response, 200, { token: 'abc' }))
    const server = await serve(
      failing(401, errorBody('UNAUTHORIZED', 'no'), { 'www-authenticate': `Bearer realm="${thief.origin}/token"` }),
    )
    const answer = await (await registryAt(server)).ask(IMAGE, [CREDENTIAL])
    expect(answer).toMatchObject({ kind: 'refused', message: expect.stringContaining(`${thief.origin}/token`) })
    expect(thief.seen).toEqual([])
  })

  it('sends no credential to a mirror that stands for every registry', async () => {
    const server = await serve(failing(401, errorBody('UNAUTHORIZED', 'no'), { 'www-authenticate': 'Basic realm="r"' }))
    const registry = await registryWith({ _default: `[host."${server.origin}"]` })
    await registry.ask('registry.invalid/a/b:1', [CREDENTIAL])
    expect(server.seen.length).toBeGreaterThan(0)
    expect(server.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([])
    expect(server.seen[0]?.line).toBe('HEAD /v2/a/b/manifests/1?ns=registry.invalid')
  })
})

describe('addresses', () => {
  it.each([
    '127.0.0.1:1',
    '169.254.169.254',
    '[::1]:5000',
    '[::ffff:169.254.169.254]',
    'localhost:1',
    '0.0.0.0',
    '100.100.100.200',
  ])('that no image may lead to are refused: %s', async (host) => {
    const registry = await registryWith({})
    expect(await registry.ask(`${host}/a/b:1`, [])).toMatchObject({ kind: 'refused' })
  })

  it('are connected to where the operator allows them', async () => {
    const registry = await registryWith({}, { allowedAddresses: ['127.0.0.0/8'] })
    expect(await registry.ask('127.0.0.1:1/a/b:1', [])).toMatchObject({ kind: 'unreachable' })
  })

  it('that a redirect leads to are checked as well', async () => {
    const server = await serve(
      (_, response) => void response.writeHead(307, { location: 'https://169.254.169.254/latest' }).end(),
    )
    expect(await (await registryAt(server)).ask(IMAGE, [])).toMatchObject({ kind: 'refused' })
  })
})

describe('a hostile registry', () => {
  const forever =
    (write: (response: Parameters<Handler>[1]) => void): Handler =>
    (request, response) => {
      if (request.method === 'HEAD') return void response.writeHead(200, { 'content-type': INDEX }).end()
      return write(response)
    }

  it.each<[string, Handler, RegistryAnswer['kind']]>([
    [
      'sends a gigabyte',
      forever((response) => {
        response.writeHead(200, { 'content-type': INDEX, 'content-length': String(2 ** 30) })
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        }
        response.on('drain', more)
        more()
      }),
      'unreachable',
    ],
    [
      'sends endless headers',
      (_, response) =>
        void response
          .writeHead(200, Object.fromEntries(Array.from({ length: 200 }, (__, i) => [`x-${i}`, 'y'.repeat(200)])))
          .end(),
      'unreachable',
    ],
    [
      'sends no JSON',
      forever((response) => void response.writeHead(200, { 'content-type': INDEX }).end('<html>')),
      'unreachable',
    ],
    [
      'sends a page in place of a manifest',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'unreachable',
    ],
    [
      'sends another body than its digest names',
      (request, response) => {
        response.writeHead(200, { 'content-type': INDEX, 'docker-content-digest': `sha256:${'0'.repeat(64)}` })
        response.end(request.method === 'HEAD' ? undefined : IMAGE_INDEX.body)
      },
      'refused',
    ],
    [
      'redirects in a circle',
      (request, response) => void response.writeHead(302, { location: request.url ?? '/' }).end(),
      'refused',
    ],
    [
      'redirects to nowhere',
      (_, response) => void response.writeHead(302, { location: 'gopher://x' }).end(),
      'refused',
    ],
    [
      'sends a byte now and then',
      forever((response) => {
        response.writeHead(200, { 'content-type': INDEX })
        const timer = setInterval(() => response.write(' '), 50)
        response.on('close', () => clearInterval(timer))
      }),
      'unreachable',
    ],
    ['never answers', () => {}, 'unreachable'],
    ['breaks off', (request) => void request.socket.destroy(), 'unreachable'],
  ])('%s: and that is an answer, not an error', async (_, handle, kind) => {
    const server = await serve(handle)
    const registry = await registryAt(server, { timing: { requestTimeoutMs: 400, deadlineMs: 1_200 } })
    const answer = await registry.ask(IMAGE, [])
    expect(answer.kind).toBe(kind)
    expect('message' in answer && answer.message.length).toBeLessThan(600)
  })

  it('is repeated without control characters and at no length', async () => {
    const server = await serve(failing(403, errorBody('DENIED', `\u001b[31m${'x'.repeat(50_000)}\n\nrun this`)))
    const answer = await (await registryAt(server)).ask(IMAGE, [])
    expect(answer.kind === 'denied' && answer.message).toMatch(/^403 DENIED: \[31mx+…$/)
  })
})

describe('a registry that cannot be asked', () => {
  it('says so where it speaks no TLS, and is not asked in plain unless told so', async () => {
    const server = await serve(manifests(IMAGE_INDEX, INDEX))
    const registry = await registryWith({ [HOST]: `server = "https://127.0.0.1:${server.port}"` })
    expect(await registry.ask(IMAGE, [])).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('does not speak TLS'),
    })
    expect(server.seen).toEqual([])
  })

  it.each([
    ['refuses connections', 'http://127.0.0.1:1', 'refuses connections (ECONNREFUSED)'],
    ['has no address', 'https://nowhere.invalid', 'resolve'],
  ])('says so where it %s', async (_, server, said) => {
    const registry = await registryWith({ [HOST]: `server = "${server}"` })
    expect(await registry.ask(IMAGE, [])).toMatchObject({ kind: 'unreachable', message: expect.stringContaining(said) })
  })

  it('repeats what is wrong with its configuration', async () => {
    const registry = await registryWith({ [HOST]: `server = "http://127.0.0.1:1"\n[host."ftp://x"]` })
    expect(await registry.ask(IMAGE, [])).toMatchObject({ message: expect.stringContaining('neither http nor https') })
  })

  it('answers in place of a mirror that is down, and says more than a mirror that lacks the image', async () => {
    const own = await serve(failing(401, errorBody('UNAUTHORIZED', 'project not found, name: k8s')))
    const mirror = await serve(failing(404, errorBody('MANIFEST_UNKNOWN', 'manifest unknown')))
    for (const first of ['http://127.0.0.1:1', mirror.origin]) {
      const registry = await registryWith({ [HOST]: `server = "${own.origin}"\n[host."${first}"]` })
      expect(await registry.ask(IMAGE, [])).toMatchObject({ kind: 'projectMissing' })
    }
  })
})

describe('asking again', () => {
  it('asks once for what is asked for twice at once, and again when the answer is old', async () => {
    const server = await serve(failing(404, errorBody('NAME_UNKNOWN', 'no')))
    let now = 1_000_000
    const registry = await registryAt(server, { clock: { now: Date.now, monotonic: () => now } })
    const [a, b] = await Promise.all([registry.ask(IMAGE, []), registry.ask(IMAGE, [])])
    expect(a).toEqual(b)
    await registry.ask(IMAGE, [])
    const once = server.seen.length
    now += 31_000
    await registry.ask(IMAGE, [])
    expect(server.seen.length).toBe(2 * once)
  })

  it('keeps answers apart by credential', async () => {
    const server = await serve((request, response) => {
      const challenge = { 'www-authenticate': 'Basic realm="r"' }
      if (request.headers.authorization === BASIC) manifests(IMAGE_INDEX, INDEX)(request, response)
      else failing(401, errorBody('UNAUTHORIZED', 'no'), challenge)(request, response)
    })
    const registry = await registryAt(server)
    expect(await registry.ask(IMAGE, [CREDENTIAL])).toMatchObject({ kind: 'exists' })
    expect(await registry.ask(IMAGE, [])).toMatchObject({ kind: 'denied', withCredentials: false })
  })
})

describe('references', () => {
  it.each(['', 'UPPER/Case', 'a/b:☃', `a/${'b'.repeat(4_096)}`, 'a//b', 'https://a/b'])(
    'that are none are refused with a sentence: %s',
    async (image) => {
      const registry = await registryWith({})
      const answer = await registry.ask(image, [])
      expect(answer).toMatchObject({ kind: 'refused' })
    },
  )
})
