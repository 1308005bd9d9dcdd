import { describe, expect, test } from 'vitest'
import type { PlacedChange } from '../../model/plan.ts'
import { readOriginals } from '../../model/remediation-state.ts'
import { changedByAdmission, hasImages, imagePatch, originalsAfter } from './json-patch.ts'
import type { RewriteImagePlan } from './plan.ts'

const NOTE = '/metadata/annotations/podmend.io~1original-image'
const change = (words: Partial<PlacedChange> = {}): PlacedChange => ({
  container: 'app',
  init: false,
  from: 'r.io/old/app:1',
  to: 'r.io/new/app:1',
  was: 'r.io/old/app:1',
  pointer: '/spec/template/spec/containers/0',
  ...words,
})
const plan = (annotations: Record<string, string>, changes = [change()]): RewriteImagePlan => ({
  type: 'RewriteImage',
  index: 0,
  hash: '',
  diff: '',
  timeoutMs: 0,
  target: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'app', uid: 'u1' },
  resourceVersion: '5',
  annotations,
  changes,
  thenDelete: [],
  thenPatch: [],
})
const noted = (annotations: Record<string, string>, changes?: PlacedChange[]) =>
  imagePatch(plan(annotations, changes), { resourceVersion: '5', annotations }).filter(
    ({ path }) => path.startsWith('/metadata/') && path !== '/metadata/uid',
  )

test('the patch tests uid, names and old images before it replaces anything', () => {
  const patch = imagePatch(plan({ a: 'b' }), { resourceVersion: '5', annotations: { a: 'b' } })
  expect(patch).toEqual([
    { op: 'test', path: '/metadata/uid', value: 'u1' },
    { op: 'test', path: '/spec/template/spec/containers/0/name', value: 'app' },
    { op: 'test', path: '/spec/template/spec/containers/0/image', value: 'r.io/old/app:1' },
    { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'r.io/new/app:1' },
    { op: 'add', path: NOTE, value: '{"app":"r.io/old/app:1"}' },
  ])
})

describe('the undo annotation', () => {
  test('joins other annotations', () => {
    expect(noted({ a: 'b' })).toEqual([{ op: 'add', path: NOTE, value: '{"app":"r.io/old/app:1"}' }])
  })
  test('is added to an object without any only in the version that has none', () => {
    expect(noted({})).toEqual([
      { op: 'test', path: '/metadata/resourceVersion', value: '5' },
      { op: 'add', path: '/metadata/annotations', value: { 'podmend.io/original-image': '{"app":"r.io/old/app:1"}' } },
    ])
  })
  test('is guarded by what it held', () => {
    const text = '{"other":"r.io/x:1"}'
    expect(noted({ 'podmend.io/original-image': text })).toEqual([
      { op: 'test', path: NOTE, value: text },
      { op: 'add', path: NOTE, value: '{"other":"r.io/x:1","app":"r.io/old/app:1"}' },
    ])
  })
  test('goes with its last original', () => {
    const text = '{"app":"r.io/new/app:1"}'
    expect(noted({ 'podmend.io/original-image': text })).toEqual([
      { op: 'test', path: NOTE, value: text },
      { op: 'remove', path: NOTE },
    ])
  })

  const REVERTED = NOTE.replace('original', 'reverted')
  const undone = [change({ was: 'r.io/new/app:1', to: 'r.io/old/app:1' })]
  const byPerson = (annotations: Record<string, string>) =>
    imagePatch({ ...plan(annotations, undone), stays: true }, { resourceVersion: '5', annotations }).filter(
      ({ path }) => path.startsWith('/metadata/') && path !== '/metadata/uid',
    )
  test('makes way for another where a person reverts, which names the image that stays', () => {
    const original = '{"app":"r.io/old/app:1"}'
    expect(byPerson({ 'podmend.io/original-image': original })).toEqual([
      { op: 'test', path: NOTE, value: original },
      { op: 'remove', path: NOTE },
      { op: 'add', path: REVERTED, value: original },
    ])
    const text = '{"b":"r.io/b:1"}'
    expect(byPerson({ 'podmend.io/reverted-image': text }).slice(-2)).toEqual([
      { op: 'test', path: REVERTED, value: text },
      { op: 'add', path: REVERTED, value: '{"b":"r.io/b:1","app":"r.io/old/app:1"}' },
    ])
  })
  test('takes its place again when the image is rewritten all the same', () => {
    const text = '{"app":"r.io/old/app:1"}'
    expect(noted({ 'podmend.io/reverted-image': text })).toEqual([
      { op: 'add', path: NOTE, value: text },
      { op: 'test', path: REVERTED, value: text },
      { op: 'remove', path: REVERTED },
    ])
  })
  test('is all that an undo by podmend itself removes: no person wants the image', () => {
    expect(noted({ 'podmend.io/original-image': '{"app":"r.io/old/app:1"}' }, undone)).toEqual([
      { op: 'test', path: NOTE, value: '{"app":"r.io/old/app:1"}' },
      { op: 'remove', path: NOTE },
    ])
  })

  const rows: Readonly<Record<string, readonly [before: object, change: PlacedChange, after: object]>> = {
    'a first rewrite keeps what was': [{}, change(), { app: 'r.io/old/app:1' }],
    'a second rewrite keeps the first original': [{ app: 'first' }, change(), { app: 'first' }],
    'an undo takes its entry away': [{ app: 'r.io/new/app:1', b: 'x' }, change(), { b: 'x' }],
    'a container by the name of a property of every object': [
      {},
      change({ container: 'constructor' }),
      { constructor: 'r.io/old/app:1' },
    ],
  }
  test.each(Object.entries(rows))('%s', (_, [before, one, after]) => {
    expect(originalsAfter(before as Record<string, string>, [one])).toEqual(after)
  })

  test.each(['', 'nonsense', '[]', 'null', '"text"', '{"app":7}'])('that reads %j counts as empty', (text) => {
    expect(readOriginals({ 'podmend.io/original-image': text })).toEqual({})
  })
})

describe('what stands in an object', () => {
  const object = (name: string, image: string) => ({ spec: { template: { spec: { containers: [{ name, image }] } } } })
  const rows: Readonly<Record<string, readonly [object: unknown, was: boolean, to: boolean]>> = {
    'as it was': [object('app', 'r.io/old/app:1'), true, false],
    'as it shall be': [object('app', 'r.io/new/app:1'), false, true],
    'another image': [object('app', 'x'), false, false],
    'another container in its place': [object('injected', 'r.io/old/app:1'), false, false],
    'no containers': [{ spec: {} }, false, false],
    nothing: [undefined, false, false],
  }
  test.each(Object.entries(rows))('%s', (_, [one, was, to]) => {
    expect([hasImages(one, [change()], 'was'), hasImages(one, [change()], 'to')]).toEqual([was, to])
  })

  test('a container that admission put in front does not count as altered', () => {
    const spec = {
      containers: [
        { name: 'injected', image: 'x' },
        { name: 'app', image: 'r.io/new/app:1' },
      ],
    }
    expect(changedByAdmission({ spec: { template: { spec } } }, [change()])).toBeUndefined()
  })
  test('an image that came back otherwise is told', () => {
    expect(changedByAdmission(object('app', 'mirror/app:1'), [change()])).toBe(
      'a dry run shows that admission changes what is written: container app came back with image "mirror/app:1" for "r.io/new/app:1"',
    )
  })
})
