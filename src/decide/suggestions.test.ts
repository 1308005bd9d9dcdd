/** Images with a probable typo: explained, and rewritten only if a policy allows it. */
import { describe, expect, test } from 'vitest'
import type { Explanation, FactName } from '../model/incident.ts'
import { decide } from './decide.ts'
import { aCase, aPolicy, BROKEN, exists, type InputOverrides, PATCHED, recycling, rewriting } from './testing.ts'

const TYPO: Explanation = { kind: 'LikelyTypo', of: BROKEN, message: 'it is nearly that', image: PATCHED, found: true }
const DETAIL_FACTS: readonly FactName[] = [{ fact: 'knownImages' }]
const elsewhere = [{ from: 'other.example.com/', to: 'another.example.com/' }]

const under = (suggestions: 'Ignore' | 'Apply', words: InputOverrides = {}, policy: object = {}) =>
  decide(
    aCase({
      policies: [aPolicy({ actions: [rewriting({ suggestions, rules: elsewhere })], ...policy })],
      ...words,
    }),
  )

describe('where no rule applies', () => {
  test.each(['Enforce', 'Observe'])('it is looked at closer before it is held: mode %s', (mode) => {
    expect(under('Ignore', { diagnosis: { detailFacts: DETAIL_FACTS } }, { mode })).toEqual({
      kind: 'Ask',
      facts: DETAIL_FACTS,
    })
  })

  test('it is looked at closer too where a policy that observes would recycle the pod, which explains nothing', () => {
    const observes = aPolicy({ mode: 'Observe', actions: [recycling()] })
    const detailed = { diagnosis: { detailFacts: DETAIL_FACTS } }
    expect(decide(aCase({ policies: [observes], ...detailed }))).toEqual({ kind: 'Ask', facts: DETAIL_FACTS })
    expect(decide(aCase({ policies: [aPolicy({ actions: [recycling()] })], ...detailed }))).toMatchObject({
      kind: 'Act',
    })
  })

  test('the record says what is likeliest, and nothing is written', () => {
    expect(under('Ignore', { diagnosis: { explanations: [TYPO] } })).toMatchObject({
      kind: 'Hold',
      reason: 'TargetUnverified',
      message: expect.stringMatching(/^no rewrite rule applies to .*; LikelyTypo, .* may be meant$/),
    })
  })

  test('nothing is read of it as long as something else holds it', () => {
    const verdict = under('Ignore', { diagnosis: { detailFacts: DETAIL_FACTS } }, { suspend: true })
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'PolicySuspended' })
  })
})

describe('where the policy says suggestions: Apply', () => {
  test('it is looked at closer first', () => {
    expect(under('Apply', { diagnosis: { detailFacts: DETAIL_FACTS } })).toEqual({ kind: 'Ask', facts: DETAIL_FACTS })
  })

  test('the image that the registry has is written', () => {
    expect(under('Apply', { diagnosis: { explanations: [TYPO] } })).toMatchObject({
      kind: 'Act',
      plan: { type: 'RewriteImage', changes: [{ from: BROKEN, to: PATCHED }] },
    })
  })

  test('but not for another platform than the node has', () => {
    const registry = { [PATCHED]: exists({ platforms: ['linux/s390x'] }) }
    expect(under('Apply', { diagnosis: { explanations: [TYPO] }, facts: { registry } })).toMatchObject({
      kind: 'Hold',
      reason: 'TargetUnverified',
      message: expect.stringContaining('linux/s390x'),
    })
  })

  const { found: _, ...unsure } = TYPO
  const credentials: Explanation = { kind: 'MissingCredentials', of: BROKEN, message: 'no pull secret' }
  test.each<readonly [string, readonly Explanation[]]>([
    ['another is as near', [unsure]],
    ['credentials are likelier', [credentials, TYPO]],
    ['it is of another image', [{ ...TYPO, of: 'other:1' }]],
    ['nothing is near', []],
  ])('nothing is written where %s', (__, explanations) => {
    expect(under('Apply', { diagnosis: { explanations } })).toMatchObject({ kind: 'Hold', reason: 'TargetUnverified' })
  })

  test('a rule that applies goes before', () => {
    const policies = [aPolicy({ actions: [rewriting({ suggestions: 'Apply' })] })]
    const explanations = [{ ...TYPO, image: 'harbor.od.com/else/coredns:1' }]
    expect(decide(aCase({ policies, diagnosis: { detailFacts: DETAIL_FACTS, explanations } }))).toMatchObject({
      kind: 'Act',
      plan: { changes: [{ to: PATCHED }] },
    })
  })
})
