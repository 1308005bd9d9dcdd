import { afterEach, describe, expect, it } from 'vitest'
import { writeCertsDirectory } from './fake-registry.ts'
import { readHosts } from './hosts.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const hostsOf = async (host: string, files: Record<string, string>) => {
  const { path, remove } = await writeCertsDirectory(files)
  cleanups.push(remove)
  return readHosts(host, path)
}

const roots = async (host: string, files: Record<string, string>) =>
  (await hostsOf(host, files)).endpoints.map(({ root }) => root)

describe('where a registry is asked', () => {
  it('is the registry itself, by https, where nothing is configured', async () => {
    expect(await readHosts('harbor.od.com:8443', undefined)).toEqual({
      endpoints: [{ root: 'https://harbor.od.com:8443/v2', named: false, trusted: true, resolves: true }],
      warnings: [],
    })
    expect(await roots('docker.io', {})).toEqual(['https://registry-1.docker.io/v2'])
  })

  it('is the hosts of its own file, then its server', async () => {
    const text = `
server = "https://registry-1.docker.io"
[host."https://mirror.example.com"]
  capabilities = ["pull"]
[host."http://10.0.0.5:5000/proxy"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
[host."https://odd.example.com/v2/hub"]
  override_path = true`
    const { endpoints } = await hostsOf('docker.io', { 'docker.io': text, _default: 'server = "https://no"' })
    expect(endpoints).toEqual([
      { root: 'https://mirror.example.com/v2', named: true, trusted: true, mirrorOf: 'docker.io', resolves: false },
      {
        root: 'http://10.0.0.5:5000/proxy/v2',
        skipVerify: true,
        named: true,
        trusted: true,
        mirrorOf: 'docker.io',
        resolves: true,
      },
      { root: 'https://odd.example.com/v2/hub', named: true, trusted: true, mirrorOf: 'docker.io', resolves: true },
      { root: 'https://registry-1.docker.io/v2', named: true, trusted: true, resolves: true },
    ])
  })

  it('is a directory with the port in containerd’s spelling before one with a colon', async () => {
    const files = { 'r.example_5000_': 'server = "https://a"', 'r.example:5000': 'server = "https://b"' }
    expect(await roots('r.example:5000', files)).toEqual(['https://a/v2'])
  })

  it('is _default for registries without a file, whose hosts are shown no credentials', async () => {
    const { endpoints } = await hostsOf('quay.io', { _default: '[host."https://mirror.example.com"]' })
    expect(endpoints).toMatchObject([
      { root: 'https://mirror.example.com/v2', trusted: false, mirrorOf: 'quay.io' },
      { root: 'https://quay.io/v2', trusted: true, named: false },
    ])
  })

  it('is the registry itself with the settings at the root of its file', async () => {
    const { endpoints } = await hostsOf('r.example', { 'r.example': 'skip_verify = true' })
    expect(endpoints).toEqual([
      { root: 'https://r.example/v2', skipVerify: true, named: false, trusted: true, resolves: true },
    ])
  })

  it.each([
    ['is no TOML', 'server = '],
    ['is too long', `# ${'x'.repeat(70_000)}`],
    ['names a CA that is not there', 'server = "https://r.example"\nca = "none.crt"'],
    ['names something other than http', 'server = "ftp://r.example"'],
  ])('is the registry itself where its file %s, with a complaint', async (_, text) => {
    const { endpoints, warnings } = await hostsOf('r.example', { 'r.example': text })
    expect(endpoints).toMatchObject([{ root: 'https://r.example/v2', named: false }])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('r.example/hosts.toml')
  })

  it('never leads out of the directory', async () => {
    expect(await roots('../../etc', { _default: 'server = "https://no"' })).toEqual(['https://../../etc/v2'])
  })
})
