/** What is decided on pods of Jobs, and of ReplicaSets of their own. */
import { describe, expect, test } from 'vitest'
import { known, unknown } from '../model/incident.ts'
import type { Owner } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import type { RewriteImagePlan } from '../remedies/rewrite-image/plan.ts'
import { decide } from './decide.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
  anOwner,
  aPod,
  aPolicy,
  aRecord,
  aStep,
  at,
  BROKEN,
  type InputOverrides,
  intendedBy,
  NOW,
  PATCHED,
  type PodOverrides,
  pulling,
  recycling,
  running,
} from './testing.ts'

const ofPod = (container: string) => ({ containers: [{ name: 'coredns', image: container }] })
const cronJob = anOwner({ kind: 'CronJob', patchesPods: true, recreatesPods: false })
const patchedCronJob = { ...cronJob, ...ofPod(PATCHED) }
const job = anOwner({ kind: 'Job', patchesPods: true, recreatesPods: false, templateFixed: true })

const stuck = (name: string, words: PodOverrides = {}) => aPod({ name, ...words })
const mended = (name: string, words: PodOverrides = {}) =>
  aPod({ name, ...ofPod(PATCHED), statuses: [running(-40_000)], ...words })
const ended = (exitCode: number) => [{ name: 'coredns', state: { terminated: { exitCode } } }]

/** With these pods of the owner, of which the first fails. */
const failing = (owner: InputOverrides['owner'], pods: readonly Pod[] | undefined, words: InputOverrides = {}) =>
  decide(
    aCase({
      ...(owner && { owner }),
      pods: [aFailingPod({ name: 'a' })],
      facts: { pods: pods && known(pods) },
      ...words,
    }),
  )

const planOf = (verdict: ReturnType<typeof decide>) =>
  verdict.kind === 'Act' && verdict.plan.type === 'RewriteImage' ? (verdict.plan as RewriteImagePlan) : undefined

const edited = (verdict: ReturnType<typeof decide>) => planOf(verdict)?.thenPatch.map(({ target }) => target.name)

describe('planning', () => {
  test('of a CronJob its template is rewritten where it lies, and the pods that wait are given the image themselves', () => {
    const plan = planOf(failing(cronJob, [stuck('a')]))
    expect(plan?.changes).toMatchObject([{ pointer: '/spec/jobTemplate/spec/template/spec/containers/0', was: BROKEN }])
    expect(plan?.thenPatch).toMatchObject([
      {
        target: { kind: 'Pod', name: 'a', uid: 'uid-a' },
        changes: [{ pointer: '/spec/containers/0', was: BROKEN, to: PATCHED }],
      },
    ])
    expect(plan?.thenDelete).toEqual([])
    expect(plan?.diff).toContain('--- a/cronjob/kube-system/coredns')
    expect(plan?.diff).toContain('--- a/pod/kube-system/a')
  })

  test('of a Job only its pods are written to', () => {
    const plan = planOf(failing(job, [stuck('a')]))
    expect(plan?.podsOnly).toBe(true)
    expect(plan?.thenPatch).toHaveLength(1)
    expect(plan?.diff).not.toContain('a/job/')
  })

  test('its pods are asked for first, and where they cannot be seen nothing is done', () => {
    expect(failing(job, undefined)).toEqual({ kind: 'Ask', facts: [{ fact: 'pods' }] })
    expect(decide(aCase({ owner: job, facts: { pods: unknown('the right to list pods is missing') } }))).toMatchObject({
      kind: 'Hold',
      reason: 'FactUnknown',
    })
  })

  test.each<readonly [string, PodOverrides, boolean]>([
    ['has begun to wait, though nobody told', { statuses: [pulling()] }, true],
    ['of which the kubelet said nothing yet', { statuses: [] }, true],
    ['has no node yet', { node: null, statuses: [] }, true],
    ['runs with the image of before', { statuses: [running(-1)] }, false],
    ['ran once and starts again', { statuses: [{ ...pulling(), restartCount: 1 }] }, false],
    ['ended', { phase: 'Succeeded', statuses: ended(0) }, false],
    ['failed', { phase: 'Failed', statuses: ended(1) }, false],
    ['is going', { leaving: true }, false],
    ['has another image', ofPod('quay.io/other:1'), false],
    ['has the new image', ofPod(PATCHED), false],
  ])('beside a pod that fails, one that %s is written to: %s %s', (_, words, isWritten) => {
    expect(edited(failing(job, [stuck('a'), stuck('b', words)]))).toEqual(isWritten ? ['a', 'b'] : ['a'])
  })

  test('of thousands that wait the newest are let go first, and not all at once', () => {
    const pods = Array.from({ length: 200 }, (_, i) => {
      const pod = stuck(`p${i}`)
      return { ...pod, metadata: { ...pod.metadata, creationTimestamp: at(i) } }
    })
    const names = edited(failing(cronJob, pods)) ?? []
    expect(names).toHaveLength(64)
    expect(names.slice(0, 2)).toEqual(['p199', 'p198'])
  })

  test('which pods wait just then is no part of what is approved', () => {
    const hashes = [[stuck('a')], [stuck('a'), stuck('b')]].map((pods) => planOf(failing(cronJob, pods))?.hash)
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/)
    expect(hashes[1]).toBe(hashes[0])
  })

  test('a CronJob that was mended meanwhile keeps its template, and what waits since before gets what stands there', () => {
    const plan = planOf(failing(patchedCronJob, [stuck('a')]))
    expect(plan?.changes).toMatchObject([{ from: BROKEN, was: PATCHED, to: PATCHED }])
    expect(plan?.podsOnly).toBe(true)
    expect(edited(failing(patchedCronJob, [stuck('a')]))).toEqual(['a'])
  })

  test('who agreed to a write to the pods alone has not agreed to one to the template', () => {
    const [podsAlone, template] = [patchedCronJob, cronJob].map((owner) => planOf(failing(owner, [stuck('a')]))?.hash)
    expect(podsAlone).toMatch(/^[0-9a-f]{64}$/)
    expect(template).not.toBe(podsAlone)
  })

  test('one whose template was given another image is held', () => {
    const owner = { ...cronJob, ...ofPod('harbor.od.com/public/coredns:1.7') }
    expect(failing(owner, [stuck('a')])).toMatchObject({ kind: 'Hold', reason: 'TemplateDiffers' })
  })

  test('a pod of a Job is never deleted: that would count as a failure of the Job', () => {
    const verdict = failing(job, [stuck('a')], { policies: [aPolicy({ actions: [recycling()] })] })
    expect(verdict).toMatchObject({ kind: 'Hold', message: expect.stringContaining('counts as a failure of its Job') })
  })
})

const { apiVersion, kind, name, uid } = cronJob.ref
const pods = [{ name: 'a', uid: 'uid-a' }]
const named = { pods, target: { apiVersion, kind, name, uid } }
/** The CronJob had been fixed by hand: only the pod was patched. */
const podAlone = { pods }

describe('after a crash', () => {
  /** The intent was recorded for `first` while pod a was stuck. */
  const resumed = (first: Owner, owner: Owner, pods: readonly Pod[], words: InputOverrides = {}) => {
    const asDecided = aCase({ owner: first, pods: [aFailingPod({ name: 'a' })], facts: { pods: known([stuck('a')]) } })
    return failing(owner, pods, { records: [intendedBy(asDecided)], ...words })
  }

  test('between the template and the pods, only the pods are left to write to', () => {
    const verdict = resumed(cronJob, patchedCronJob, [stuck('a')])
    expect(verdict).toMatchObject({ kind: 'Act', resume: true, plan: { changes: [{ was: PATCHED, to: PATCHED }] } })
    expect(edited(verdict)).toEqual(['a'])
  })

  test('before anything, all of it is carried out', () => {
    const verdict = resumed(cronJob, cronJob, [stuck('a')])
    expect(verdict).toMatchObject({ kind: 'Act', resume: true, plan: { thenPatch: [{}] } })
    expect(resumed(job, job, [stuck('a')])).toMatchObject({ kind: 'Act', resume: true, plan: { podsOnly: true } })
  })

  test('after all of it, only the proof is left', () => {
    for (const [first, owner] of [
      [cronJob, patchedCronJob],
      [job, job],
    ] as const) {
      const verdict = resumed(first, owner, [mended('a')], { pods: [] })
      expect(verdict).toMatchObject({ kind: 'Verify', outcome: 'Succeeded' })
    }
  })

  test('a Job whose pods recovered before any was written to is let be', () => {
    const verdict = resumed(job, job, [stuck('a', { statuses: [running(-40_000)] })], { pods: [] })
    expect(verdict).toMatchObject({ kind: 'Verify', outcome: 'Withdrawn', message: expect.stringContaining('failing') })
  })

  test('a pod that a person gave its image back is not patched again, as its annotation tells', () => {
    const annotations = { 'podmend.io/original-image': JSON.stringify({ coredns: BROKEN }) }
    const verdict = resumed(job, job, [stuck('a', { annotations })])
    expect(verdict).toMatchObject({ kind: 'Verify', outcome: 'Cancelled', reason: 'EditReverted' })
  })

  test('between two pods, one that is stuck since is left to another attempt', () => {
    const pods = [aFailingPod({ name: 'b' })]
    const verdict = resumed(cronJob, patchedCronJob, [mended('a'), stuck('b')], { pods })
    expect(verdict).toMatchObject({ kind: 'Verify', outcome: 'Waiting', kept: {} })
  })
})

describe('the proof', () => {
  const verifying = (owner: InputOverrides['owner'], pods: readonly Pod[], words: InputOverrides = {}) =>
    failing(owner, pods, { pods: [], records: [aRecord({ steps: [aStep(named)] })], ...words })
  const late = { records: [aRecord({ steps: [aStep({ ...named, actedAt: at(-300_000) })] })] }

  test('it asks for the pods by name: a CronJob does not know those of a Job that ended', () => {
    const asked = decide(aCase({ owner: patchedCronJob, pods: [], records: [aRecord({ steps: [aStep(named)] })] }))
    expect(asked).toEqual({ kind: 'Ask', facts: [{ fact: 'pods', named: named.pods }] })
  })

  test.each<readonly [string, readonly Pod[], object]>([
    ['runs and stays so', [mended('a')], { outcome: 'Succeeded' }],
    ['ended well, however soon', [mended('a', { phase: 'Succeeded', statuses: ended(0) })], { outcome: 'Succeeded' }],
    ['just started', [mended('a', { statuses: [running(-1_000)] })], { outcome: 'Waiting' }],
    ['still waits', [mended('a', { statuses: [pulling()] })], { outcome: 'Waiting' }],
    ['failed', [mended('a', { phase: 'Failed', statuses: ended(1) })], { outcome: 'Waiting' }],
    ['runs beside one that was made since and waits', [mended('a'), stuck('b')], { outcome: 'Succeeded' }],
    ['is gone, and another is stuck', [stuck('b')], { outcome: 'Waiting' }],
    ['is gone with all others', [], { outcome: 'Waiting' }],
  ])('where the pod that was written to %s', (_, pods, expected) => {
    for (const owner of [patchedCronJob, job]) expect(verifying(owner, pods)).toMatchObject(expected)
  })

  test('a pod that started with the previous image before it could be patched does not count', () => {
    const pods = ['a', 'b'].map((name) => ({ name, uid: `uid-${name}` }))
    const started = stuck('b', { statuses: [running(-40_000)] })
    for (const owner of [patchedCronJob, job]) {
      const records = [aRecord({ steps: [aStep({ ...named, pods })] })]
      expect(verifying(owner, [mended('a'), started], { records })).toMatchObject({ outcome: 'Succeeded' })
    }
  })

  test('where its time is up, a pod that waits or failed is no success, and one that is gone proves nothing', () => {
    const waiting = mended('a', { statuses: [pulling()] })
    const failed = mended('a', { phase: 'Failed', statuses: ended(1) })
    for (const owner of [patchedCronJob, job]) {
      expect(verifying(owner, [waiting], late)).toMatchObject({ outcome: 'Ineffective' })
      expect(verifying(owner, [failed], late)).toMatchObject({ outcome: 'Ineffective' })
      expect(verifying(owner, [], late)).toMatchObject({ outcome: 'Cancelled', reason: 'OwnerGone' })
    }
  })

  test('a CronJob is proven too by a Job that was made since, or that completed since', () => {
    expect(verifying(patchedCronJob, [mended('b'), mended('c', { statuses: [running(-1)] })])).toMatchObject({
      outcome: 'Succeeded',
    })
    expect(verifying({ ...patchedCronJob, lastSuccessAt: NOW - 60_000 }, [])).toMatchObject({ outcome: 'Succeeded' })
    expect(verifying({ ...patchedCronJob, lastSuccessAt: NOW - 70_000 }, [])).toMatchObject({ outcome: 'Waiting' })
  })

  test('a container that ended well beside one that runs has done its part, where it is not started again', () => {
    const pod = mended('a', { statuses: ended(0), phase: 'Running' })
    expect(verifying(job, [{ ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } }])).toMatchObject({
      outcome: 'Succeeded',
    })
    expect(verifying(job, [{ ...pod, spec: { ...pod.spec, restartPolicy: 'Always' } }])).toMatchObject({
      outcome: 'Waiting',
    })
  })

  test('a pod of a Job that waits with the image of before was taken back', () => {
    expect(verifying(job, [stuck('a')])).toMatchObject({ outcome: 'Cancelled', reason: 'EditReverted' })
  })

  test('what did not help is taken back in the template, and in those pods that still wait', () => {
    const policies = [aPolicy({ onIneffective: 'Undo' })]
    const pods = [mended('a', { statuses: [pulling()] }), mended('b', { statuses: [pulling()] })]
    const undo = (owner: InputOverrides['owner']) => {
      const verdict = verifying(owner, pods, { ...late, policies })
      return verdict.kind === 'Verify' && verdict.next?.kind === 'Undo'
        ? (verdict.next.plan as RewriteImagePlan)
        : undefined
    }
    expect(undo(patchedCronJob)).toMatchObject({
      changes: [{ was: PATCHED, to: BROKEN }],
      thenPatch: [{ target: { name: 'a' }, changes: [{ was: PATCHED, to: BROKEN }] }],
    })
    expect(undo(patchedCronJob)?.thenPatch).toHaveLength(1)
    expect(undo(job)).toMatchObject({ podsOnly: true, thenPatch: [{ target: { name: 'a' } }] })
  })

  test('but the template stays as it is where somebody else had mended it', () => {
    const policies = [aPolicy({ onIneffective: 'Undo' })]
    const records = [aRecord({ steps: [aStep({ ...podAlone, actedAt: at(-300_000) })] })]
    const verdict = verifying(patchedCronJob, [mended('a', { statuses: [pulling()] })], { policies, records })
    expect(verdict).toMatchObject({ next: { plan: { podsOnly: true, thenPatch: [{ target: { name: 'a' } }] } } })
  })
})

describe('somebody took it back', () => {
  const done = [aRecord({ phase: 'Succeeded', steps: [aStep({ ...named, state: 'Succeeded' })] })]

  test('where a pod of a Job that was given the image fails with the one of before', () => {
    expect(failing(job, [stuck('a')], { records: done })).toMatchObject({ kind: 'Hold', reason: 'EditReverted' })
  })

  test('but not where it is a CronJob whose template somebody else had mended, and unmended since', () => {
    const records = [aRecord({ phase: 'Succeeded', steps: [aStep({ ...podAlone, state: 'Succeeded' })] })]
    const further = { records, pods: [aFailingPod({ name: 'b' })] }
    expect(failing(cronJob, [stuck('b')], further)).toMatchObject({ kind: 'Act' })
  })

  test('but not where it is a further pod of the Job: its template cannot but say so', () => {
    const pods = [aFailingPod({ name: 'b' })]
    expect(failing(job, [stuck('b')], { records: done, pods })).toMatchObject({ kind: 'Act' })
  })
})

describe('a ReplicaSet of its own', () => {
  const set = anOwner({ kind: 'ReplicaSet', keepsBrokenPods: true, keepsHealthyPods: true, replicas: 3 })
  const healthy = ['a', 'b'].map((name) => stuck(name, { statuses: [running(-90_000)] }))

  test('has its broken pods deleted, and its healthy ones of before left', () => {
    const pods = [aFailingPod({ name: 'c', findings: [aFinding()] })]
    expect(planOf(failing(set, [...healthy, stuck('c')], { pods }))?.thenDelete.map(({ name }) => name)).toEqual(['c'])
  })

  test('is proven by as many new pods as the healthy ones of before leave room for', () => {
    const words = { pods: [], records: [aRecord({ steps: [aStep()] })] }
    const owner = { ...set, ...ofPod(PATCHED) }
    expect(failing(owner, [...healthy, mended('c')], words)).toMatchObject({ outcome: 'Succeeded' })
    expect(failing(owner, healthy, words)).toMatchObject({ outcome: 'Waiting' })
    const { keepsHealthyPods: _, ...rolling } = owner
    expect(failing(rolling, [...healthy, mended('c')], words)).toMatchObject({ outcome: 'Waiting' })
  })
})

test.each([
  ['patched', cronJob],
  ['deleted', anOwner({ kind: 'StatefulSet', keepsBrokenPods: true, replicas: 2 })],
])('A waiting pod that is excluded is not %s with the others, though it is not known to fail', (_, owner) => {
  const annotations = { 'podmend.io/exclude': 'true' }
  const plan = planOf(failing(owner, [stuck('a'), stuck('b', { annotations })]))
  expect([...(plan?.thenDelete ?? []), ...(plan?.thenPatch ?? []).map(({ target }) => target)]).toMatchObject([
    { name: 'a' },
  ])
})
