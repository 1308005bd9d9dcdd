import { describe, expect, it } from 'vitest'
import { edited, FULL, SMALL } from '../../../test/api/edited.ts'
import { admitPolicy, type AdmittedPolicy } from './compile.ts'
import { conflicts, findCircles } from './conflicts.ts'

const named = (name: string, edits: Record<string, unknown> = {}, base: object = SMALL): AdmittedPolicy => {
  const admission = admitPolicy(edited(base, { 'metadata.name': name, ...edits }))
  if (!admission.ok) throw new Error(admission.sentences.join('\n'))
  return admission.policy
}

const rewriting = (name: string, from: string, to: string, edits: Record<string, unknown> = {}): AdmittedPolicy =>
  named(
    name,
    { 'spec.match': { causes: ['Unauthorized'] }, 'spec.actions.0.rewriteImage.rules': [{ from, to }], ...edits },
    FULL,
  )

describe('policies that can answer the same failures', () => {
  it('are named, and which of them acts', () => {
    expect(conflicts([named('b'), named('a')])).toEqual([
      {
        policies: ['a', 'b'],
        sentence:
          '"b" and "a" have priority 0 and can match the same failures (BackOffOnly); "a" acts on those it can repair, because its name sorts first: change the priority of one, or narrow its match',
      },
    ])
  })

  const label = (team: string) => ({ matchLabels: { team } })
  it.each([
    ['priority', { 'spec.priority': 1 }, {}],
    ['cause', { 'spec.match.causes': ['DiskFull'] }, {}],
    ['namespace', { 'spec.match.namespaces': ['x'] }, { 'spec.match.namespaces': ['y', 'z'] }],
    ['image', { 'spec.match.images': ['a.io/x/*'] }, { 'spec.match.images': ['a.io/y/*', 'b.io/*'] }],
    ['label of the pod', { 'spec.match.podSelector': label('x') }, { 'spec.match.podSelector': label('y') }],
    [
      'label of the namespace',
      { 'spec.match.namespaceSelector': label('x') },
      { 'spec.match.namespaceSelector': label('y') },
    ],
    ['label of the node', { 'spec.match.nodeSelector': label('x') }, { 'spec.match.nodeSelector': label('y') }],
  ])('are none when they differ by %s', (_, a, b) => {
    expect(conflicts([named('a', a), named('b', b)])).toEqual([])
  })

  it('are reported when their scopes may meet', () => {
    const [a, b] = [named('a', { 'spec.match.images': ['a.io/*'] }), named('b', { 'spec.match.images': ['*/nginx:*'] })]
    expect(conflicts([a, b])).toHaveLength(1)
    expect(conflicts([named('a', { 'spec.match.namespaces': ['x'] }), named('b')])).toHaveLength(1)
  })

  it('stay short however many they are', () => {
    const many = Array.from({ length: 100 }, (_, i) => named(`p${String(i).padStart(3, '0')}`))
    const found = conflicts(many)
    expect(found).toHaveLength(99)
    expect(found.at(-1)?.sentence).toContain('"p000", "p001", "p002" and more')
  })
})

describe('circles across policies', () => {
  it('are shown with the images that go round', () => {
    expect(findCircles([rewriting('there', 'a.io/b/', 'a.io/c/'), rewriting('back', 'a.io/c/', 'a.io/b/')])).toEqual([
      {
        policies: ['back', 'there'],
        sentence:
          'policies "back", "there" form a cycle: a.io/b/x:1 → a.io/c/x:1 → a.io/b/x:1; narrow match.images of one, or remove a rule',
      },
    ])
  })

  it('are found where one rule is narrower than the other', () => {
    const found = findCircles([rewriting('wide', 'a.io/', 'b.io/'), rewriting('narrow', 'b.io/team/', 'a.io/team/')])
    expect(found.map(({ policies }) => policies)).toEqual([['narrow', 'wide']])
  })

  it.each([
    ['nothing leads back', ['a.io/b/', 'a.io/c/'], ['a.io/c/', 'a.io/d/'], {}],
    [
      'the images of one keep it from them',
      ['a.io/b/', 'a.io/c/'],
      ['a.io/c/', 'a.io/b/'],
      { 'spec.match.images': ['a.io/c/only/*'] },
    ],
    ['their namespaces are apart', ['a.io/b/', 'a.io/c/'], ['a.io/c/', 'a.io/b/'], { 'spec.match.namespaces': ['x'] }],
  ] as const)('are none where %s', (_, [from, to], [otherFrom, otherTo], edits) => {
    const one = rewriting('one', from, to, { 'spec.match.namespaces': ['y'] })
    expect(findCircles([one, rewriting('two', otherFrom, otherTo, edits)])).toEqual([])
  })

  it('are looked for within bounds', () => {
    const chain = Array.from({ length: 60 }, (_, i) => rewriting(`p${i}`, 'a.io/', `a.io/p${i}/`))
    expect(findCircles(chain)).toEqual([])
  })
})
