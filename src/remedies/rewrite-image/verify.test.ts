import { describe, expect, test } from 'vitest'
import type { ImageChange, RemediationStep } from '../../api/remediation.ts'
import { aNodeCase } from '../../decide/testing-nodes.ts'
import {
  aCase,
  anOwner,
  aPod,
  aRecord,
  aStep,
  at,
  BROKEN,
  NOW,
  PATCHED,
  pulling,
  running,
} from '../../decide/testing.ts'
import { known, type Owner } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { RewriteImagePlan } from './plan.ts'
import { text } from './text.ts'
import { verify, wrotePodsOnly } from './verify.ts'

const change = (words: Partial<ImageChange> = {}): ImageChange => ({
  container: 'coredns',
  init: false,
  from: BROKEN,
  to: PATCHED,
  ...words,
})
const ref = (name: string) => ({ name, uid: `uid-${name}`, namespace: 'kube-system' })
const images = (image: string, proxy?: string) => [
  { name: 'coredns', image },
  ...(proxy === undefined ? [] : [{ name: 'proxy', image: proxy }]),
]
const cron = (words: Partial<Owner> = {}): Owner =>
  anOwner({ kind: 'CronJob', patchesPods: true, containers: images(PATCHED), ...words })
const job = (words: Partial<Owner> = {}): Owner =>
  anOwner({ kind: 'Job', patchesPods: true, templateFixed: true, containers: images(BROKEN), ...words })
const podWith = (image: string, name: string, words: Parameters<typeof aPod>[0] = {}): Pod =>
  aPod({ name, containers: images(image), statuses: [running(-40_000)], ...words })
const waits = { statuses: [pulling()] }

const progress = (owner: Owner, pods: readonly Pod[], step: Partial<RemediationStep> = {}) =>
  verify(aCase({ owner, facts: { pods: known(pods) } }), {
    record: aRecord(),
    step: { ...aStep({ changes: [change()], pods: [ref('a'), ref('b')], target: owner.ref }), ...step },
  })

describe('a rewrite is verified', () => {
  test('on no node', () => {
    expect(verify(aNodeCase(), { record: aRecord(), step: aStep() })).toMatchObject({
      outcome: 'Cancelled',
      reason: 'TemplateDiffers',
    })
  })

  test('by the template first: who took it back, and what is there instead', () => {
    const there = (containers: Owner['containers']) => progress(anOwner({ containers }), [])
    const message = `someone changed coredns of Deployment kube-system/coredns from ${PATCHED} to`
    expect(there(images(BROKEN))).toEqual({
      outcome: 'Cancelled',
      reason: 'EditReverted',
      message: `${message} ${BROKEN}`,
    })
    expect(there([])).toEqual({ outcome: 'Cancelled', reason: 'EditReverted', message: `${message} nothing` })
  })

  test('of a template, not by what one of its pods still has', () => {
    expect(progress(cron(), [podWith(BROKEN, 'a', waits), podWith(PATCHED, 'b')])).toEqual({
      lacks: 'pod a does not have the new image',
    })
  })
})

describe('a rewrite of pods alone', () => {
  const two = [change(), change({ container: 'proxy' })]

  test('was taken back where a named pod waits with the image from before', () => {
    expect(progress(job(), [podWith(PATCHED, 'b'), podWith(BROKEN, 'a', waits)])).toEqual({
      outcome: 'Cancelled',
      reason: 'EditReverted',
      message: 'someone reverted pod a of Job kube-system/coredns',
    })
    const half = aPod({
      name: 'a',
      containers: images(PATCHED, BROKEN),
      statuses: [running(-40_000), pulling('proxy')],
    })
    expect(progress(job(), [half], { changes: two })).toMatchObject({ reason: 'EditReverted' })
  })

  test('was not where that pod is another, is leaving, or runs', () => {
    const good = podWith(PATCHED, 'b')
    for (const other of [
      podWith(BROKEN, 'stranger', waits),
      podWith(BROKEN, 'a', { ...waits, leaving: true }),
      podWith(BROKEN, 'a'),
    ]) {
      expect(progress(job(), [other, good])).toMatchObject({ since: NOW - 40_000 })
    }
  })

  test('is one of a Job, or of a CronJob whose step names no target', () => {
    const { target: _, ...step } = aStep({ changes: [change()] })
    expect(wrotePodsOnly(job(), aStep({ target: job().ref }))).toBe(true)
    expect(wrotePodsOnly(cron(), aStep({ target: cron().ref }))).toBe(false)
    expect(wrotePodsOnly(cron(), step)).toBe(true)
    expect(wrotePodsOnly(anOwner(), step)).toBe(false)
    expect(wrotePodsOnly(job(), aStep({ changes: undefined }))).toBe(false)
  })
})

describe('the patched pods of Jobs', () => {
  test('have to run it, each of them', () => {
    expect(
      progress(cron(), [podWith(PATCHED, 'a'), podWith(PATCHED, 'b', { statuses: [running(-20_000)] })]),
    ).toMatchObject({
      since: NOW - 20_000,
    })
    expect(progress(cron(), [podWith(PATCHED, 'a'), podWith(PATCHED, 'b', waits)])).toEqual({
      lacks: 'coredns of pod b: ImagePullBackOff',
    })
  })

  test('lack it where one failed', () => {
    const failed = podWith(PATCHED, 'b', { phase: 'Failed' })
    expect(progress(cron(), [podWith(PATCHED, 'a'), failed])).toEqual({ lacks: 'pod b failed' })
  })

  test('have to run those containers alone that have the new image', () => {
    const changes = [change(), change({ container: 'proxy' })]
    const pod = aPod({
      name: 'a',
      containers: images(PATCHED, 'x/proxy:1'),
      statuses: [running(-40_000), pulling('proxy')],
    })
    const owner = cron({ containers: images(PATCHED, PATCHED) })
    expect(progress(owner, [pod], { changes })).toMatchObject({ since: NOW - 40_000 })
  })

  test('prove nothing where they had started before: others of the owner then count', () => {
    const before = podWith(BROKEN, 'a')
    expect(progress(cron(), [before])).toEqual({ lacks: 'pod a does not have the new image' })
    expect(progress(cron(), [before, podWith(PATCHED, 'next')])).toMatchObject({ since: NOW - 40_000 })
    const changes = [change(), change({ container: 'proxy' })]
    const half = aPod({
      name: 'a',
      containers: images(BROKEN, PATCHED),
      statuses: [running(-40_000), running(-30_000, 'proxy')],
    })
    const owner = cron({ containers: images(PATCHED, PATCHED) })
    expect(progress(owner, [half], { changes })).toMatchObject({ since: NOW - 30_000 })
  })

  test('that are gone leave it to the newer ones: the earliest start counts, and only with all images', () => {
    const newer = [podWith(PATCHED, 'c', { statuses: [running(-10_000)] }), podWith(PATCHED, 'd', waits)]
    expect(progress(cron(), newer)).toMatchObject({ since: NOW - 10_000 })
    expect(progress(cron(), newer.slice(1))).toEqual({ lacks: 'coredns of pod d: ImagePullBackOff' })
    expect(progress(cron(), [podWith(PATCHED, 'c', { leaving: true })])).toMatchObject({
      lacks: expect.stringMatching(/^no pod/),
    })
    const changes = [change(), change({ container: 'proxy' })]
    const half = aPod({
      name: 'c',
      containers: images(PATCHED, BROKEN),
      statuses: [running(-1_000), running(-1_000, 'proxy')],
    })
    const owner = cron({ containers: images(PATCHED, PATCHED) })
    expect(progress(owner, [half], { changes })).toEqual({ lacks: 'pod c does not have the new image' })
  })

  test('that are all gone leave it to the next Job of a CronJob', () => {
    const next = 'no pod of CronJob kube-system/coredns is left to verify it; the next Job starts with the new image'
    expect(progress(cron(), [])).toEqual({
      lacks: next,
      atDeadline: { outcome: 'Cancelled', reason: 'OwnerGone', message: next },
    })
    expect(progress(job(), [])).toMatchObject({ lacks: 'no pod of Job kube-system/coredns is left to verify it' })
  })

  test('that completed since the write verify it, to the second in which it was written', () => {
    const at0 = { actedAt: at(-60_000 + 900) }
    expect(progress(cron({ lastSuccessAt: NOW - 60_000 }), [], at0)).toMatchObject({ since: Number.NEGATIVE_INFINITY })
    expect(progress(cron({ lastSuccessAt: NOW - 61_000 }), [], at0)).toHaveProperty('lacks')
    const { actedAt: _, ...unacted } = aStep({ changes: [change()], pods: [ref('a')], target: cron().ref })
    const of = (lastSuccessAt: number, step: RemediationStep) =>
      verify(aCase({ owner: cron({ lastSuccessAt }), facts: { pods: known([]) } }), { record: aRecord(), step })
    expect(of(NOW - 61_000, unacted)).toMatchObject({ since: Number.NEGATIVE_INFINITY })
    const { intendedAt: _at, ...untimed } = unacted
    expect(of(NOW, untimed)).toHaveProperty('lacks')
  })
})

describe('in a sentence', () => {
  const edit = { target: ref('a'), resourceVersion: '1', annotations: {}, changes: [] }
  const plan = (words: object): string =>
    text.plan({
      target: { apiVersion: 'batch/v1', kind: 'CronJob', namespace: 'shop', name: 'web', uid: 'u' },
      changes: [change()],
      thenDelete: [],
      thenPatch: [],
      ...words,
    } as unknown as RewriteImagePlan)
  const images = `coredns from ${BROKEN} to ${PATCHED}`

  test('a plan names the template, the pods, or both, and what is deleted then', () => {
    expect(plan({})).toBe(`rewrite the image of CronJob shop/web: ${images}`)
    expect(plan({ thenPatch: [edit] })).toBe(`rewrite the image of CronJob shop/web and of 1 stuck pod(s): ${images}`)
    expect(plan({ thenPatch: [edit], podsOnly: true })).toBe(
      `rewrite the image of 1 stuck pod(s) of CronJob shop/web: ${images}`,
    )
    expect(plan({ thenDelete: [ref('a')] })).toBe(
      `rewrite the image of CronJob shop/web: ${images}, then delete 1 broken pod(s)`,
    )
  })

  test('a done step names where the images were written', () => {
    const done = (kind: string, pods: RemediationStep['pods']) => text.done(aStep({ pods }), { kind, name: 'shop/web' })
    const image = `Rewrote image of container ${images} in`
    expect(done('CronJob', [])).toBe(`${image} CronJob shop/web`)
    expect(done('CronJob', [ref('a')])).toBe(`${image} CronJob shop/web and pod kube-system/a`)
    expect(done('Job', [ref('a')])).toBe(`${image} pod kube-system/a of Job shop/web`)
    expect(done('StatefulSet', [ref('a')])).toBe(`${image} StatefulSet shop/web`)
  })
})
