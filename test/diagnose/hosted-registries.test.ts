/** What is read out of each kind of registry: its own way to ask and its own words, with the content of a real registry. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Credential } from '../../src/diagnose/registry/auth.ts'
import { createRegistry, type Registry } from '../../src/diagnose/registry/registry.ts'
import { HOSTED, type HostedKind } from '../../testbed/registry/hosted-kinds.ts'
import { type HostedProxy, startHostedProxy } from '../../testbed/registry/hosted-proxy.ts'
import { writeHostsDir } from '../../testbed/registry/hosts-directory.ts'
import { type Registry as Distribution, startRegistry } from '../../testbed/registry/registry.ts'

const HOST = 'registry.example.com'
const RIGHT: Credential = { username: 'robot', password: 'open-sesame', source: 'secret shop/pull' }
const WRONG: Credential = { ...RIGHT, password: 'open-barley' }

const directory = mkdtempSync(join(tmpdir(), 'hosted-'))
let distribution: Distribution
const digests = { app: '', many: '' }

beforeAll(async () => {
  distribution = await startRegistry()
  const platforms = ['linux/amd64', 'linux/arm64']
  digests.app = (await distribution.pushImage('open/app', '1')).digest
  digests.many = (await distribution.pushImage('open/many', '1', { platforms })).digest
  await distribution.pushImage('team/app', '1')
}, 120_000)
afterAll(async () => {
  await distribution.down()
  rmSync(directory, { recursive: true })
})

interface Row {
  readonly image: string
  readonly credentials: readonly Credential[]
  readonly expected: object
}

const anybody: readonly Credential[] = []
/** What this registry says of a repository that is missing, to somebody who may see that. */
const missing = ({ noRepository }: HostedKind): string => {
  const { status, code } = noRepository('')
  if (status !== 404) return 'denied'
  return code === 'NAME_UNKNOWN' ? 'repositoryMissing' : 'tagMissing'
}

const rowsOf = (kind: HostedKind): readonly Row[] => {
  const one = { kind: 'exists', platforms: ['linux/amd64'] }
  const open = kind.hasPublic ? anybody : [RIGHT]
  const hidden = kind.refusedToken !== undefined
  return [
    { image: 'open/app:1', credentials: open, expected: { ...one, digest: () => digests.app } },
    {
      image: 'open/many:1',
      credentials: open,
      expected: { kind: 'exists', platforms: ['linux/amd64', 'linux/arm64'], digest: () => digests.many },
    },
    { image: 'open/app:2', credentials: open, expected: { kind: 'tagMissing' } },
    { image: 'open/apq:1', credentials: [RIGHT], expected: { kind: missing(kind) } },
    ...(hidden
      ? [{ image: 'open/apq:1', credentials: anybody, expected: { kind: 'denied', withCredentials: false } }]
      : []),
    { image: 'team/app:1', credentials: anybody, expected: { kind: 'denied', withCredentials: false } },
    { image: 'team/app:1', credentials: [RIGHT], expected: one },
    { image: 'team/app:1', credentials: [WRONG], expected: { kind: 'denied', withCredentials: true } },
    { image: 'team/app:1', credentials: [WRONG, RIGHT], expected: one },
  ]
}

const valueOf = (expected: object): object =>
  Object.fromEntries(
    Object.entries(expected).map(([key, value]) => [key, typeof value === 'function' ? value() : value]),
  )

describe.each(HOSTED)('$name', (kind) => {
  let proxy: HostedProxy
  let registry: Registry
  beforeAll(async () => {
    const users = { robot: RIGHT.password }
    proxy = await startHostedProxy({ kind, registry: distribution.url, users, publicProject: 'open' })
    writeHostsDir(directory, { [HOST]: proxy.url })
    registry = createRegistry({ certsDirectory: directory, timing: { answerLifeMs: 0 } })
  })
  afterAll(async () => {
    registry.close()
    await proxy.down()
  })

  test.each(
    rowsOf(kind).map((row) => [row.image, row.credentials.map(({ password }) => password).join(), row] as const),
  )('%s with %j', async (_image, _passwords, { image, credentials, expected }) => {
    const answer = await registry.ask(`${HOST}/${image}`, credentials)
    expect(answer).toMatchObject(valueOf(expected))
    expect(JSON.stringify(answer)).not.toContain('open-')
  })

  // Last, for there is no way back.
  test.each(kind.limited ? [kind.limited.message] : [])('too many requests: %s', async () => {
    proxy.limit()
    expect(await registry.ask(`${HOST}/open/app:1`, [RIGHT])).toMatchObject({ kind: 'limited' })
  })
})
