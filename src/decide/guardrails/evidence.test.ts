import { describe, expect, test } from 'vitest'
import type { Plan } from '../../model/plan.ts'
import { known, unknown } from '../../model/incident.ts'
import type { PlacedChange } from '../../model/plan.ts'
import { decide } from '../decide.ts'
import { aNodeCase, aWaitingPod, type NodeInputOverrides, nodes } from '../testing-nodes.ts'
import { aCase, aFailingPod, aFinding, anOwner, aPod, BROKEN, type InputOverrides, NOW, PATCHED } from '../testing.ts'
import { factUnknown, targetUnverified } from './evidence.ts'
import { contextOf } from './testing-context.ts'

describe('the new image and the nodes it has to run on', () => {
  const change: PlacedChange = {
    container: 'coredns',
    init: false,
    from: BROKEN,
    to: PATCHED,
    pointer: '',
    was: BROKEN,
  }
  const target = anOwner().ref
  const plan = { type: 'RewriteImage', index: 0, timeoutMs: 1, target, diff: '', hash: '', changes: [change] } as Plan
  const doubt = (words: InputOverrides) => {
    const said = targetUnverified(contextOf(aCase(words), { plan }))
    return said && 'message' in said ? [said.message.replace(`${PATCHED}: `, ''), said.requeueAt - NOW] : said
  }
  const arm = nodes(3, { 2: { platform: 'linux/arm64' }, 3: { platform: '' } })
  const mixed = { nodes: known(arm) }
  const pods = (...all: ReturnType<typeof aPod>[]) => ({ ...mixed, facts: { pods: known(all) } })

  test('passes where every failing pod has no node, or one that it is for', () => {
    expect(doubt({})).toBeUndefined()
    expect(doubt({ pods: [aFailingPod({ node: null })], facts: { node: undefined } })).toBeUndefined()
  })

  test('waits where the platform of a node is unknown', () => {
    const message = 'the platform of node n1 is unknown'
    expect(doubt({ facts: { node: unknown('403') } })).toEqual([message, 30_000])
    expect(doubt({ facts: { node: undefined, nodes: {} } })).toEqual([message, 30_000])
  })

  test('needs no other pods where every node can run it, or where no node is known', () => {
    expect(doubt({ nodes: known(nodes(3, { 3: { platform: '' } })) })).toBeUndefined()
    expect(doubt({ nodes: unknown('403') })).toBeUndefined()
  })

  test('needs the other pods where a node could not run it', () => {
    expect(doubt(mixed)).toEqual({ ask: [{ fact: 'pods' }] })
    expect(doubt({ ...mixed, facts: { pods: unknown('403') } })).toEqual([
      'where its other pods run is unknown: 403',
      30_000,
    ])
  })

  test('needs none where no template is written', () => {
    expect(doubt({ ...mixed, owner: anOwner({ kind: 'Pod' }) })).toBeUndefined()
    expect(doubt({ ...mixed, owner: anOwner({ templateFixed: true }) })).toBeUndefined()
  })

  test('holds where another pod runs on such a node, and stays there', () => {
    const there = aPod({ name: 'healthy', node: 'n2' })
    expect(doubt(pods(aPod(), there))).toEqual([
      'the image exists for linux/amd64, but pod healthy runs on node n2, which is linux/arm64',
      300_000,
    ])
    expect(
      doubt(pods(aPod({ name: 'leaving', node: 'n2', leaving: true }), aPod({ name: 'new', node: null }))),
    ).toBeUndefined()
    expect(doubt(pods(aPod({ node: 'n3' })))).toBeUndefined()
    const { spec: _, ...bare } = aPod()
    expect(doubt(pods(bare as ReturnType<typeof aPod>))).toBeUndefined()
  })

  test('is asked about together with what fails and may have another cause', () => {
    const asked = (words: Parameters<typeof aFinding>[0]) => {
      const c = aCase({
        pods: [aFailingPod({ findings: [aFinding(words)] })],
        facts: { registry: { [BROKEN]: undefined, [PATCHED]: undefined } },
      })
      return targetUnverified(contextOf(c, { plan }))
    }
    const registry = (...images: readonly string[]) => ({ ask: images.map((image) => ({ fact: 'registry', image })) })
    expect(asked({ cause: 'ManifestNotFound' })).toEqual(registry(PATCHED, BROKEN))
    expect(asked({ cause: 'RegistryUnreachable', possibleCauses: ['ProjectNotFound'] })).toEqual(
      registry(PATCHED, BROKEN),
    )
    expect(asked({ cause: 'RegistryUnreachable' })).toEqual(registry(PATCHED))
    expect(asked({ cause: 'ManifestNotFound', image: '' })).toEqual(registry(PATCHED))
  })
})

describe('what only Events report', () => {
  const hearsay = (container: string, image = BROKEN) =>
    aFailingPod({ findings: [aFinding({ source: 'event', container, image })] })

  test('is asked of the registry only where there is an image', () => {
    const c = aCase({ pods: [hearsay('a'), hearsay('b', '')], facts: { registry: { [BROKEN]: undefined } } })
    expect(factUnknown(contextOf(c))).toEqual({ ask: [{ fact: 'registry', image: BROKEN }] })
    expect(factUnknown(contextOf(aCase({ pods: [hearsay('', '')] })))).toMatchObject({
      message: 'only an Event reports that the pod fails with ProjectNotFound; nothing confirms it yet',
      requeueAt: NOW + 30_000,
    })
  })

  test('of pods that the plan leaves out may still be confirmed by a registry', () => {
    const failing = hearsay('b', PATCHED)
    const leftOut = [{ failing, finding: failing.findings[0]! }]
    const c = aCase({ facts: { registry: { [PATCHED]: undefined } } })
    expect(factUnknown(contextOf(c, { leftOut }))).toEqual({ ask: [{ fact: 'registry', image: PATCHED }] })
    expect(factUnknown(contextOf(aCase(), { leftOut }))).toBeUndefined()
  })
})

describe('a node’s cause that only Events report', () => {
  const said = (words: NodeInputOverrides) => {
    const { cause = 'IptablesChainMissing' } = words
    return factUnknown(contextOf(aNodeCase({ pods: [aWaitingPod({ cause, finding: { source: 'event' } })], ...words })))
  }
  const not = (cause: string, why: string) => ({
    reason: 'FactUnknown',
    message: `only Events report ${cause} on the node; its agent does not confirm it${why}`,
    requeueAt: NOW + 30_000,
  })

  test('is asked of the agent', () => {
    expect(said({ facts: { inspection: undefined } })).toMatchObject({ ask: [{ fact: 'inspection' }] })
  })

  test('holds, and says what the agent could not see', () => {
    const chain = (words: NodeInputOverrides) => said(words)
    expect(chain({ facts: { inspection: unknown('no agent') } })).toEqual(not('IptablesChainMissing', ': no agent'))
    expect(chain({ inspection: { chains: { known: false, why: 'no nft' } } })).toEqual(
      not('IptablesChainMissing', ': no nft'),
    )
    expect(chain({ inspection: { chains: { partly: 'no ip6' } } })).toEqual(not('IptablesChainMissing', ': no ip6'))
    expect(chain({})).toEqual(not('IptablesChainMissing', ''))
    expect(said({ cause: 'RuntimeUnresponsive', inspection: { runtime: { why: 'no socket' } } })).toEqual(
      not('RuntimeUnresponsive', ': no socket'),
    )
    expect(said({ cause: 'SandboxStale', inspection: { runtime: { why: 'no socket' } } })).toEqual(
      not('SandboxStale', ''),
    )
  })

  test('holds where it is unknown whether Docker manages chains', () => {
    const docker = (why?: string) => ({ docker: { managesChains: undefined, ...(why !== undefined && { why }) } })
    const words = ': whether Docker manages its chains is unknown: '
    const held = (why?: string) => said({ inspection: docker(why) as never })
    expect(held()).toEqual(not('IptablesChainMissing', `${words}the agent does not report it`))
    expect(held('403')).toEqual(not('IptablesChainMissing', `${words}403`))
  })

  test('holds where the mounts, or the volumes of one pod, could not be read', () => {
    const cause = 'MountHelperMissing' as const
    const volumes = { a: known(['nfs']), b: unknown('no right'), c: unknown('other') }
    const inspection = { mounts: { why: 'no mounts' } }
    expect(said({ cause, inspection, facts: { volumes: volumes as never } })).toEqual(not(cause, ': no mounts'))
    expect(said({ cause, facts: { volumes: volumes as never } })).toEqual(not(cause, ': no right'))
    expect(said({ cause, facts: { volumes: {} } })).toEqual(not(cause, ''))
  })

  test('that is ruled out says why', () => {
    const pods = [aWaitingPod({ finding: { source: 'event', ruledOut: 'the chain is there' } })]
    expect(said({ pods })).toMatchObject({ message: 'no action on the node: the chain is there' })
    expect(said({ pods, diagnosis: { ruledOut: 'all is well' } })).toMatchObject({
      message: 'no action on the node: all is well',
    })
  })

  test('passes where one pod is proven', () => {
    expect(said({ pods: [aWaitingPod({ name: 'b' }), aWaitingPod({ finding: { source: 'event' } })] })).toBeUndefined()
    expect(decide(aNodeCase())).toMatchObject({ kind: 'Act' })
  })
})
