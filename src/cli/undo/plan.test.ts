import { describe, expect, test } from 'vitest'
import type { Remediation } from '../../api/kinds.ts'
import type { RemediationStep } from '../../api/remediation.ts'
import { ownerOfCronJob, ownerOfJob, ownerOfWorkload } from '../../diagnose/owner/owner.ts'
import type { Owner } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { planUndo, podsWrittenBy } from './plan.ts'

const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'u' }
const MARK = { 'podmend.io/original-image': '{"web":"a.io/old/web:1","side":"a.io/old/side:1"}' }

const owner = (
  containers: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>> = MARK,
): Owner =>
  ownerOfWorkload(ref, {
    metadata: { name: 'web', uid: 'u', resourceVersion: '7', annotations },
    spec: { template: { spec: { containers: Object.entries(containers).map(([name, image]) => ({ name, image })) } } },
  })

const step = (from: string, to: string, more: Partial<RemediationStep> = {}): RemediationStep => ({
  index: 0,
  attempt: 1,
  action: 'RewriteImage',
  state: 'Succeeded',
  changes: [{ container: 'web', init: false, from, to }],
  planHash: 'h',
  ...more,
})

const record = (steps: readonly RemediationStep[]): Remediation => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'Remediation',
  metadata: { name: 'web-image-1', namespace: 'shop', uid: 'r', resourceVersion: '1' },
  spec: { policy: { name: 'p', uid: 'p', generation: 3 }, cause: 'ProjectNotFound', target: ref, templateHash: 't' },
  status: { phase: 'Succeeded', reason: 'Repaired', steps: [...steps] },
})

const moved = step('a.io/old/web:1', 'a.io/new/web:1')

describe('what is put back', () => {
  test('is the image from before, at its place, guarded by what stands there', () => {
    const undo = planUndo(record([moved]), owner({ side: 'x', web: 'a.io/new/web:1' }))
    if (undo.kind !== 'Undo') throw new Error(undo.why)
    expect(undo.plan.changes).toEqual([
      {
        container: 'web',
        init: false,
        from: 'a.io/new/web:1',
        to: 'a.io/old/web:1',
        pointer: '/spec/template/spec/containers/1',
        was: 'a.io/new/web:1',
      },
    ])
    expect(undo.plan.resourceVersion).toBe('7')
  })

  test('is the first image of all where several were tried', () => {
    const steps = [{ ...moved, state: 'Ineffective' as const }, step('a.io/new/web:1', 'a.io/newer/web:1')]
    const undo = planUndo(record(steps), owner({ web: 'a.io/newer/web:1' }))
    expect(undo).toMatchObject({
      kind: 'Undo',
      plan: { changes: [{ from: 'a.io/newer/web:1', to: 'a.io/old/web:1' }] },
    })
  })
})

test.each<readonly [string, readonly RemediationStep[], Owner, string, RegExp]>([
  [
    'nothing was written',
    [step('a', 'b', { state: 'Planned' })],
    owner({ web: 'b' }),
    'Refused',
    /wrote no image: it is Succeeded \(Repaired\)/,
  ],
  [
    'it was undone already',
    [{ ...moved, state: 'Undone' }],
    owner({ web: 'a.io/old/web:1' }),
    'Refused',
    /wrote no image/,
  ],
  [
    'only pods were deleted',
    [step('', '', { action: 'RecyclePod', changes: [] })],
    owner({ web: 'b' }),
    'Refused',
    /wrote no image/,
  ],
  ['the container is gone', [moved], owner({ other: 'x' }), 'Refused', /no longer has container web/],
  [
    'somebody wrote a third image',
    [moved],
    owner({ web: 'a.io/third/web:1' }),
    'Refused',
    /has changed since: container web has image a\.io\/third\/web:1, written by someone/,
  ],
  [
    'the original stands there',
    [moved],
    owner({ web: 'a.io/old/web:1' }),
    'AlreadyUndone',
    /already has its original images/,
  ],
  [
    'podmend never marked it',
    [moved],
    owner({ web: 'a.io/new/web:1' }, {}),
    'Refused',
    /podmend did not write its image/,
  ],
])('nothing is put back where %s', (_, steps, target, kind, why) => {
  expect(planUndo(record(steps), target)).toEqual({ kind, why: expect.stringMatching(why) })
})

test('one container that has moved on keeps the others as they are', () => {
  const side = { container: 'side', init: false, from: 'a.io/old/side:1', to: 'a.io/new/side:1' }
  const both = { ...moved, changes: [...(moved.changes ?? []), side] }
  const undo = planUndo(record([both]), owner({ web: 'a.io/new/web:1', side: 'a.io/third/side:1' }))
  expect(undo).toMatchObject({ kind: 'Refused', why: expect.stringContaining('container side') })
})

describe('of Jobs', () => {
  const template = { spec: { containers: [{ name: 'web', image: 'a.io/old/web:1' }] } }
  const patchedTemplate = { spec: { containers: [{ name: 'web', image: 'a.io/new/web:1' }] } }
  const metadata = { name: 'web', uid: 'u', resourceVersion: '7', annotations: MARK }
  const job = ownerOfJob({ ...ref, apiVersion: 'batch/v1', kind: 'Job' }, { metadata, spec: { template } })
  const cronJob = ownerOfCronJob(
    { ...ref, apiVersion: 'batch/v1', kind: 'CronJob' },
    { metadata, spec: { jobTemplate: { spec: { template: patchedTemplate } } } },
  )
  const written = { ...moved, pods: [{ name: 'web-a', uid: 'pod-a' }] }
  const of = (kind: string): Remediation => {
    const made = record([{ ...written, target: ref }])
    return { ...made, spec: { ...made.spec, target: { ...ref, apiVersion: 'batch/v1', kind } } }
  }
  const pod = (state: object, annotations: Readonly<Record<string, string>> = MARK): Pod => ({
    metadata: { name: 'web-a', namespace: 'shop', uid: 'pod-a', resourceVersion: '9', annotations },
    spec: { containers: [{ name: 'web', image: 'a.io/new/web:1' }] },
    status: { phase: 'Pending', containerStatuses: [{ name: 'web', state }] },
  })
  const waiting = { waiting: { reason: 'ImagePullBackOff' } }
  const back = { changes: [{ pointer: '/spec/containers/0', was: 'a.io/new/web:1', to: 'a.io/old/web:1' }] }

  test('the pods that were written to are known by the record', () => {
    expect(podsWrittenBy(of('Job'))).toEqual(written.pods)
    expect(podsWrittenBy(of('Deployment'))).toEqual([])
  })

  test('a pod that still waits gets its image back, and the template of a CronJob beside it', () => {
    expect(planUndo(of('Job'), job, [pod(waiting)])).toMatchObject({
      kind: 'Undo',
      plan: { podsOnly: true, thenPatch: [back] },
    })
    expect(planUndo(of('CronJob'), cronJob, [pod(waiting)])).toMatchObject({
      kind: 'Undo',
      plan: { changes: [{ pointer: '/spec/jobTemplate/spec/template/spec/containers/0' }], thenPatch: [back] },
    })
  })

  test('the template of a CronJob stays as it is where nothing but pods was written to', () => {
    const record = of('CronJob')
    const steps = (record.status?.steps ?? []).map(({ target: _, ...step }) => step)
    const alone = { ...record, status: { ...record.status, steps } }
    expect(planUndo(alone, cronJob, [pod(waiting)])).toMatchObject({
      kind: 'Undo',
      plan: { podsOnly: true, thenPatch: [back] },
    })
    expect(planUndo(alone, cronJob, []).kind).toBe('AlreadyUndone')
  })

  test.each([
    ['runs', pod({ running: { startedAt: '2026-03-01T12:00:00Z' } })],
    ['ended', pod({ terminated: { exitCode: 0 } })],
    ['bears no mark of ours', pod(waiting, {})],
  ])('a pod that %s is left as it is', (_, one) => {
    expect(planUndo(of('Job'), job, [one]).kind).toBe('AlreadyUndone')
    expect(planUndo(of('CronJob'), cronJob, [one])).toMatchObject({ kind: 'Undo', plan: { thenPatch: [] } })
  })
})
