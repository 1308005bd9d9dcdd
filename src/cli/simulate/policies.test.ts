import { describe, expect, test } from 'vitest'
import type { RemediationPolicy } from '../../api/kinds.ts'
import { admitEntries, joinPolicies, parsePolicies } from './policies.ts'

const policy = (name: string, from = 'a.example.com/b/'): string =>
  JSON.stringify({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name },
    spec: {
      match: { causes: ['ProjectNotFound'], images: ['a.example.com/*'] },
      actions: [{ type: 'RewriteImage', rewriteImage: { rules: [{ from, to: 'a.example.com/c/' }] } }],
    },
  })

describe('a file of policies', () => {
  test.each<readonly [string, string, readonly (readonly [string, string | RegExp])[]]>([
    ['with one document', policy('a'), [['Policy', 'f:1']]],
    [
      'with several',
      `${policy('a')}\n---\n# a comment\n${policy('b')}\n---\n`,
      [
        ['Policy', 'f:1'],
        ['Policy', 'f:4'],
      ],
    ],
    [
      'with a list',
      `{kind: List, apiVersion: v1, items: [${policy('a')}, ${policy('b')}]}`,
      [
        ['Policy', 'f:1'],
        ['Policy', 'f:1'],
      ],
    ],
    [
      'with another object',
      '{kind: Secret, metadata: {name: s}}',
      [['Skipped', 'Secret s is not a RemediationPolicy']],
    ],
    [
      'with the kind of another group',
      '{kind: RemediationPolicy, apiVersion: x.io/v1}',
      [['Error', /apiVersion is "x\.io\/v1"; expected podmend\.io/]],
    ],
    [
      'without a name',
      '{kind: RemediationPolicy, apiVersion: podmend.io/v1alpha1}',
      [['Error', 'metadata.name is missing']],
    ],
    ['that is text', 'hello', [['Error', /expected an object, found "hello"/]]],
    [
      'broken in the middle',
      `${policy('a')}\n---\n{oops\n---\n${policy('b')}`,
      [
        ['Policy', 'f:1'],
        ['Error', /Flow map/],
        ['Policy', 'f:5'],
      ],
    ],
    ['that is empty', '', []],
  ])('%s', (_, text, expected) => {
    const found = parsePolicies(text, 'f').map((entry) => [
      entry.kind,
      entry.kind === 'Policy' ? entry.at : entry.sentence,
    ])
    expect(found).toEqual(
      expected.map(([kind, said]) => [kind, said instanceof RegExp ? expect.stringMatching(said) : said]),
    )
  })

  test('whose aliases multiply is refused, not expanded', () => {
    const bomb = `a: &a [${'x,'.repeat(9)}x]\n${'bcdefghi'
      .split('')
      .map((c, i) => `${c}: &${c} [${`*${'abcdefghi'[i]},`.repeat(9)}x]`)
      .join('\n')}`
    expect(parsePolicies(bomb, 'f')).toEqual([expect.objectContaining({ kind: 'Error' })])
  })
})

describe('policies of a simulation', () => {
  const entries = (...texts: readonly string[]) => parsePolicies(texts.join('\n---\n'), 'f')
  const inCluster = (name: string): RemediationPolicy => {
    const object = JSON.parse(policy(name)) as RemediationPolicy
    return { ...object, metadata: { name, uid: `uid-${name}`, resourceVersion: '1', generation: 4 } }
  }

  test('that are new begin their life', () => {
    const { policies } = admitEntries(entries(policy('a')), [])
    expect(policies).toMatchObject([{ name: 'a', generation: 1 }])
  })

  test('that stand in the cluster keep their uid, and their generation where nothing changed', () => {
    const known = [inCluster('a'), inCluster('b')]
    const { policies } = admitEntries(entries(policy('a'), policy('b', 'a.example.com/changed/')), known)
    expect(policies.map(({ uid, generation }) => [uid, generation])).toEqual([
      ['uid-a', 4],
      ['uid-b', 5],
    ])
  })

  test('that are bad, or named twice, are reported and keep none of the others back', () => {
    const bad = policy('bad').replace('ProjectNotFound', 'Nonsense')
    const { policies, reports } = admitEntries(entries(policy('a'), bad, policy('a')), [])
    expect(policies.map(({ name }) => name)).toEqual(['a'])
    expect(reports.map(({ name, ok }) => [name, ok])).toEqual([
      ['a', true],
      ['bad', false],
      ['a', false],
    ])
    expect(reports[1]?.sentences.join()).toContain('"Nonsense" is not a known value')
    expect(reports[2]?.sentences).toEqual(['metadata.name: a is defined twice in these files'])
  })

  test('take the place of their namesakes, bad ones too', () => {
    const bad = policy('bad').replace('ProjectNotFound', 'Nonsense')
    const cluster = admitEntries(entries(policy('a'), policy('bad'), policy('c')), []).policies
    const { policies, reports } = admitEntries(entries(policy('a'), bad), [])
    expect(joinPolicies(cluster, policies, reports).map(({ name }) => name)).toEqual(['a', 'c'])
  })
})
