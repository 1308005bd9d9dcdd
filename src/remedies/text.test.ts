import { describe, expect, test } from 'vitest'
import { aFailingPod, aFinding, aPod } from '../decide/testing.ts'
import { aWaitingPod, NODE, theNodeItself } from '../decide/testing-nodes.ts'
import type { Matched } from '../model/decision-input.ts'
import type { FailingPod } from '../model/incident.ts'
import type { PlacedChange, Plan, PodToDelete } from '../model/plan.ts'
import { diffOf, hashOf, hashOfAttempt, leaveOut, nameOf, namingLeftOut, sayPods } from './text.ts'

const target = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'uid-web' }

const change = (container: string, words: Partial<PlacedChange> = {}): PlacedChange => ({
  container,
  init: false,
  from: 'a/x:1',
  to: 'b/x:1',
  pointer: `/spec/${container}`,
  was: 'a/x:1',
  ...words,
})

const pod = (name: string): PodToDelete => ({ namespace: 'shop', name, uid: `uid-${name}`, resourceVersion: '1' })
const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => String(i + 1))

const plan: Plan = { type: 'RecyclePod', index: 0, timeoutMs: 1, target, diff: 'the diff', hash: 'hash' }

const matched = (failing: FailingPod): Matched => ({ failing, finding: failing.findings[0] ?? aFinding() })

describe('the hash of a plan', () => {
  const hash = (words: Partial<Parameters<typeof hashOf>[0]> = {}): string =>
    hashOf({
      generation: 1,
      type: 'RewriteImage',
      target,
      changes: [change('a'), change('b')],
      pods: [pod('a'), pod('b')],
      ...words,
    })

  test('does not depend on the order of what is changed and deleted', () => {
    expect(hash({ changes: [change('b'), change('a')] })).toBe(hash())
    expect(hash({ pods: [pod('b'), pod('a')] })).toBe(hash())
    const three = ['c', 'a', 'b'].map((name) => change(name))
    expect(hash({ changes: three })).toBe(hash({ changes: three.toReversed() }))
  })

  test('is another one for another generation, target, change, pod, and for pods alone', () => {
    const others = [
      hash({ generation: 2 }),
      hash({ type: 'RecyclePod' }),
      hash({ target: { ...target, uid: 'another' } }),
      hash({ changes: [change('a')] }),
      hash({ changes: [change('a'), change('b', { init: true })] }),
      hash({ changes: [change('a'), change('b', { from: 'c/x:1' })] }),
      hash({ changes: [change('a'), change('b', { to: 'c/x:1' })] }),
      hash({ pods: [pod('a')] }),
      hash({ podsOnly: true }),
    ]
    expect(new Set([hash(), ...others])).toHaveLength(others.length + 1)
    expect(hash({ podsOnly: false })).toBe(hash())
  })

  test('of an attempt covers the attempt, the policy, and what it stops and deletes, in any order', () => {
    const first = hashOfAttempt('hash', 1, 'uid', { stops: ['a', 'b'], pods: ['c', 'd'] })
    expect(hashOfAttempt('hash', 1, 'uid', { stops: ['b', 'a'], pods: ['d', 'c'] })).toBe(first)
    const others = [
      hashOfAttempt('other', 1, 'uid', { stops: ['a', 'b'], pods: ['c', 'd'] }),
      hashOfAttempt('hash', 2, 'uid', { stops: ['a', 'b'], pods: ['c', 'd'] }),
      hashOfAttempt('hash', 1, 'other', { stops: ['a', 'b'], pods: ['c', 'd'] }),
      hashOfAttempt('hash', 1, 'uid', { stops: ['a'], pods: ['c', 'd'] }),
      hashOfAttempt('hash', 1, 'uid', { stops: ['a', 'b'], pods: ['c'] }),
      hashOfAttempt('hash', 1, 'uid', {}),
    ]
    expect(new Set([first, ...others])).toHaveLength(others.length + 1)
  })
})

describe('the diff of a plan', () => {
  test('names the object, cluster-scoped or not, and only what changes', () => {
    expect(diffOf(target, [change('a'), change('b', { was: 'b/x:1' })], [])).toBe(
      [
        '--- a/deployment/shop/web',
        '+++ b/deployment/shop/web',
        '@@ /spec/a (a) @@',
        '- image: a/x:1',
        '+ image: b/x:1',
      ].join('\n'),
    )
    expect(diffOf(NODE, [], [])).toBe('--- a/node/n1\n+++ b/node/n1')
  })

  test('shows twenty pods to delete, and says how many more', () => {
    const lines = diffOf(target, [], numbered(21).map(pod)).split('\n')
    expect(lines).toHaveLength(2 + 1 + 20 + 1)
    expect(lines.slice(2, 4)).toEqual(['@@ pods @@', '- pod/shop/1 (uid uid-1)'])
    expect(lines.at(-1)).toBe('- and 1 more')
    expect(diffOf(target, [], numbered(20).map(pod)).split('\n').at(-1)).toBe('- pod/shop/20 (uid uid-20)')
  })

  const edits = (count: number) =>
    numbered(count).map((name) => ({
      target: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name, uid: name },
      resourceVersion: '1',
      annotations: {},
      changes: [change('a')],
    }))

  test('shows twenty pods to patch, and says how many more; the template only if it changes', () => {
    const same = [change('a', { was: 'b/x:1' })]
    const more = diffOf(target, same, [], edits(21)).split('\n')
    expect(more.filter((line) => line.startsWith('---'))).toHaveLength(20)
    expect(more[0]).toBe('--- a/pod/shop/1')
    expect(more.at(-1)).toBe('@@ and 1 more pods in the same way @@')
    const all = diffOf(target, same, [], edits(20))
    expect(all).not.toContain('more pods')
    expect(diffOf(target, [change('a')], [], edits(1))).toContain('--- a/deployment/shop/web')
  })

  test('is cut at what a record may hold', () => {
    const long = change('a', { to: `b/${'x'.repeat(20_000)}:1` })
    expect(diffOf(target, [long], [])).toHaveLength(16_000)
    expect(diffOf(target, [long], []).slice(0, 4)).toBe('--- ')
  })
})

describe('what a plan leaves out', () => {
  const event = { source: 'event' as const }
  const failing = (name: string, container = 'coredns', init = false) =>
    matched(aFailingPod({ name, findings: [aFinding({ ...event, container, init })] }))

  test('is each pod once, by name, with its first reason; a node is no pod', () => {
    const all = [failing('b'), failing('c'), failing('a'), failing('b', 'other'), matched(theNodeItself())]
    const left = leaveOut(all, ({ finding }) => finding.container)
    expect(left.map(({ name, why }) => [name, why])).toEqual([
      ['a', 'coredns'],
      ['b', 'coredns'],
      ['c', 'coredns'],
    ])
    expect(left[0]).toMatchObject({ namespace: 'kube-system', uid: 'uid-a' })
  })

  test('is what it neither deletes', () => {
    const named = namingLeftOut(plan, [failing('a'), failing('b')], { pods: [{ uid: 'uid-a' }, { uid: 'uid-c' }] })
    expect(named.leftOut?.map(({ name }) => name)).toEqual(['b'])
    expect(named.diff).toBe(
      [
        'the diff',
        '@@ left out @@',
        '  pod/kube-system/b: container coredns: only an Event reports ProjectNotFound; nothing confirms it',
      ].join('\n'),
    )
  })

  test('nor rewrites, by container and kind of container', () => {
    const changes = [change('other'), change('coredns')]
    expect(namingLeftOut(plan, [failing('a')], { changes })).toBe(plan)
    expect(namingLeftOut(plan, [failing('a', 'coredns', true)], { changes }).leftOut).toHaveLength(1)
    expect(namingLeftOut(plan, [failing('a', 'third')], { changes }).leftOut).toHaveLength(1)
    expect(namingLeftOut(plan, [failing('a')], { changes: [] }).leftOut).toHaveLength(1)
  })

  test('stays what it was, and a pod that it leaves out for another reason keeps that', () => {
    const before = { ...plan, leftOut: [{ name: 'a', uid: 'uid-a', why: 'excluded' }] }
    const { leftOut } = namingLeftOut(before, [failing('a'), failing('b')], {})
    expect(leftOut?.map(({ name, why }) => `${name} ${why.slice(0, 9)}`)).toEqual(['a excluded', 'b container'])
  })

  test('shows twenty, and says how many more, within what a record may hold', () => {
    const shown = (count: number) =>
      namingLeftOut(
        plan,
        numbered(count).map((name) => failing(name)),
        {},
      ).diff.split('\n')
    expect(shown(20)).toHaveLength(2 + 20)
    expect(shown(20).at(-1)).toMatch(/^ {2}pod/)
    expect(shown(21)).toHaveLength(2 + 20 + 1)
    expect(shown(21).at(-1)).toBe('  and 1 more')
    const long = { ...plan, diff: 'x'.repeat(16_000) }
    expect(namingLeftOut(long, [failing('a')], {}).diff).toBe(long.diff)
  })

  test('says a cause that is ruled out, and names a pod without a namespace by its name', () => {
    const ruledOut = aWaitingPod({ finding: { source: 'event', ruledOut: 'the chain is there' } })
    expect(namingLeftOut(plan, [matched(ruledOut)], {}).leftOut?.[0]?.why).toBe(
      'IptablesChainMissing is ruled out: the chain is there',
    )
    const bare = aPod({ name: 'static' })
    const { namespace: _, ...metadata } = bare.metadata
    const { diff } = namingLeftOut(plan, [matched({ ...aFailingPod(), pod: { ...bare, metadata } })], {})
    expect(diff).toContain('  pod/static: ')
  })
})

describe('names in sentences', () => {
  test('of objects', () => {
    expect([nameOf(target), nameOf(NODE)]).toEqual(['Deployment shop/web', 'Node n1'])
  })

  test('of pods, five at most', () => {
    const pods = numbered(7).map((name) => ({ name }))
    expect(sayPods([{ name: 'a', namespace: 'shop' }])).toBe('pod shop/a')
    expect(sayPods(pods.slice(0, 5))).toBe('pods 1, 2, 3, 4, 5')
    expect(sayPods(pods)).toBe('pods 1, 2, 3, 4, 5 and 2 more')
  })
})
