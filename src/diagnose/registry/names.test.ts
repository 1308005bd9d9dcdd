import { afterEach, describe, expect, it } from 'vitest'
import { answerJson, errorBody, startFakeRegistry, writeCertsDirectory } from './fake-registry.ts'
import { startFakeDns, type Zone } from './fake-dns.ts'
import { createDns, type DnsOptions } from './names.ts'
import { createRegistry } from './registry.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const dnsOf = async (zone: Zone, files: Parameters<typeof startFakeDns>[1] = {}, options: DnsOptions = {}) => {
  const server = await startFakeDns(zone, files)
  cleanups.push(server.close)
  const { resolvConf, hostsFile, asked } = server
  const resolveName = createDns({ resolvConf, hostsFile, ...options })
  return {
    resolveName,
    asked,
    addresses: async (name: string) => (await resolveName(name)).map(({ address, family }) => `${address}/${family}`),
  }
}

/** Names of a zone, others do not exist. */
const zoneOf =
  (names: Readonly<Record<string, readonly string[] | 'silent'>>): Zone =>
  (name) =>
    names[name]

describe('a name', () => {
  it('has the addresses of both families', async () => {
    const { addresses } = await dnsOf(zoneOf({ 'r.example': ['192.0.2.1', '192.0.2.2', '2001:db8::1'] }))
    expect(await addresses('R.example')).toEqual(['192.0.2.1/4', '192.0.2.2/4', '2001:db8::1/6'])
  })

  it('has addresses of one family alone', async () => {
    const { addresses } = await dnsOf(zoneOf({ 'four.example': ['192.0.2.1'], 'six.example': ['2001:db8::1'] }))
    expect(await addresses('four.example')).toEqual(['192.0.2.1/4'])
    expect(await addresses('six.example')).toEqual(['2001:db8::1/6'])
  })

  it('in the hosts file is not asked for', async () => {
    const hosts = '192.0.2.7\tr.example  alias.example # comment\n#192.0.2.8 r.example\n2001:db8::7 r.example\n'
    const { addresses, asked } = await dnsOf(zoneOf({ 'r.example': ['192.0.2.1'] }), { hosts })
    expect(await addresses('r.example')).toEqual(['192.0.2.7/4', '2001:db8::7/6'])
    expect(await addresses('alias.example')).toEqual(['192.0.2.7/4'])
    expect(asked).toEqual([])
  })

  it('of the machine itself is not asked for', async () => {
    const { addresses, asked } = await dnsOf(() => ['192.0.2.1'])
    expect(await addresses('localhost')).toEqual(['127.0.0.1/4', '::1/6'])
    expect(await addresses('r.localhost')).toEqual(['127.0.0.1/4', '::1/6'])
    expect(asked).toEqual([])
  })

  const SEARCH = { search: 'shop.svc.cluster.local svc.cluster.local cluster.local' }

  it('without a dot is tried with the search domains first', async () => {
    const { addresses, asked } = await dnsOf(zoneOf({ 'registry.shop.svc.cluster.local': ['10.96.0.7'] }), SEARCH)
    expect(await addresses('registry')).toEqual(['10.96.0.7/4'])
    expect(asked).toEqual(['registry.shop.svc.cluster.local'])
  })

  it('with a dot is tried as it is first, so that no namespace can take the name of a registry', async () => {
    const zone = zoneOf({ 'quay.io': ['192.0.2.1'], 'quay.io.svc.cluster.local': ['10.96.6.6'] })
    const { addresses, asked } = await dnsOf(zone, SEARCH)
    expect(await addresses('quay.io')).toEqual(['192.0.2.1/4'])
    expect(asked).toEqual(['quay.io'])
  })

  it('of a service in another namespace is found by the search domains', async () => {
    const { addresses } = await dnsOf(zoneOf({ 'registry.infra.svc.cluster.local': ['10.96.0.7'] }), SEARCH)
    expect(await addresses('registry.infra')).toEqual(['10.96.0.7/4'])
    expect(await addresses('registry.infra.svc')).toEqual(['10.96.0.7/4'])
  })

  it('that ends in a dot has no search domain', async () => {
    const { resolveName, asked } = await dnsOf(zoneOf({ 'registry.infra.svc.cluster.local': ['10.96.0.7'] }), SEARCH)
    await expect(resolveName('registry.infra.')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(asked).toEqual(['registry.infra'])
  })

  it('that does not exist is not found', async () => {
    const { resolveName } = await dnsOf(zoneOf({}), SEARCH)
    await expect(resolveName('r.example')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  it('whose servers stay silent is unknown after the deadline, not missing', async () => {
    const { resolveName } = await dnsOf((name) => (name === 'r.example' ? 'silent' : undefined), SEARCH, {
      timeoutMs: 300,
    })
    await expect(resolveName('r.example')).rejects.toMatchObject({ code: 'EAI_AGAIN' })
  })
})

/** A registry by plain HTTP, which a DNS server names; all names below `silent.example` are never answered. */
const registryBeside = async (answerTo: Parameters<typeof startFakeRegistry>[0]) => {
  const server = await startFakeRegistry(answerTo)
  const dns = await startFakeDns((name) =>
    name.endsWith('.silent.example') ? 'silent' : name === 'good.example' ? ['127.0.0.1'] : undefined,
  )
  const certs = await writeCertsDirectory({ 'good.example': `server = "http://good.example:${server.port}"` })
  // The silent ones cannot end within this test.
  const resolveName = createDns({ ...dns, timeoutMs: 600_000 })
  const registry = createRegistry({
    certsDirectory: certs.path,
    timing: { requestTimeoutMs: 30_000, deadlineMs: 30_000, patienceMs: 100 },
    resolveName,
  })
  cleanups.push(server.close, dns.close, certs.remove, registry.close)
  return registry
}

const missing: Parameters<typeof startFakeRegistry>[0] = (_, response) =>
  answerJson(response, 404, errorBody('MANIFEST_UNKNOWN', 'manifest unknown'))

describe('names in a zone whose servers stay silent', () => {
  it('keep no question of another namespace waiting', async () => {
    const registry = await registryBeside(missing)
    for (let i = 0; i < 24; i += 1) registry.ask(`r${i}.silent.example/x:1`, [], 'tenant').catch(() => undefined)
    expect(await registry.ask('good.example/team/app:1', [], 'shop')).toMatchObject({ kind: 'tagMissing' })
  })

  it('leave questions of their own namespace unknown, whose turn does not come', async () => {
    const registry = await registryBeside(missing)
    for (let i = 0; i < 4; i += 1) void registry.ask(`r${i}.silent.example/x:1`, [], 'tenant')
    await expect(registry.ask('good.example/team/app:1', [], 'tenant')).rejects.toThrow(
      'not asked: other questions about images of namespace tenant took longer than 0.1 s',
    )
    expect(await registry.list('tags', 'good.example/team/app:1', [], 'tenant')).toMatchObject({ known: false })
  })

  it('do not hide an answer that is known already', async () => {
    const registry = await registryBeside(missing)
    await registry.ask('good.example/team/app:1', [], 'shop')
    for (let i = 0; i < 4; i += 1) void registry.ask(`r${i}.silent.example/x:1`, [], 'tenant')
    expect(await registry.ask('good.example/team/app:1', [], 'tenant')).toMatchObject({ kind: 'tagMissing' })
  })
})
