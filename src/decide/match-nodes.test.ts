import { describe, expect, test } from 'vitest'
import type { DecisionInput, Matched } from '../model/decision-input.ts'
import { type FailingPod, known, type NamespaceFacts, unknown } from '../model/incident.ts'
import { byRank, candidateOf, matches, nodeOptedOutBy, protectedNodeFrom } from './match.ts'
import { aNodeCase, aWaitingPod, type NodeInputOverrides, nodePolicy, theNodeItself } from './testing-nodes.ts'
import { aCase, aFailingPod, aFinding, aNamespace, aNode, aPolicy, exists, type PolicyOverrides } from './testing.ts'

const excluded = { 'podmend.io/exclude': 'true' }

/** Facts on these namespaces, by name. */
const namespaces = (all: Readonly<Record<string, Partial<NamespaceFacts> | string>>) => ({
  namespaces: Object.fromEntries(
    Object.entries(all).map(([name, words]) => [
      name,
      typeof words === 'string' ? unknown(words) : known(aNamespace({ name, ...words })),
    ]),
  ),
})
const inNamespace = (namespace: string, words: Parameters<typeof aWaitingPod>[0] = {}): FailingPod =>
  aWaitingPod({ name: namespace, namespace, ...words })

const matchedOf = (c: DecisionInput, match: PolicyOverrides['match'] = {}) => {
  const found = matches(c, nodePolicy({ match }), true)
  if (!found || 'ask' in found) return found
  const names = (all: readonly Matched[]): readonly string[] => all.map(({ failing }) => failing.pod.metadata.name)
  const { unanswered } = found
  const spared = found.spared?.map(({ failing, why }) => `${failing.pod.metadata.name}: ${why}`)
  return {
    matched: names(found.matched),
    leftOut: names(found.leftOut),
    ...(spared && { spared }),
    ...(unanswered !== undefined && { unanswered }),
  }
}
const matched = (words: NodeInputOverrides, match: PolicyOverrides['match'] = {}) => matchedOf(aNodeCase(words), match)

describe('a node that fails by itself', () => {
  const itself = { cause: 'RuntimeUnresponsive', pods: [theNodeItself()] } as const

  test('matches a policy without clauses on pods', () => {
    expect(matched(itself)).toEqual({ matched: ['n1'], leftOut: [] })
  })

  test.each<PolicyOverrides['match']>([
    { namespaces: ['web'] },
    { namespaceSelector: {} },
    { podSelector: {} },
    { images: ['*'] },
  ])('matches no policy with the clause %j', (match) => {
    expect(matched(itself, match)).toBeUndefined()
  })

  test('is in no protected namespace, and opted out by no pod', () => {
    const c = aNodeCase(itself)
    expect(protectedNodeFrom(nodePolicy(), c, [{ failing: theNodeItself(), finding: aFinding() }])).toBeUndefined()
    expect(nodeOptedOutBy(c, [{ failing: theNodeItself(), finding: aFinding() }])).toBeUndefined()
  })

  test('stays beside its pods: what proves the node is apart from what only Events say', () => {
    const hearsay = inNamespace('web', { cause: 'RuntimeUnresponsive', finding: { source: 'event' } })
    expect(matched({ cause: 'RuntimeUnresponsive', pods: [theNodeItself(), hearsay] })).toEqual({
      matched: ['n1'],
      leftOut: ['web'],
    })
  })
})

describe('pods of a node', () => {
  const pods = [inNamespace('web'), inNamespace('shop')]
  const both = namespaces({ web: { labels: { team: 'a' } }, shop: { labels: { team: 'b' } } })
  const ofTeam = (team: string) => ({ namespaceSelector: { matchLabels: { team } } })

  test('match by the names of their namespaces', () => {
    expect(matched({ pods, facts: both }, { namespaces: ['shop'] })).toEqual({ matched: ['shop'], leftOut: [] })
    expect(matched({ pods, facts: both }, { namespaces: ['other'] })).toBeUndefined()
  })

  test('match by the labels of their namespaces', () => {
    expect(matched({ pods, facts: both }, ofTeam('b'))).toEqual({ matched: ['shop'], leftOut: [] })
    expect(matched({ pods, facts: both }, ofTeam('c'))).toBeUndefined()
  })

  test('whose namespace is unknown wait for it only if no other matches for certain', () => {
    const facts = namespaces({ web: '403', shop: { labels: { team: 'b' } } })
    expect(matched({ pods, facts }, ofTeam('b'))).toEqual({ matched: ['shop'], leftOut: [] })
    expect(matched({ pods, facts }, ofTeam('c'))).toMatchObject({
      matched: ['web'],
      unanswered: 'whether namespaceSelector matches is unknown: 403',
    })
  })

  test('say up to three reasons why their namespaces are unknown, each once', () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const many = names.map((name) => inNamespace(name))
    const facts = namespaces({ a: 'why a', b: 'why a', c: 'why c', d: 'why d', e: 'why e' })
    const said = ['a', 'c', 'd'].map((name) => `whether namespaceSelector matches is unknown: why ${name}`)
    expect(matched({ pods: many, facts }, ofTeam('b'))).toMatchObject({ matched: names, unanswered: said.join('; ') })
  })

  test('in a namespace that was not read are unknown, also one with the name of an object’s own member', () => {
    const facts = namespaces({ web: { labels: { team: 'a' } } })
    const said = { unanswered: 'whether namespaceSelector matches is unknown: not read' }
    expect(matched({ pods: [inNamespace('shop')], facts }, ofTeam('b'))).toMatchObject(said)
    expect(matched({ pods: [inNamespace('constructor')], facts }, ofTeam('b'))).toMatchObject(said)
    expect(matched({ pods: [inNamespace('web'), inNamespace('constructor')], facts })).toMatchObject({
      matched: ['web'],
      spared: ['constructor: whether it opted out is unknown: namespace constructor: not read'],
    })
  })

  test('match on a node that the selector selects; one that could not be read is said', () => {
    const match = { nodeSelector: { matchLabels: { pool: 'a' } } }
    const of = (words: NodeInputOverrides) => matched({ pods, ...words, facts: { ...both, ...words.facts } }, match)
    expect(of({ node: { labels: { pool: 'a' } } })).toEqual({ matched: ['web', 'shop'], leftOut: [] })
    expect(of({ node: { labels: { pool: 'b' } } })).toBeUndefined()
    expect(of({ facts: { node: unknown('403') } })).toMatchObject({
      matched: ['web', 'shop'],
      unanswered: 'whether nodeSelector matches is unknown: 403',
    })
    expect(matched({ pods, facts: { ...both, node: unknown('403') } })).not.toHaveProperty('unanswered')
  })

  test('say both where nodes and namespaces are unknown', () => {
    const facts = { ...namespaces({ web: 'no right', shop: 'no right' }), node: unknown('403') }
    expect(matched({ pods, facts }, { ...ofTeam('b'), nodeSelector: {} })).toMatchObject({
      unanswered:
        'whether nodeSelector matches is unknown: 403; whether namespaceSelector matches is unknown: no right',
    })
  })

  test('are spared in a protected namespace or where they opted out, and named with the reason', () => {
    const all = [
      ...pods,
      inNamespace('kube-system'),
      inNamespace('podmend'),
      inNamespace('opted', { annotations: excluded }),
    ]
    const facts = namespaces({ web: {}, shop: { annotations: excluded }, 'kube-system': {}, podmend: {}, opted: {} })
    expect(matched({ pods: all, facts })).toEqual({
      matched: ['web'],
      leftOut: [],
      spared: [
        'shop: namespace shop is excluded by podmend.io/exclude',
        'kube-system: namespace kube-system is protected, and the policy does not name it',
        'podmend: namespace podmend is protected, and the policy does not name it',
        'opted: Pod opted/opted is excluded by podmend.io/exclude',
      ],
    })
  })

  test('are all kept where none is left, and a guardrail explains the hold', () => {
    const all = [inNamespace('kube-system'), inNamespace('podmend')]
    const c = aNodeCase({ pods: all, facts: namespaces({ 'kube-system': {}, podmend: {} }) })
    expect(matchedOf(c)).toEqual({ matched: ['kube-system', 'podmend'], leftOut: [] })
    expect(candidateOf(c, nodePolicy())).toMatchObject({ inForce: false })
  })

  test('are proven one by one', () => {
    const hearsay = inNamespace('web', { finding: { source: 'event' } })
    expect(matched({ pods: [hearsay, inNamespace('shop')], facts: both })).toEqual({
      matched: ['shop'],
      leftOut: ['web'],
    })
    expect(matched({ pods: [hearsay], facts: both })).toEqual({ matched: ['web'], leftOut: [] })
  })
})

describe('what keeps a policy from a node', () => {
  const each = (...pods: readonly FailingPod[]) => pods.map((failing) => ({ failing, finding: aFinding() }))
  const system = inNamespace('kube-system')

  test('is a protected namespace only if all its pods are in one', () => {
    expect(protectedNodeFrom(nodePolicy(), aNodeCase(), each(system))).toBe('kube-system')
    expect(protectedNodeFrom(nodePolicy(), aNodeCase(), each(system, inNamespace('web')))).toBeUndefined()
    const naming = nodePolicy({ match: { namespaces: ['kube-system'] } })
    expect(protectedNodeFrom(naming, aNodeCase(), each(system))).toBeUndefined()
  })

  test('is an opt-out of the node, or of all its pods', () => {
    const facts = namespaces({ web: { annotations: excluded }, shop: {} })
    const by = (words: NodeInputOverrides, ...pods: readonly FailingPod[]) =>
      nodeOptedOutBy(aNodeCase({ facts, ...words }), each(...pods))
    expect(by({}, inNamespace('web'))).toEqual({ by: 'namespace web' })
    expect(by({}, inNamespace('web'), inNamespace('shop'))).toBeUndefined()
    expect(by({ node: { annotations: excluded } }, inNamespace('shop'))).toEqual({ by: 'node n1' })
    expect(by({ facts: { ...facts, node: unknown('403') } }, inNamespace('shop'))).toEqual({ unknown: 'node n1: 403' })
    expect(by({ facts: { ...facts, node: undefined } }, inNamespace('shop'))).toBeUndefined()
  })
})

test('policies are ranked by priority, then by name, in whatever order they come', () => {
  const all = [
    aPolicy({ name: 'c' }),
    aPolicy({ name: 'a' }),
    aPolicy({ name: 'b' }),
    aPolicy({ name: 'last', priority: -1 }),
    aPolicy({ name: 'z', priority: 5 }),
  ]
  const ranked = ['z', 'a', 'b', 'c', 'last']
  expect(all.toSorted(byRank).map(({ name }) => name)).toEqual(ranked)
  expect(
    all
      .toReversed()
      .toSorted(byRank)
      .map(({ name }) => name),
  ).toEqual(ranked)
  expect(byRank(aPolicy(), aPolicy())).toBe(0)
})

describe('pods of a workload', () => {
  const policy = aPolicy({ match: { nodeSelector: { matchLabels: { pool: 'a' } } } })
  const on = (node: string | null) => aFailingPod({ name: `on-${node}`, node })
  const nodesOf = (all: Readonly<Record<string, string>>) => ({
    nodes: Object.fromEntries(
      Object.entries(all).map(([name, pool]) => [
        name,
        pool === '' ? unknown('403') : known(aNode({ name, labels: { pool } })),
      ]),
    ),
  })
  const found = (pods: readonly FailingPod[], all: Readonly<Record<string, string>>) => {
    const match = matches(aCase({ pods, facts: nodesOf(all) }), policy, true)
    if (!match || 'ask' in match) return match
    const names = match.matched.map(({ failing }) => failing.pod.metadata.name)
    return { names, unanswered: match.unanswered }
  }

  test('match on selected nodes; one on an unknown node only if no other is sure', () => {
    const pods = [on('n1'), on('n2'), on('n3'), on(null)]
    expect(found(pods, { n1: 'a', n2: 'b', n3: '' })).toEqual({ names: ['on-n1'], unanswered: undefined })
    expect(found(pods, { n1: 'b', n2: 'b', n3: '' })).toEqual({
      names: ['on-n3'],
      unanswered: 'whether nodeSelector matches is unknown: 403',
    })
    expect(found(pods.slice(0, 2), { n1: 'b', n2: 'b' })).toBeUndefined()
    expect(found([on(null)], {})).toBeUndefined()
  })

  test('in a namespace that could not be read match, and that is said', () => {
    const c = aCase({ facts: { namespace: unknown('403') } })
    expect(matches(c, aPolicy({ match: { namespaceSelector: {} } }), true)).toMatchObject({
      unanswered: 'whether namespaceSelector matches is unknown: 403',
    })
    expect(matches(c, aPolicy(), true)).not.toHaveProperty('unanswered')
  })

  test('whose cause a registry may refine are asked about, unless nothing would be done anyway', () => {
    const finding = aFinding({ cause: 'Unauthorized', possibleCauses: ['ProjectNotFound'] })
    const c = aCase({ pods: [aFailingPod({ findings: [finding] })] })
    expect(matches(c, aPolicy(), true)).toHaveProperty('ask')
    expect(matches(c, aPolicy(), false)).toHaveProperty('matched')
    const answered = aCase({
      pods: [aFailingPod({ findings: [finding] })],
      facts: { registry: { [finding.image]: exists() } },
    })
    expect(matches(answered, aPolicy(), true)).toBeUndefined()
    const certain = aPolicy({ match: { causes: ['Unauthorized', 'ProjectNotFound'] } })
    expect(matches(c, certain, true)).toHaveProperty('matched')
  })
})
