import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Credential } from '../../src/diagnose/registry/auth.ts'
import { createRegistry, type Registry } from '../../src/diagnose/registry/registry.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { type Flavour, type HarborProxy, type Mode, startHarborProxy } from '../../testbed/registry/harbor-proxy.ts'
import { writeHostsDir } from '../../testbed/registry/hosts-directory.ts'
import { type Registry as Distribution, startRegistry } from '../../testbed/registry/registry.ts'

const cluster = useControlPlane()
let distribution: Distribution
let directory: string
let registry: Registry

beforeAll(async () => {
  distribution = await startRegistry()
  directory = await mkdtemp(join(tmpdir(), 'hosts-'))
  writeHostsDir(directory, { 'harbor.od.com': distribution.url })
  registry = createRegistry({ certsDirectory: directory, timing: { answerLifeMs: 0 } })
})
afterAll(async () => {
  registry.close()
  await distribution.down()
  await rm(directory, { recursive: true })
})

describe('a plain distribution registry', () => {
  test('has an image for one platform, by its tag and by its digest', async () => {
    const { digest } = await distribution.pushImage('public/coredns', '1.6.1')
    const found = {
      kind: 'exists',
      digest,
      platforms: ['linux/amd64'],
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
    }
    expect(await registry.ask('harbor.od.com/public/coredns:1.6.1', [])).toEqual(found)
    expect(await registry.ask(`harbor.od.com/public/coredns@${digest}`, [])).toEqual(found)
  })

  test('has an index with the platforms in it', async () => {
    const { digest } = await distribution.pushImage('public/many', 'v1', {
      platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
    })
    expect(await registry.ask('harbor.od.com/public/many:v1', [])).toMatchObject({
      kind: 'exists',
      digest,
      platforms: ['linux/amd64', 'linux/arm64', 'linux/arm'],
    })
  })

  test('lacks a tag, a digest, or a whole repository', async () => {
    await distribution.pushImage('public/coredns', '1.6.1')
    const kindOf = async (image: string) => (await registry.ask(`harbor.od.com/${image}`, [])).kind
    expect(await kindOf('public/coredns:1.6.2')).toBe('tagMissing')
    expect(await kindOf(`public/coredns@sha256:${'0'.repeat(64)}`)).toBe('tagMissing')
    expect(await kindOf('k8s/coredns:1.6.1')).toBe('repositoryMissing')
  })

  test('lacks an image that was deleted', async () => {
    await distribution.pushImage('public/going', '1')
    expect(await registry.ask('harbor.od.com/public/going:1', [])).toMatchObject({ kind: 'exists' })
    await distribution.deleteImage('public/going', '1')
    expect(await registry.ask('harbor.od.com/public/going:1', [])).toMatchObject({ kind: 'tagMissing' })
  })

  test('is not asked at its own address, which is loopback, unless the configuration names it', async () => {
    const { host } = new URL(distribution.url)
    expect(await registry.ask(`${host}/public/coredns:1.6.1`, [])).toMatchObject({ kind: 'refused' })
  })
})

const ROBOT: Credential = { username: 'robot', password: 'right', source: 'secret kube-system/harbor' }
const WRONG: Credential = { ...ROBOT, password: 'wrong' }

describe('registries with projects and users', () => {
  const HOST = 'harbor.example'
  const proxies: HarborProxy[] = []
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.down())))

  /** A front with a public and a private project; k8s is nowhere. */
  const proxyOf = async (flavour: Flavour, tls = false) => {
    await distribution.pushImage('public/coredns', '1.6.1')
    await distribution.pushImage('team/app', '1')
    const projects = [
      { name: 'public', public: true },
      { name: 'team', public: false, members: ['robot'] },
    ]
    const users = { robot: 'right', other: 'right' }
    const proxy = await startHarborProxy({ registry: distribution.url, projects, users, flavour, tls })
    proxies.push(proxy)
    const target = proxy.ca === undefined ? proxy.url : { url: proxy.url, ca: proxy.ca }
    writeHostsDir(directory, { [HOST]: target })
    return proxy
  }

  const table: readonly [Flavour, string, readonly Credential[], string][] = [
    ['harbor1', 'public/coredns:1.6.1', [], 'exists'],
    ['harbor1', 'k8s/coredns:1.6.1', [], 'projectMissing'],
    ['harbor1', 'k8s/coredns:1.6.1', [ROBOT], 'projectMissing'],
    ['harbor1', 'team/app:1', [], 'denied'],
    ['harbor1', 'team/app:1', [ROBOT], 'exists'],
    ['harbor1', 'team/app:1', [WRONG], 'denied'],
    ['harbor1', 'team/app:1', [WRONG, ROBOT], 'exists'],
    ['harbor1', 'public/coredns:2', [], 'tagMissing'],
    ['harbor1', 'public/nothing:1', [], 'repositoryMissing'],
    ['harbor2', 'k8s/coredns:1.6.1', [], 'denied'],
    ['harbor2', 'k8s/coredns:1.6.1', [ROBOT], 'projectMissing'],
    ['harbor2', 'team/app:1', [ROBOT], 'exists'],
    ['harbor2', 'team/app:2', [ROBOT], 'tagMissing'],
    ['harbor2', 'team/nothing:1', [ROBOT], 'repositoryMissing'],
    ['harbor2-named', 'k8s/coredns:1.6.1', [], 'projectMissing'],
    ['harbor2-named', 'public/coredns:2', [], 'tagMissing'],
    ['hub', 'public/coredns:1.6.1', [], 'exists'],
    ['hub', 'public/nothing:1', [], 'denied'],
    ['hub', 'public/coredns:2', [], 'tagMissing'],
    ['hub', 'team/app:1', [ROBOT], 'exists'],
    ['plain', 'team/app:1', [], 'denied'],
    ['plain', 'team/app:1', [ROBOT], 'exists'],
    ['plain', 'k8s/coredns:1.6.1', [], 'repositoryMissing'],
  ]
  describe.each([...new Set(table.map(([flavour]) => flavour))])('with the messages of %s', (flavour) => {
    beforeAll(() => proxyOf(flavour))
    test.each(table.filter(([of]) => of === flavour).map(([, ...rest]) => rest))(
      '%s with %j: %s',
      async (image, credentials, kind) => {
        const answer = await registry.ask(`${HOST}/${image}`, credentials)
        expect(answer).toMatchObject({ kind })
        if (answer.kind === 'denied') expect(answer.withCredentials).toBe(credentials.length > 0)
        expect(JSON.stringify(answer)).not.toContain('right')
      },
    )
  })

  test('a project that moved is missing where it was, and there where it went', async () => {
    const proxy = await proxyOf('harbor1')
    expect(await registry.ask(`${HOST}/public/coredns:1.6.1`, [])).toMatchObject({ kind: 'exists' })
    proxy.moveProject('public', 'library')
    expect(await registry.ask(`${HOST}/public/coredns:1.6.1`, [])).toMatchObject({
      kind: 'projectMissing',
      message: '401 UNAUTHORIZED: project not found, name: public: project not found, name: public',
    })
    expect(await registry.ask(`${HOST}/library/coredns:1.6.1`, [])).toMatchObject({ kind: 'exists' })
  })

  test.each<[Mode, string]>([
    ['rate-limited', 'limited'],
    ['error500', 'unreachable'],
    ['down', 'unreachable'],
    ['silent', 'unreachable'],
  ])('%s: %s', async (mode, kind) => {
    const proxy = await proxyOf('harbor1')
    await proxy.setMode(mode)
    const impatient = createRegistry({ certsDirectory: directory, timing: { requestTimeoutMs: 300 } })
    expect(await impatient.ask(`${HOST}/public/coredns:1.6.1`, [])).toMatchObject({ kind })
    impatient.close()
  })

  test('by TLS, with an authority of their own, and a password that goes to its token service alone', async () => {
    const proxy = await proxyOf('harbor2', true)
    expect(await registry.ask(`${HOST}/team/app:1`, [ROBOT])).toMatchObject({ kind: 'exists' })
    const withPassword = proxy.requests.filter(({ authorization }) => authorization === 'basic')
    expect(withPassword.map(({ path }) => path.split('?')[0])).toEqual(['/service/token'])
  })
})

describe('a server with a certificate of a private authority', () => {
  const asked = async (ca: boolean) => {
    const target = { url: cluster.plane.url, ...(ca && { ca: readFileSync(cluster.plane.caFile, 'utf8') }) }
    writeHostsDir(directory, { [`tls-${ca}.example`]: target })
    return registry.ask(`tls-${ca}.example/a/b:1`, [])
  }

  test('is not believed without it', async () => {
    expect(await asked(false)).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('not trusted here'),
    })
  })

  test('answers where the configuration names the authority, and what is no registry is not one', async () => {
    expect(await asked(true)).toEqual({
      kind: 'unreachable',
      message: expect.stringContaining('not in the format of a registry'),
    })
  })
})
