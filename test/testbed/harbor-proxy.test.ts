import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Flavour, type HarborProxy, startHarborProxy } from '../../testbed/registry/harbor-proxy.ts'
import { type Registry, startRegistry } from '../../testbed/registry/registry.ts'

const ACCEPT = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'

let registry: Registry
let digest: string
const proxies: HarborProxy[] = []

beforeAll(async () => {
  registry = await startRegistry()
  ;({ digest } = await registry.pushImage('public/coredns', '1.6.1', { platforms: ['linux/amd64', 'linux/arm64'] }))
  await registry.pushImage('team/app', '1')
})

afterAll(async () => {
  for (const proxy of proxies) await proxy.down()
  await registry.down()
})

const startProxy = async (flavour: Flavour): Promise<HarborProxy> => {
  const proxy = await startHarborProxy({
    registry: registry.url,
    projects: [
      { name: 'public', public: true },
      { name: 'team', public: false },
    ],
    users: { robot: 'secret' },
    flavour,
  })
  proxies.push(proxy)
  return proxy
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** As clients do it: ask, follow the challenge to the token endpoint, ask again. */
const pull = async (proxy: HarborProxy, path: string, login?: string): Promise<Response> => {
  const url = `${proxy.url}/v2/${path}`
  const first = await fetch(url, { method: 'HEAD', headers: { Accept: ACCEPT } })
  const challenge = first.headers.get('www-authenticate') ?? ''
  const { realm, scope } = /realm="(?<realm>[^"]+)".*scope="(?<scope>[^"]+)"/.exec(challenge)?.groups ?? {}
  if (realm === undefined) return fetch(url, { headers: { Accept: ACCEPT, ...(login && { Authorization: login }) } })
  const asked = await fetch(`${realm}?scope=${scope}`, { headers: login ? { Authorization: login } : {} })
  if (!asked.ok) return asked
  const { token } = (await asked.json()) as { token: string }
  return fetch(url, { headers: { Accept: ACCEPT, Authorization: `Bearer ${token}` } })
}

const robot = basic('robot', 'secret')

interface Row {
  readonly flavour: Flavour
  readonly path: string
  readonly login?: string
  readonly status: number
  readonly code?: string
  readonly message?: string
}

const ROWS: Row[] = [
  { flavour: 'harbor1', path: 'public/coredns/manifests/1.6.1', status: 200 },
  {
    flavour: 'harbor1',
    path: 'k8s/coredns/manifests/1.6.1',
    status: 401,
    code: 'UNAUTHORIZED',
    message: 'project not found, name: k8s: project not found, name: k8s',
  },
  { flavour: 'harbor1', path: 'k8s/coredns/manifests/1.6.1', login: robot, status: 401, code: 'UNAUTHORIZED' },
  { flavour: 'harbor1', path: 'public/coredns/manifests/9', status: 404, code: 'MANIFEST_UNKNOWN' },
  { flavour: 'harbor1', path: 'team/app/manifests/1', status: 401, code: 'UNAUTHORIZED' },
  { flavour: 'harbor1', path: 'team/app/manifests/1', login: robot, status: 200 },
  { flavour: 'harbor1', path: 'team/app/manifests/1', login: basic('robot', 'wrong'), status: 401 },
  {
    flavour: 'harbor2',
    path: 'k8s/coredns/manifests/1.6.1',
    status: 401,
    message:
      'unauthorized to access repository: k8s/coredns, action: pull: unauthorized to access repository: k8s/coredns, action: pull',
  },
  {
    flavour: 'harbor2',
    path: 'k8s/coredns/manifests/1.6.1',
    login: robot,
    status: 404,
    code: 'NOT_FOUND',
    message: 'project k8s not found',
  },
  {
    flavour: 'harbor2',
    path: 'public/coredns/manifests/9',
    status: 404,
    message: 'artifact public/coredns:9 not found',
  },
  {
    flavour: 'harbor2',
    path: 'public/corends/manifests/9',
    status: 404,
    message: 'repository public/corends not found',
  },
  {
    flavour: 'harbor2-named',
    path: 'k8s/coredns/manifests/1.6.1',
    status: 401,
    message: 'project k8s not found: project k8s not found',
  },
  { flavour: 'hub', path: 'public/coredns/manifests/1.6.1', status: 200 },
  { flavour: 'hub', path: 'public/coredns/manifests/9', status: 404, code: 'MANIFEST_UNKNOWN' },
  { flavour: 'hub', path: 'public/corends/manifests/1', status: 401, message: 'authentication required' },
  { flavour: 'hub', path: 'team/app/manifests/1', status: 401, message: 'authentication required' },
  { flavour: 'hub', path: 'team/app/manifests/1', login: robot, status: 200 },
  { flavour: 'plain', path: 'public/coredns/manifests/1.6.1', status: 200 },
  { flavour: 'plain', path: 'team/app/manifests/1', status: 401 },
  { flavour: 'plain', path: 'team/app/manifests/1', login: robot, status: 200 },
]

describe('the proxy answers as the registry that it imitates', () => {
  for (const { flavour, path, login, status, code, message } of ROWS) {
    it(`${flavour}: ${path} ${login ? 'with a login' : 'anonymously'} is ${status} ${message ?? code ?? ''}`, async () => {
      const response = await pull(await startProxy(flavour), path, login)
      expect(response.status).toBe(status)
      if (status === 200) return
      const { errors } = (await response.json()) as { errors: { code: string; message: string }[] }
      expect(errors).toMatchObject([{ ...(code && { code }), ...(message && { message }) }])
    })
  }
})

describe('the proxy', () => {
  it('hands out the real index of an image of several platforms, and its digest', async () => {
    const response = await pull(await startProxy('harbor1'), 'public/coredns/manifests/1.6.1')
    expect(response.headers.get('docker-content-digest')).toBe(digest)
    const index = (await response.json()) as { manifests: { platform: { architecture: string } }[] }
    expect(index.manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64'])
  })

  it('says insufficient_scope on Docker Hub, as pulls of unknown repositories meet it', async () => {
    const response = await pull(await startProxy('hub'), 'nickchase/rss-php-ngnix/manifests/v1')
    expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
  })

  it('finds a moved project under its new name alone', async () => {
    const proxy = await startProxy('harbor1')
    proxy.moveProject('public', 'shared')
    expect((await pull(proxy, 'shared/coredns/manifests/1.6.1')).status).toBe(200)
    expect((await pull(proxy, 'public/coredns/manifests/1.6.1')).status).toBe(401)
  })

  it('limits, breaks, goes away and comes back on the same port', async () => {
    const proxy = await startProxy('harbor1')
    const status = async (): Promise<number> => (await pull(proxy, 'public/coredns/manifests/1.6.1')).status
    await proxy.setMode('rate-limited')
    expect(await status()).toBe(429)
    await proxy.setMode('error500')
    expect(await status()).toBe(500)
    await proxy.setMode('down')
    await expect(status()).rejects.toThrow('fetch failed')
    await proxy.setMode('ok')
    expect(await status()).toBe(200)
  })

  it('keeps who asked for what', async () => {
    const proxy = await startProxy('harbor1')
    await pull(proxy, 'team/app/manifests/1', robot)
    expect(proxy.requests).toMatchObject([
      { method: 'HEAD', path: '/v2/team/app/manifests/1', authorization: 'none', status: 401 },
      { method: 'GET', authorization: 'basic', user: 'robot', status: 200 },
      { method: 'GET', path: '/v2/team/app/manifests/1', authorization: 'bearer', user: 'robot', status: 200 },
    ])
  })

  it('speaks TLS with a certificate of its own authority', async () => {
    const proxy = await startHarborProxy({ registry: registry.url, projects: [], tls: true })
    proxies.push(proxy)
    expect(proxy.ca).toMatch(/^-----BEGIN CERTIFICATE/)
    await expect(fetch(`${proxy.url}/v2/`)).rejects.toMatchObject({
      cause: { code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO_VERIFY/) },
    })
  })
})
