import { describe, expect, test } from 'vitest'
import type { NodeInspection } from '../api/node-task.ts'
import { activeFirewallUnits, findDockerChain, isDockersChain } from './firewall.ts'

type Chain = NonNullable<NodeInspection['chains']['list']>[number]

/** `nft/filter/DOCKER` */
const chain = (text: string): Chain => {
  const [backend, table = '', name = ''] = text.split('/')
  return { backend: backend === 'nft' ? 'nft' : 'legacy', family: 'ip', table, name }
}
const NFT = ['nft/filter/DOCKER', 'nft/nat/DOCKER']
const PARTLY = 'the legacy tables: Permission denied'

describe("Docker's chain", () => {
  test.each<[string, readonly string[], string | undefined, string]>([
    ['there where both tables of nft have it', NFT, undefined, 'There'],
    ['there where both tables of legacy have it', ['legacy/filter/DOCKER', 'legacy/nat/DOCKER'], undefined, 'There'],
    ['there in one backend whatever the other has', [...NFT, 'legacy/filter/FORWARD'], undefined, 'There'],
    ['there although the other backend could not be seen', NFT, PARTLY, 'There'],
    ['missing where no table has it', ['nft/filter/FORWARD'], undefined, 'missing from tables filter and nat'],
    ['missing where nothing is there at all', [], undefined, 'missing from tables filter and nat'],
    [
      'missing where only filter lacks it',
      ['nft/nat/DOCKER', 'nft/filter/DOCKER-USER'],
      undefined,
      'missing from table filter',
    ],
    ['missing where only nat lacks it', ['nft/filter/DOCKER'], undefined, 'missing from table nat'],
    [
      'missing where each backend has a half',
      ['nft/filter/DOCKER', 'legacy/nat/DOCKER'],
      undefined,
      'missing from tables filter and nat',
    ],
    [
      'not another whose name begins alike',
      ['nft/filter/DOCKER-USER', 'nft/nat/DOCKER-INGRESS'],
      undefined,
      'missing from tables filter and nat',
    ],
    [
      'unknown where it may be in what could not be seen',
      ['nft/filter/FORWARD'],
      PARTLY,
      `Unknown could not be seen: ${PARTLY}`,
    ],
    [
      'unknown where the node is itself a container of Docker',
      ['nft/nat/DOCKER_OUTPUT'],
      PARTLY,
      `Unknown could not be seen: ${PARTLY}`,
    ],
    [
      'missing where Docker writes into what was seen',
      ['nft/filter/DOCKER-USER'],
      PARTLY,
      'missing from tables filter and nat',
    ],
  ])('is %s', (_, list, partly, expected) => {
    const found = findDockerChain({ known: true, list: list.map(chain), ...(partly !== undefined && { partly }) })
    const said =
      found.kind === 'Missing' ? found.missing : found.kind === 'Unknown' ? `Unknown ${found.why}` : found.kind
    expect(said.replace('chain DOCKER is ', '')).toBe(expected)
  })

  test('is unknown where the firewall is', () => {
    expect(findDockerChain({ known: false, why: 'not allowed' })).toEqual({ kind: 'Unknown', why: 'not allowed' })
    expect(findDockerChain({ known: false }).kind).toBe('Unknown')
  })

  const many = (name: string) => Array.from({ length: 512 }, (_, index) => chain(`nft/filter/${name}-${index}`))
  test.each<[string, string, object, string]>([
    ['missing where only others were omitted from a long list', 'KUBE', {}, 'Missing'],
    ['unknown where some of its own were omitted', 'DOCKER', {}, 'Unknown'],
    ['unknown where besides others a backend was not read', 'KUBE', { partly: PARTLY }, 'Unknown'],
  ])('is %s', (_, name, parts, expected) => {
    expect(findDockerChain({ known: true, list: many(name), omitted: 9, ...parts }).kind).toBe(expected)
  })
})

test.each([
  ['DOCKER', true],
  ['DOCKER-USER', true],
  ['DOCKER-ISOLATION-STAGE-1', true],
  ['DOCKER_OUTPUT', false],
  ['DOCKERISH', false],
  ['DOCKER-', false],
  ['KUBE-SERVICES', false],
])('chain %s is one that Docker creates: %s', (name, expected) => {
  expect(isDockersChain(name)).toBe(expected)
})

test('firewall services that are active are named, ufw among them; others and inactive ones are not', () => {
  const unit = (name: string, active = 'active') => ({ name, load: 'loaded', active, sub: '', enabled: 'enabled' })
  const list = [
    unit('docker.service'),
    unit('ufw.service'),
    unit('firewalld.service'),
    unit('nftables.service', 'dead'),
  ]
  expect(activeFirewallUnits({ units: { known: true, list } })).toEqual(['ufw.service', 'firewalld.service'])
  expect(activeFirewallUnits({ units: { known: false } })).toEqual([])
})
