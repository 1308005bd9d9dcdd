import { describe, expect, test } from 'vitest'
import type { RemediationStatus } from '../api/remediation.ts'
import type { Outcome } from '../model/plan.ts'
import { eventsOf, REASONS } from './events.ts'
import { metricsDeltaOf } from './metrics.ts'
import {
  aHold,
  anAct,
  aRecord,
  aRecycle,
  aRewrite,
  aVerification,
  BROKEN,
  DONE,
  type Happening,
  happens,
  lived,
  NOW,
  PATCHED,
} from './testing.ts'

const after = (before: RemediationStatus, change: Happening) => aRecord(happens(before, change, 34_000))
const told = (before: RemediationStatus, change: Happening) =>
  eventsOf(before, after(before, change)).map(({ regarding, type, reason, message }) => ({
    on: regarding.kind,
    type,
    reason,
    message,
  }))

const running = lived({ kind: 'Intended', verdict: anAct() })
const verifying = lived({ kind: 'Intended', verdict: anAct() }, { kind: 'Acted', outcome: DONE })

describe('the sentences', () => {
  test('say what was rewritten, why, and how to take it back', () => {
    const message = `Rewrote image of container coredns from ${BROKEN} to ${PATCHED} in Deployment coredns because of ProjectNotFound (harbor.od.com has no project k8s); undo with: kubectl mend undo rem/coredns-image-1234abcd -n kube-system`
    expect(told(running, { kind: 'Acted', outcome: DONE })).toEqual([
      { on: 'Deployment', type: 'Normal', reason: 'ImageRewritten', message },
      { on: 'RemediationPolicy', type: 'Normal', reason: 'ImageRewritten', message: `kube-system: ${message}` },
    ])
  })

  test.each([
    ['Job', 'in pod report-a of Job coredns because'],
    ['CronJob', 'in CronJob coredns and pod report-a because'],
  ])('say of a %s which pods were given the image', (kind, where) => {
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'report-a', uid: 'pod-a' }
    const thenPatch = [{ target: pod, resourceVersion: '1', annotations: {}, changes: aRewrite().changes }]
    const before = lived({ kind: 'Intended', verdict: anAct({ plan: aRewrite({ thenPatch }) }) })
    const record = after(before, { kind: 'Acted', outcome: DONE })
    const ofJob = { ...record, spec: { ...record.spec, target: { ...record.spec.target, kind } } }
    expect(eventsOf(before, ofJob)[0]?.message).toContain(where)
  })

  test('say which pods were deleted', () => {
    const recycling = lived({ kind: 'Intended', verdict: anAct({ plan: aRecycle() }) })
    expect(told(recycling, { kind: 'Acted', outcome: DONE })[0]).toMatchObject({
      reason: 'PodRecycled',
      message:
        'Deleted pod coredns-1 of Deployment coredns because of ProjectNotFound (harbor.od.com has no project k8s)',
    })
  })

  test('say what would be done where it is only observed', () => {
    const change: Happening = {
      kind: 'Held',
      verdict: aHold('ObserveOnly', {
        message: 'policy moved is in mode Observe; it would rewrite x to y',
        plan: aRewrite(),
      }),
    }
    expect(told({}, change)).toEqual([
      {
        on: 'Deployment',
        type: 'Normal',
        reason: 'ObserveOnly',
        message: `Holding remediation of Deployment coredns: policy moved is in mode Observe; it would rewrite x to y. Cause: ProjectNotFound (harbor.od.com has no project k8s)`,
      },
    ])
  })

  test('say that it is repaired, how long it took, and what to change for good', () => {
    const before = { ...verifying, firstSeen: new Date(NOW).toISOString() }
    const verdict = aVerification('Succeeded', 'Repaired', { message: 'the containers run' })
    expect(told(before, { kind: 'Verified', verdict })[0]).toEqual({
      on: 'Deployment',
      type: 'Normal',
      reason: 'Repaired',
      message:
        'Repaired Deployment coredns after 34s: the containers run; permanent fix: change the image in the manifest',
    })
  })

  test('warn when the write was refused', () => {
    const outcome: Outcome = {
      kind: 'Refused',
      why: 'no',
      missingRight: 'patch deployments.apps in namespace kube-system',
    }
    expect(told(running, { kind: 'Acted', outcome })[0]).toMatchObject({
      type: 'Warning',
      reason: 'WriteRefused',
      message:
        'Deployment coredns: the API server refused the write (missing right: patch deployments.apps in namespace kube-system): no',
    })
  })

  test('are silent about an intent, about waiting, and where nothing changed', () => {
    expect(told({}, { kind: 'Intended', verdict: anAct() })).toEqual([])
    expect(told(verifying, { kind: 'Verified', verdict: aVerification('Waiting', 'Verifying') })).toEqual([])
    expect(eventsOf(verifying, aRecord(verifying))).toEqual([])
  })

  test('never exceed what an Event takes', () => {
    const verdict = aHold('FactUnknown', { message: 'x'.repeat(5_000) })
    expect(told({}, { kind: 'Held', verdict }).every(({ message }) => message.length <= 1_024)).toBe(true)
  })
})

test('every reason is one word in PascalCase and means something', () => {
  for (const [reason, { meaning }] of Object.entries(REASONS)) {
    expect(reason).toMatch(/^([A-Z][a-z]+)+$/)
    expect(meaning).toMatch(/\.$/)
  }
})

describe('the metrics count', () => {
  const rows: Readonly<Record<string, readonly [RemediationStatus, Happening, object]>> = {
    'a hold that begins': [
      {},
      { kind: 'Held', verdict: aHold('CoolingDown') },
      { held: { policy: 'moved', reason: 'CoolingDown' } },
    ],
    'no hold that goes on': [
      lived({ kind: 'Held', verdict: aHold('CoolingDown') }),
      { kind: 'Held', verdict: aHold('CoolingDown', { message: 'x' }) },
      {},
    ],
    'a success, from first sight to proof': [
      { ...verifying, firstSeen: new Date(NOW).toISOString() },
      { kind: 'Verified', verdict: aVerification('Succeeded', 'Repaired') },
      { ended: { policy: 'moved', action: 'RewriteImage', result: 'Succeeded', seconds: 34 } },
    ],
    'what did not help': [
      verifying,
      { kind: 'Verified', verdict: aVerification('Ineffective', 'DidNotHelp') },
      { ended: { policy: 'moved', action: 'RewriteImage', result: 'Ineffective' } },
    ],
    'what did not help where another action follows': [
      verifying,
      { kind: 'Verified', verdict: aVerification('Ineffective', 'DidNotHelp', { next: { kind: 'Escalate' } }) },
      { ended: { policy: 'moved', action: 'RewriteImage', result: 'Ineffective' } },
    ],
    'what was refused where another action follows': [
      lived({ kind: 'Intended', verdict: anAct() }),
      { kind: 'Acted', outcome: { kind: 'Refused', why: 'no' }, hasNext: true },
      { ended: { policy: 'moved', action: 'RewriteImage', result: 'Failed' } },
    ],
    'nothing where nothing was ever begun': [
      lived({ kind: 'Held', verdict: aHold('ObserveOnly') }),
      { kind: 'Closed', reason: 'OwnerGone', message: '' },
      {},
    ],
    'a plan that nobody decided on in time, although nothing was begun': [
      lived({ kind: 'Held', verdict: aHold('AwaitingApproval', { plan: aRewrite() }) }),
      { kind: 'Held', verdict: aHold('AwaitingApproval', { plan: aRewrite(), ends: 'Expired' }) },
      { ended: { policy: 'moved', action: 'RewriteImage', result: 'Expired' } },
    ],
    'that plan once': [
      lived({ kind: 'Held', verdict: aHold('AwaitingApproval', { plan: aRewrite(), ends: 'Expired' }) }),
      { kind: 'Held', verdict: aHold('AwaitingApproval', { plan: aRewrite(), ends: 'Expired' }) },
      {},
    ],
    'no hold in what a proof ended': [
      verifying,
      { kind: 'Verified', verdict: aVerification('Cancelled', 'EditReverted') },
      { ended: { policy: 'moved', action: 'RewriteImage', result: 'Cancelled' } },
    ],
  }
  test.each(Object.entries(rows))('%s', (_, [before, change, metricsDelta]) => {
    expect(metricsDeltaOf(before, after(before, change))).toEqual(metricsDelta)
  })
})
