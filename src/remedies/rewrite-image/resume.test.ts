import { describe, expect, test } from 'vitest'
import type { Remediation } from '../../api/kinds.ts'
import type { ImageChange, RemediationStep } from '../../api/remediation.ts'
import { aNodeCase } from '../../decide/testing-nodes.ts'
import {
  aCase,
  aFailingPod,
  anOwner,
  aPod,
  aRecord,
  aStep,
  at,
  BROKEN,
  type InputOverrides,
  intendedBy,
  NOW,
  PATCHED,
  wrote,
} from '../../decide/testing.ts'
import { known, unknown } from '../../model/incident.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { type RewriteImagePlan, rewriteImagePlan } from './plan.ts'
import { resume, resumeUndo, undoPlan } from './resume.ts'

const ORIGINAL = 'podmend.io/original-image'
const OTHER = 'harbor.od.com/k8s/other:2'

const change = (words: Partial<ImageChange> = {}): ImageChange => ({
  container: 'coredns',
  init: false,
  from: BROKEN,
  to: PATCHED,
  ...words,
})
const podRef = (name: string) => ({ name, uid: `uid-${name}`, namespace: 'kube-system' })

const begun = (words: Partial<RemediationStep> = {}, record: Remediation = aRecord()): InProgress => ({
  record,
  step: { ...aStep({ state: 'Intended', actedAt: undefined, target: anOwner().ref, changes: [change()] }), ...words },
})

const containers = (image: string) => [{ name: 'coredns', image }]
const original = (image: string) => ({ [ORIGINAL]: JSON.stringify({ coredns: image }) })
const having = (image: string, words: Parameters<typeof anOwner>[0] = {}) =>
  anOwner({ containers: containers(image), ...words })
const podWith = (image: string, words: Parameters<typeof aPod>[0] = {}) =>
  aPod({ containers: containers(image), ...words })
const cron = { kind: 'CronJob', patchesPods: true as const }
const set = { kind: 'StatefulSet', keepsBrokenPods: true }

const left = (words: InputOverrides, step: Partial<RemediationStep> = {}) => resume(aCase(words), begun(step))

describe('what is left of a rewrite', () => {
  test('is nothing on a node: it is not seen', () => {
    expect(resume(aNodeCase(), begun())).toEqual({ unseen: 'the node fails, not an image' })
  })

  test.each<readonly [string, Parameters<typeof anOwner>[0]]>([
    ['a StatefulSet', set],
    ['a CronJob', cron],
  ])('needs the pods of %s', (_, kind) => {
    const owner = having(PATCHED, kind)
    expect(left({ owner }, { pods: [podRef('a')] })).toEqual({ ask: [{ fact: 'pods', named: [podRef('a')] }] })
    expect(left({ owner, facts: { pods: unknown('403') } })).toEqual({ unseen: '403' })
  })

  test('needs no pods of a Deployment, read or not', () => {
    expect(left({ owner: having(PATCHED) })).toMatchObject({ written: true, complete: true })
    expect(left({ owner: having(PATCHED), facts: { pods: unknown('403') } })).toMatchObject({ complete: true })
  })

  test('is all of it while the template has the image from before', () => {
    expect(left({})).toMatchObject({ written: false, complete: false })
    const two = [change(), change({ container: 'other', from: OTHER })]
    const owner = anOwner({ containers: [...containers(PATCHED), { name: 'other', image: OTHER }] })
    expect(left({ owner }, { changes: two })).toMatchObject({ written: false })
  })

  test('ends where someone wrote something else: that it was not written is said', () => {
    const owner = having('x/y:1', { managedFields: [wrote('helm', -60_000)] })
    expect(left({ owner })).toEqual({
      kind: 'Verify',
      outcome: 'Cancelled',
      reason: 'TemplateDiffers',
      message: `started but not written: helm at ${at(-60_000)} changed coredns of Deployment kube-system/coredns in the meantime`,
      requeueAt: NOW,
    })
    expect(left({ owner: anOwner({ containers: [] }) })).toMatchObject({ reason: 'TemplateDiffers' })
  })

  test('ends where someone put it back: that it was written is said', () => {
    const owner = anOwner({ managedFields: [wrote('kubectl-edit', -30_000)] })
    const record = intendedBy(aCase())
    expect(resume(aCase({ owner }), begun({}, record))).toMatchObject({
      reason: 'EditReverted',
      message: `kubectl-edit at ${at(-30_000)} changed coredns of Deployment kube-system/coredns back after it was written`,
    })
  })

  test('is what it was before an annotation of another image, where the times say nothing', () => {
    const annotated = (image: string) => left({ owner: anOwner({ annotations: original(image) }) })
    expect(annotated(BROKEN)).toMatchObject({ reason: 'EditReverted' })
    expect(annotated('x/y:1')).toMatchObject({ written: false })
  })
})

describe('a rewrite of pods alone', () => {
  const owner = anOwner({
    ...cron,
    templateFixed: true,
    containers: [...containers(PATCHED), { name: 'other', image: PATCHED }],
  })
  const pods = [podRef('a'), podRef('b')]
  const of = (...seen: readonly ReturnType<typeof aPod>[]) =>
    left(
      { owner, pods: [], facts: { pods: known(seen) } },
      { pods, changes: [change(), change({ container: 'other', from: OTHER, to: PATCHED })] },
    )

  test('is written once one of its pods has one of the images', () => {
    expect(of(podWith(BROKEN, { name: 'a' }), podWith(PATCHED, { name: 'b' }))).toMatchObject({ written: true })
    expect(of(podWith(PATCHED, { name: 'stranger' }))).toMatchObject({ written: false })
    expect(of(podWith(BROKEN, { name: 'a' }))).toMatchObject({ written: false })
    expect(of(aPod({ name: 'a', containers: [] }))).toMatchObject({ written: false })
  })

  test('was put back where a pod has the annotation and the image from before again', () => {
    const annotations = original(BROKEN)
    expect(of(podWith(PATCHED, { name: 'b' }), podWith(BROKEN, { name: 'a', annotations }))).toEqual({
      kind: 'Verify',
      outcome: 'Cancelled',
      reason: 'EditReverted',
      message: 'someone changed pod a of CronJob kube-system/coredns back after it was written',
      requeueAt: NOW,
    })
    expect(of(podWith(BROKEN, { name: 'stranger', annotations }))).toMatchObject({ written: false })
    expect(of(podWith(BROKEN, { name: 'a', annotations: original('x/y:1') }))).toMatchObject({ written: false })
  })

  test('of a pod that has the annotation still, beside a template that was written, was not put back', () => {
    const marked = podWith(BROKEN, { name: 'a', annotations: original(BROKEN) })
    const seen = { owner: having(PATCHED, cron), facts: { pods: known([marked]) } }
    expect(left(seen, { pods })).toMatchObject({ written: true, complete: false })
  })
})

describe('a template that was written', () => {
  const broken = podWith(BROKEN, { name: 'a' })
  const written = (owner: ReturnType<typeof anOwner>, step: Partial<RemediationStep> = {}, pods = [broken]) => {
    const c = aCase({ owner, pods: [aFailingPod({ name: 'a' })], facts: { pods: known(pods) } })
    const result = resume(c, begun({ pods: [podRef('a')], ...step }))
    if (typeof result === 'string' || !('rest' in result)) throw new Error('nothing is left')
    return result
  }

  test('is complete once no pod is left to delete', () => {
    expect(written(having(PATCHED, set)).complete).toBe(false)
    expect(written(having(PATCHED, set), {}, [podWith(PATCHED, { name: 'a' })]).complete).toBe(true)
  })

  test('is complete once no pod is left to patch or to delete: neither makes up for the other', () => {
    const both = having(PATCHED, { ...set, patchesPods: true })
    expect(written(both).complete).toBe(false)
  })

  test('is decided on as before it was written: each image back in its own container, no other touched', () => {
    const change2 = change({ container: 'init', init: true, from: OTHER })
    const owner = having(PATCHED, {
      ...set,
      containers: [...containers(PATCHED), { name: 'init', image: 'sidecar:1' }],
      initContainers: [
        { name: 'init', image: PATCHED },
        { name: 'coredns', image: 'prepare:1' },
      ],
    })
    expect(written(owner, { changes: [change(), change2] }).before?.incident.owner).toMatchObject({
      containers: [{ image: BROKEN }, { image: 'sidecar:1' }],
      initContainers: [{ image: OTHER }, { image: 'prepare:1' }],
    })
  })

  test('is decided on without the annotation that was written with it; one of an earlier rewrite stays', () => {
    const before = (annotations: Record<string, string>) =>
      written(having(PATCHED, { ...set, annotations })).before?.incident.owner.annotations
    expect(before({ ...original(BROKEN), team: 'dns' })).toEqual({ team: 'dns' })
    expect(before({ ...original('x/y:1'), team: 'dns' })).toEqual({ ...original('x/y:1'), team: 'dns' })
    expect(before({ team: 'dns' })).toMatchObject({ team: 'dns' })
  })

  describe('leaves', () => {
    const owner = having(PATCHED, set)
    const ref = (name: string) => ({ namespace: 'kube-system', name, uid: `uid-${name}`, resourceVersion: '7' })
    const placed = (one: ImageChange) => ({ ...one, pointer: '', was: one.to })
    const today = (words: Partial<RewriteImagePlan> = {}, changes = [change()]): RewriteImagePlan => ({
      ...rewriteImagePlan(owner, { index: 2, generation: 1, timeoutMs: 7 }, changes.map(placed), {
        thenDelete: [ref('a')],
      }),
      ...words,
    })
    const patch = (name: string) => ({
      target: { apiVersion: 'v1', kind: 'Pod', name, uid: `uid-${name}` },
      resourceVersion: '7',
      annotations: {},
      changes: [placed(change())],
    })
    const rest = (plan: RewriteImagePlan, changes = [change()]) => {
      const images = changes.map(({ container, to }) => ({ name: container, image: to }))
      return written(having(PATCHED, { ...set, containers: images }), { changes }).rest(plan)
    }

    test('what today’s plan has of it, under the recorded hash', () => {
      expect(rest(today())).toMatchObject({
        index: 2,
        timeoutMs: 7,
        hash: 'plan-1',
        thenDelete: [{ name: 'a' }],
        changes: [{ was: PATCHED }],
      })
      expect(rest(today())).not.toHaveProperty('podsOnly')
      expect(rest(today({ podsOnly: true }))).toHaveProperty('podsOnly', true)
    })

    test('no pod that the record does not name, and nothing where no pod is left', () => {
      expect(rest(today({ thenDelete: [ref('a'), ref('b')] }))?.thenDelete).toEqual([ref('a')])
      expect(rest(today({ thenDelete: [], thenPatch: [patch('a'), patch('b')] }))?.thenPatch).toEqual([patch('a')])
      expect(rest(today({ thenDelete: [ref('a')], thenPatch: [patch('a')] }))).toBeDefined()
      expect(rest(today({ thenDelete: [ref('b')] }))).toBeUndefined()
      expect(rest(today({ thenDelete: [] }))).toBeUndefined()
    })

    test.each<readonly [string, readonly ImageChange[]]>([
      ['fewer changes', []],
      ['more changes', [change(), change({ container: 'other' })]],
      ['another container', [change({ container: 'other' })]],
      ['an init container', [change({ init: true })]],
      ['another image before', [change({ from: OTHER })]],
      ['another image after', [change({ to: OTHER })]],
    ])('nothing of a plan with %s', (_, changes) => {
      expect(rest(today({}, [...changes]))).toBeUndefined()
    })

    test('what a plan has of several changes, in any order, if all are the same', () => {
      const two = [change(), change({ container: 'other', from: OTHER })]
      expect(rest(today({}, two.toReversed()), two)).toBeDefined()
      expect(rest(today({}, [two[0]!, change({ container: 'third', from: OTHER })]), two)).toBeUndefined()
    })
  })
})

describe('an undo', () => {
  const step = { kind: 'Undo' as const, changes: [change({ from: PATCHED, to: BROKEN })], pods: [podRef('a')] }
  const waiting = podWith(PATCHED, { name: 'a' })

  test('puts back what the template still names, at once', () => {
    const two = [change(), change({ container: 'gone' })]
    const plan = undoPlan(aCase({ owner: having(PATCHED) }), begun({ changes: two, index: 3 }))
    expect(plan).toMatchObject({ index: 3, timeoutMs: 0, thenPatch: [], thenDelete: [] })
    expect(plan.changes).toEqual([
      {
        container: 'coredns',
        init: false,
        from: PATCHED,
        to: BROKEN,
        pointer: '/spec/template/spec/containers/0',
        was: PATCHED,
      },
    ])
    expect(plan).not.toHaveProperty('podsOnly')
  })

  test('puts back the pods of Jobs that still wait', () => {
    const owner = having(PATCHED, cron)
    const plan = undoPlan(aCase({ owner, facts: { pods: known([waiting]) } }), begun({ pods: [podRef('a')] }))
    expect(plan.thenPatch).toMatchObject([{ target: { name: 'a' } }])
    const deployed = undoPlan(
      aCase({ owner: having(PATCHED), facts: { pods: known([waiting]) } }),
      begun({ pods: [podRef('a')] }),
    )
    expect(deployed.thenPatch).toEqual([])
    expect(undoPlan(aCase({ owner, facts: { pods: unknown('403') } }), begun()).thenPatch).toEqual([])
    expect(undoPlan(aCase({ owner }), begun()).thenPatch).toEqual([])
  })

  const resumed = (words: InputOverrides) => resumeUndo(aCase(words), begun(step))

  test('that was begun goes on under its hash, and is complete once it is written', () => {
    expect(resumed({ owner: having(PATCHED) })).toMatchObject({
      complete: false,
      plan: { hash: 'plan-1', timeoutMs: 0 },
    })
    expect(resumed({ owner: having(BROKEN) })).toMatchObject({ complete: true })
  })

  test('that was begun needs the pods of Jobs, and of nothing else', () => {
    const owner = having(BROKEN, cron)
    expect(resumed({ owner })).toEqual({ ask: [{ fact: 'pods', named: [podRef('a')] }] })
    expect(resumed({ owner, facts: { pods: unknown('403') } })).toEqual({ unseen: '403' })
    expect(resumed({ owner, facts: { pods: known([waiting]) } })).toMatchObject({ complete: false })
    expect(resumed({ owner: having(BROKEN), facts: { pods: unknown('403') } })).toMatchObject({ complete: true })
  })

  test('that was begun ends where someone wrote something else', () => {
    expect(resumed({ owner: having('x/y:1') })).toMatchObject({ kind: 'Verify', reason: 'TemplateDiffers' })
  })
})
