import { expect, test } from 'vitest'
import { known, unknown } from '../../model/incident.ts'
import { HOLD_REASONS, type HoldReason } from '../../model/reasons.ts'
import { decide } from '../decide.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
  aNamespace,
  anAttempt,
  aNode,
  anOwner,
  aPolicy,
  aRecord,
  aStep,
  at,
  BROKEN,
  exists,
  type InputOverrides,
  NOW,
  PATCHED,
  recycling,
  rewriting,
  wrote,
} from '../testing.ts'
import { GUARDRAILS } from './chain.ts'

const MIN = 60_000
const HOUR = 60 * MIN

test('The chain asks every guardrail of the vocabulary, once, in its order', () => {
  expect(GUARDRAILS.map(({ reason }) => reason)).toEqual(HOLD_REASONS)
})

test('Every guardrail says in a phrase when it holds', () => {
  for (const { when } of GUARDRAILS) expect(when.length).toBeGreaterThan(10)
})

test('A case that nothing speaks against acts', () => {
  expect(decide(aCase())).toMatchObject({ kind: 'Act', attempt: 1, resume: false })
})

/** The expected hold: the reason, part of its message, and the next check (ms from now) if exact. */
type Holds = readonly [sentence: string, words: InputOverrides, says: RegExp, lookAgain?: number]
type Passes = readonly [sentence: string, words: InputOverrides]

const elsewhere = rewriting({ rules: [{ from: 'quay.io/a', to: 'quay.io/b' }] })
const argo = { name: 'Argo CD', writesBack: true, seenBy: 'a tracking id', editAt: 'Application web' }
const helm = { name: 'Helm', writesBack: false, seenBy: 'a label', editAt: 'release web' }
const approving = aPolicy({ mode: 'Approve' })
const approvingHash = (() => {
  const verdict = decide(aCase({ policies: [approving] }))
  return verdict.kind === 'Hold' ? (verdict.plan?.hash ?? '') : ''
})()
/** The record of a plan that a person may decide on for so long. */
const asked = (ms: number, status: object = {}) => [
  aRecord({ phase: 'AwaitingApproval', steps: [], status: { planHash: approvingHash, expiresAt: at(ms), ...status } }),
]
const approval = (words: object) => [
  aRecord({
    phase: 'AwaitingApproval',
    steps: [],
    spec: { approval: { decision: 'Approved', planHash: approvingHash, by: 'ann', ...words } },
  }),
]
const reverted = (
  words: Parameters<typeof aRecord>[0] = {},
  state: 'Done' | 'Succeeded' | 'Ineffective' = 'Succeeded',
) => aRecord({ phase: 'Succeeded', steps: [aStep({ state })], ...words })
const rewritten = { 'podmend.io/original-image': JSON.stringify({ coredns: BROKEN }) }
const enforcing = { name: 'moved', uid: 'uid-moved', generation: 2 }
const writer = { name: 'writer', uid: 'uid-writer', generation: 1 }
const recent: InputOverrides = { attempts: [anAttempt(-MIN)] }
const pinned = `${BROKEN}@sha256:${'b'.repeat(64)}`
const pinnedTarget = `${PATCHED}@sha256:${'b'.repeat(64)}`
const pinnedCase = (digest: string): InputOverrides => ({
  owner: anOwner({ containers: [{ name: 'coredns', image: pinned }] }),
  pods: [aFailingPod({ findings: [aFinding({ image: pinned })] })],
  facts: { registry: { [pinnedTarget]: exists({ digest }) } },
})
const answer = (value: object, verify = 'Required'): InputOverrides => ({
  policies: [aPolicy({ actions: [rewriting({ verify })] })],
  facts: { registry: { [PATCHED]: known(value as never) } },
})
const hearsay = (registry: object, actions = [rewriting()]): InputOverrides => ({
  pods: [aFailingPod({ findings: [aFinding({ source: 'event' })] })],
  policies: [aPolicy({ actions })],
  facts: { registry: registry as never },
})

const holds: Record<HoldReason, readonly Holds[]> = {
  OperatorPaused: [
    ['a paused operator holds before all', { operator: { paused: known(true) } }, /paused/],
    ['an unknown pause holds', { operator: { paused: unknown('403') } }, /unknown: 403/],
  ],
  OperatorBudgetSpent: [
    [
      'the operator-wide budget counts attempts of every policy and incident',
      {
        operator: { maxActionsPerHour: 2 },
        attempts: [anAttempt(-50 * MIN, { policy: 'x', incident: 'y' }), anAttempt(-MIN, { incident: 'z' })],
      },
      /used its budget of 2 remediations per hour/,
      10 * MIN,
    ],
    ['a budget of none never acts', { operator: { maxActionsPerHour: 0 } }, /0 remediations/, HOUR],
  ],
  PolicySuspended: [['a suspended policy that alone matches', { policies: [aPolicy({ suspend: true })] }, /suspended/]],
  ObserveOnly: [
    [
      'an observing policy says what it would do',
      { policies: [aPolicy({ mode: 'Observe' })] },
      /would rewrite the image of Deployment kube-system\/coredns: coredns from .*k8s.* to .*public/,
    ],
    [
      'an observing policy also says what would hold it if it acted',
      { policies: [aPolicy({ mode: 'Observe' })], owner: anOwner({ managers: [argo] }) },
      /would be held by ManagedElsewhere: Argo CD/,
    ],
    [
      'an observing policy looks again when that which would hold it passes',
      { policies: [aPolicy({ mode: 'Observe', match: { failingFor: '3m' } })] },
      /would be held by NotFailingLongEnough/,
      MIN,
    ],
    [
      'an observing policy without a plan says why',
      { policies: [aPolicy({ mode: 'Observe', actions: [elsewhere] })] },
      /would do nothing: no rewrite rule/,
    ],
  ],
  NamespaceProtected: [
    [
      'kube-system is protected unless named',
      { policies: [aPolicy({ match: { namespaces: undefined } })] },
      /kube-system is protected/,
    ],
    [
      'the operator’s own namespace is protected unless named',
      { owner: anOwner({ namespace: 'podmend' }), policies: [aPolicy({ match: { namespaces: undefined } })] },
      /podmend is protected/,
    ],
    [
      'a selector does not name a namespace',
      { policies: [aPolicy({ match: { namespaces: undefined, namespaceSelector: {} } })] },
      /protected/,
    ],
  ],
  OptedOut: [
    [
      'an annotation on the pod',
      { pods: [aFailingPod({ annotations: { 'podmend.io/exclude': 'true' } })] },
      /Pod coredns-a is excluded/,
    ],
    [
      'a label on the pod',
      { pods: [aFailingPod({ labels: { 'podmend.io/exclude': 'true' } })] },
      /Pod coredns-a is excluded/,
    ],
    [
      'an annotation on the owner',
      { owner: anOwner({ annotations: { 'podmend.io/exclude': 'true' } }) },
      /Deployment coredns/,
    ],
    ['a label on the owner', { owner: anOwner({ labels: { 'podmend.io/exclude': 'true' } }) }, /Deployment coredns/],
    [
      'a label on the namespace',
      { facts: { namespace: known(aNamespace({ labels: { 'podmend.io/exclude': 'true' } })) } },
      /namespace kube-system/,
    ],
    [
      'an annotation on the namespace',
      { facts: { namespace: known(aNamespace({ annotations: { 'podmend.io/exclude': 'true' } })) } },
      /namespace/,
    ],
    ['a label on the node', { facts: { node: known(aNode({ labels: { 'podmend.io/exclude': 'true' } })) } }, /node n1/],
    [
      'an annotation on the node',
      { facts: { node: known(aNode({ annotations: { 'podmend.io/exclude': 'true' } })) } },
      /node n1/,
    ],
    ...['True', 'yes', '1', ''].map(
      (value): Holds => [
        `the mark's value is ${JSON.stringify(value)}`,
        { owner: anOwner({ annotations: { 'podmend.io/exclude': value } }) },
        /Deployment coredns/,
      ],
    ),
  ],
  NotFailingLongEnough: [
    [
      'the look comes exactly when the earliest pod has been failing for long enough',
      { pods: [aFailingPod({ name: 'b', since: -10_000 }), aFailingPod({ since: -20_000 })] },
      /failing for 20s; .* waits for 30s/,
      10_000,
    ],
    [
      'a pod that failed at an unknown time has not failed long enough',
      { pods: [aFailingPod({ since: Number.NaN })] },
      /waits for 30s/,
    ],
  ],
  AlreadyRecovered: [
    ['every failing pod is on its way out', { pods: [aFailingPod({ leaving: true })] }, /are being deleted/],
    [
      'nothing fails any more, and a record waits',
      { pods: [], records: [aRecord({ phase: 'Held', steps: [] })] },
      /is failing/,
    ],
    [
      'nothing fails any more, and a record observes',
      { pods: [], records: [aRecord({ phase: 'Observed', steps: [] })] },
      /is failing/,
    ],
    [
      'nothing fails any more, and a record awaits approval',
      { pods: [], records: [aRecord({ phase: 'AwaitingApproval', steps: [] })] },
      /is failing/,
    ],
  ],
  InFlight: [
    [
      'a remedy in another area of this owner runs',
      { otherAreas: [aRecord({ phase: 'Verifying', name: 'coredns-volume-1' })] },
      /coredns-volume-1 is in progress/,
    ],
  ],
  CoolingDown: [
    [
      'the last attempt at this incident is too recent',
      { attempts: [anAttempt(-9 * MIN), anAttempt(-20 * MIN)] },
      /last attempt was 9m ago; .* has a cooldown of 10m/,
      MIN,
    ],
    [
      'a succeeded attempt counts as well',
      {
        attempts: [anAttempt(-MIN)],
        records: [aRecord({ phase: 'Succeeded', steps: [aStep({ state: 'Succeeded', changes: [] })] })],
      },
      /1m ago; policy moved has a cooldown of 10m$/,
      9 * MIN,
    ],
    [
      'the last attempt was refused, on a record that has ended',
      {
        attempts: [anAttempt(-MIN)],
        records: [
          aRecord({
            phase: 'Failed',
            steps: [aStep({ state: 'Failed' })],
            status: { message: 'missing right: patch', finishedAt: at(-1) },
          }),
        ],
      },
      /has a cooldown of 10m; it ended with: missing right: patch$/,
    ],
  ],
  AttemptsSpent: [
    [
      'three attempts within 24 hours, until the first leaves the window',
      { attempts: [anAttempt(-23 * HOUR), anAttempt(-5 * HOUR), anAttempt(-HOUR)] },
      /3 attempt/,
      HOUR,
    ],
    [
      'with more attempts than allowed, until enough of them left',
      { policies: [aPolicy({ limits: { maxAttempts: 1 } })], attempts: [anAttempt(-23 * HOUR), anAttempt(-22 * HOUR)] },
      /1 attempt/,
      2 * HOUR,
    ],
  ],
  EditReverted: [
    [
      'somebody wrote the old image back: who and when',
      {
        records: [reverted()],
        owner: anOwner({ managedFields: [wrote('podmend', -3 * MIN), wrote('kubectl-edit', -MIN)] }),
      },
      /kubectl-edit at 2026-03-01T11:59:00.000Z changed coredns .* back from .*public.* to .*k8s/,
    ],
    ['somebody unknown wrote it back', { records: [reverted()] }, /someone changed/],
    [
      'somebody wrote it back, and the record is gone: our annotation tells',
      { owner: anOwner({ annotations: rewritten, managedFields: [wrote('kubectl-edit', -MIN)] }) },
      /^kubectl-edit at .* changed coredns .* back to .*k8s.*, which podmend had rewritten; to try again, remove annotation podmend.io\/original-image/,
    ],
    [
      'a person reverted it by command, and the record is gone: the annotation of that tells, under any policy',
      {
        owner: anOwner({ annotations: { 'podmend.io/reverted-image': JSON.stringify({ coredns: BROKEN }) } }),
        policies: [aPolicy({ uid: 'another', generation: 7 })],
      },
      /to try again, remove annotation podmend.io\/reverted-image from Deployment kube-system\/coredns$/,
    ],
    [
      'a person reverted it, and the record that is left is of another container',
      {
        owner: anOwner({ annotations: { 'podmend.io/reverted-image': JSON.stringify({ coredns: BROKEN }) } }),
        records: [
          aRecord({
            phase: 'Succeeded',
            steps: [
              aStep({ state: 'Succeeded', changes: [{ container: 'b', init: false, from: BROKEN, to: PATCHED }] }),
            ],
          }),
        ],
      },
      /remove annotation podmend.io\/reverted-image/,
    ],
    [
      'somebody wrote it back: once the record is deleted, the annotation holds',
      { records: [reverted()], owner: anOwner({ annotations: rewritten }) },
      /change policy moved or delete Remediation coredns-image-1 and remove annotation podmend.io\/original-image$/,
    ],
    [
      'a remedy that did not help and was kept was taken back',
      { records: [reverted({ phase: 'Ineffective' }, 'Ineffective')] },
      /changed coredns/,
    ],
    [
      'an undo by command is a person’s doing',
      {
        records: [reverted({ phase: 'Cancelled' }, 'Done')],
        owner: anOwner({ managedFields: [wrote('podmend', -MIN)] }),
      },
      /changed coredns/,
    ],
    [
      'the record is of an older revision',
      { records: [reverted({ spec: { templateHash: 'older' } })] },
      /changed coredns/,
    ],
    [
      'the policy that opened the record only observed, and acts since it was changed',
      {
        records: [reverted({ steps: [aStep({ state: 'Succeeded', policy: enforcing })] })],
        policies: [aPolicy({ generation: 2 })],
      },
      /to try again, change policy moved or delete Remediation coredns-image-1$/,
    ],
    [
      'another policy opened the record than wrote: that which wrote is named',
      {
        records: [reverted({ steps: [aStep({ state: 'Succeeded', policy: writer })] })],
        policies: [aPolicy({ generation: 2 }), aPolicy({ name: 'writer', uid: 'uid-writer', priority: 1 })],
      },
      /change policy writer or delete Remediation/,
    ],
    [
      'another policy governs now than wrote',
      {
        records: [reverted({ steps: [aStep({ state: 'Succeeded', policy: writer })] })],
        policies: [aPolicy({ priority: 1 }), aPolicy({ name: 'writer', uid: 'uid-writer' })],
      },
      /change policy writer or delete Remediation/,
    ],
    [
      'the policy that wrote is gone: only the record is left to delete',
      { records: [reverted({ steps: [aStep({ state: 'Succeeded', policy: writer })] })] },
      /to try again, delete Remediation coredns-image-1$/,
    ],
    [
      'the attempt is recent: nothing is tried when the pause is over',
      { ...recent, records: [reverted()] },
      /back from/,
    ],
    [
      'all attempts are spent',
      { records: [reverted()], policies: [aPolicy({ limits: { maxAttempts: 1 } })], attempts: [anAttempt(-HOUR)] },
      /back from/,
    ],
  ],
  ManagedElsewhere: [
    [
      'a manager that writes back',
      { owner: anOwner({ managers: [helm, argo] }) },
      /Argo CD manages .* would revert the change \(a tracking id\); change it at the source: Application web/,
    ],
  ],
  TemplateDiffers: [
    [
      'the failing container is not in the template',
      { pods: [aFailingPod({ findings: [aFinding({ container: 'istio-proxy' })] })] },
      /istio-proxy is not in the pod template/,
    ],
    [
      'it is an init container there',
      { owner: anOwner({ containers: [], initContainers: [{ name: 'coredns', image: BROKEN }] }) },
      /is not in the pod template/,
    ],
    [
      'it stands there with another image',
      { owner: anOwner({ containers: [{ name: 'coredns', image: PATCHED }] }) },
      /failed with .*k8s.*, but .* has .*public/,
    ],
    [
      'it stands there without an image',
      { owner: anOwner({ containers: [{ name: 'coredns' }] }) },
      /has no image there/,
    ],
  ],
  RolloutBlocked: [
    [
      'an unsupported kind of owner says why',
      { owner: anOwner({ support: 'unsupported', why: 'CronJobs are not touched' }) },
      /CronJobs are not touched/,
    ],
    ['an unsupported kind of owner without a reason', { owner: anOwner({ support: 'unsupported' }) }, /not touched/],
    ['an edit would not roll out', { owner: anOwner({ blocked: 'the rollout is paused' }) }, /rollout is paused/],
    [
      'a pod that nothing recreates is not recycled',
      { owner: anOwner({ kind: 'Pod' }), policies: [aPolicy({ actions: [recycling()] })] },
      /nothing would recreate/,
    ],
    [
      'an action on nodes answers to what lies with a workload',
      { policies: [aPolicy({ actions: [{ type: 'RestartRuntime' }] })] },
      /applies only to failures of a node/,
    ],
  ],
  FactUnknown: [
    [
      'the watch of policies is out of date',
      { stale: ['the watch of remediationpolicies has been silent since noon'] },
      /has changed is unknown: the watch of remediationpolicies has been silent since noon/,
    ],
    [
      'whether the namespace opted out is unknown',
      { facts: { namespace: unknown('403') } },
      /namespace opted out is unknown: 403/,
    ],
    ['whether the node opted out is unknown', { facts: { node: unknown('gone') } }, /node opted out is unknown: gone/],
    [
      'only an Event says it, also after the registry was asked',
      hearsay({ [BROKEN]: known({ kind: 'unreachable', message: 'timeout' }) }),
      /only an Event/,
    ],
    [
      'only an Event says it, and the registry is never asked',
      hearsay({}, [rewriting({ verify: 'Never' })]),
      /only an Event/,
    ],
    [
      'a StatefulSet’s pods cannot be seen',
      { owner: anOwner({ kind: 'StatefulSet', keepsBrokenPods: true }), facts: { pods: unknown('403') } },
      /would leave broken is unknown: 403/,
    ],
  ],
  BudgetSpent: [
    [
      'as many remediations of the policy run as may',
      { active: { moved: 1 } },
      /1 remediation\(s\) in progress, the maximum is 1/,
    ],
    [
      'the policy began as many within the hour as it may',
      {
        policies: [aPolicy({ limits: { maxPerHour: 2 } })],
        attempts: [anAttempt(-59 * MIN, { incident: 'a' }), anAttempt(-MIN, { incident: 'b' })],
      },
      /used its budget of 2 remediations per hour/,
      MIN,
    ],
  ],
  TooManyUnhealthy: [],
  ControlPlaneNode: [],
  TargetUnverified: [
    ['no rule applies', { policies: [aPolicy({ actions: [elsewhere] })] }, /no rewrite rule applies to harbor/],
    [
      'a rule’s result is no reference',
      { policies: [aPolicy({ actions: [rewriting({ rules: [{ from: 'harbor.od.com/k8s', to: 'REFUSED' }] })] })] },
      /no reference/,
    ],
    [
      'a rule maps the image to itself',
      {
        policies: [
          aPolicy({ actions: [rewriting({ rules: [{ from: 'harbor.od.com/k8s', to: 'harbor.od.com/k8s' }] })] }),
        ],
      },
      /does not change harbor/,
    ],
    [
      'the project is missing',
      answer({ kind: 'projectMissing', message: 'no such project' }),
      /does not have it: no such project/,
      5 * MIN,
    ],
    [
      'the repository is missing',
      answer({ kind: 'repositoryMissing', message: 'name unknown' }),
      /name unknown/,
      5 * MIN,
    ],
    ['the tag is missing', answer({ kind: 'tagMissing', message: 'manifest unknown' }), /manifest unknown/, 5 * MIN],
    [
      'access is denied without credentials',
      answer({ kind: 'denied', message: '401', withCredentials: false }),
      /no pull secret/,
      5 * MIN,
    ],
    [
      'access is denied with credentials',
      answer({ kind: 'denied', message: '403', withCredentials: true }),
      /with the credentials/,
      5 * MIN,
    ],
    [
      'the registry limits requests and says until when',
      answer({ kind: 'limited', message: '429', retryAfterMs: 42_000 }),
      /limits/,
      42_000,
    ],
    ['the registry limits requests', answer({ kind: 'limited', message: '429' }), /limits/, MIN],
    [
      'the registry cannot be reached',
      answer({ kind: 'unreachable', message: 'timeout' }),
      /cannot be reached/,
      30_000,
    ],
    [
      'the registry may not be asked',
      answer({ kind: 'refused', message: 'link-local address' }),
      /link-local/,
      5 * MIN,
    ],
    [
      'what the registry says is unknown',
      { facts: { registry: { [PATCHED]: unknown('the secret cannot be read') } } },
      /secret cannot be read/,
      30_000,
    ],
    [
      'if reachable: what the registry says is unknown',
      { ...answer({}, 'IfReachable'), facts: { registry: { [PATCHED]: unknown('why') } } },
      /why/,
    ],
    [
      'if reachable: missing holds',
      answer({ kind: 'tagMissing', message: 'manifest unknown' }, 'IfReachable'),
      /manifest unknown/,
    ],
    [
      'it is there for another platform',
      { facts: { registry: { [PATCHED]: exists({ platforms: ['linux/arm64', 'linux/amd6'] }) } } },
      /exists for linux\/arm64, .*node n1 is linux\/amd64/,
    ],
    [
      'it is there for another platform than that of the one pod with a node',
      {
        pods: [aFailingPod({ name: 'b', node: null }), aFailingPod()],
        facts: { registry: { [PATCHED]: exists({ platforms: ['linux/arm64'] }) } },
      },
      /node n1 is linux\/amd64/,
    ],
    [
      'its platform is not told',
      { facts: { registry: { [PATCHED]: exists({ platforms: [] }) } } },
      /no known platform/,
    ],
    ['a pinned digest is another one there', pinnedCase(`sha256:${'c'.repeat(64)}`), /is pinned to sha256:b/],
  ],
  AwaitingApproval: [
    ['nobody decided yet', { policies: [approving] }, /waits for approval until 2026-03-02T12:00:00Z/],
    [
      'the wait ends exactly when its time is up',
      { policies: [approving], records: asked(30_000) },
      /waits for approval/,
      30_000,
    ],
    [
      'the time to decide is up to the millisecond',
      { policies: [approving], records: asked(0) },
      /approval of plan .* expired at .*; delete Remediation coredns-image-1 to request it again/,
      5 * MIN,
    ],
    [
      'the time of another plan is up',
      { policies: [approving], records: asked(-1, { planHash: 'other' }) },
      /waits for approval/,
    ],
    [
      'a person denied it',
      { policies: [approving], records: approval({ decision: 'Denied', reason: 'not today' }) },
      /ann denied plan .*: not today; delete Remediation/,
    ],
    [
      'another plan was approved',
      { policies: [approving], records: approval({ planHash: 'other' }) },
      /ann approved plan other, but the current one is plan .*, which waits for approval/,
    ],
    [
      'another plan was denied',
      { policies: [approving], records: approval({ planHash: 'other', decision: 'Denied' }) },
      /ann denied plan other, but the current one is plan /,
    ],
    [
      'another incident’s plan was approved',
      {
        policies: [approving],
        records: approval({}).map((record) => ({ ...record, spec: { ...record.spec, templateHash: 'other' } })),
      },
      /waits for approval/,
    ],
    [
      'it was approved for an attempt that has ended',
      {
        policies: [approving],
        attempts: [anAttempt(-HOUR)],
        records: approval({}).map((record) => ({
          ...record,
          status: { ...record.status, steps: [aStep({ state: 'Failed', attempt: 1 })] },
        })),
      },
      /but the current one is plan /,
    ],
  ],
}

for (const [reason, rows] of Object.entries(holds)) {
  for (const [sentence, words, says, lookAgain] of rows) {
    test(`${reason} holds when ${sentence}`, () => {
      const verdict = decide(aCase(words))
      expect(verdict).toMatchObject({ kind: 'Hold', reason, message: expect.stringMatching(says) })
      if (verdict.kind !== 'Hold') return
      if (lookAgain !== undefined) expect(verdict.requeueAt).toBe(NOW + lookAgain)
      expect(verdict.requeueAt).toBeGreaterThan(NOW)
    })
  }
}

const undone = aRecord({
  phase: 'Held',
  steps: [
    aStep({ state: 'Ineffective' }),
    aStep({
      state: 'Undone',
      kind: 'Undo',
      intendedAt: at(-30_000),
      changes: [{ container: 'coredns', init: false, from: PATCHED, to: BROKEN }],
    }),
  ],
})

const passes: Record<HoldReason, readonly Passes[]> = {
  OperatorPaused: [['the operator is known not to be paused', { operator: { paused: known(false) } }]],
  OperatorBudgetSpent: [
    [
      'attempts of more than an hour ago do not count',
      { operator: { maxActionsPerHour: 1 }, attempts: [anAttempt(-HOUR)] },
    ],
  ],
  PolicySuspended: [
    [
      'another policy that is not suspended governs',
      { policies: [aPolicy({ name: 'a', suspend: true, priority: 9 }), aPolicy()] },
    ],
  ],
  ObserveOnly: [['the policy enforces', { policies: [aPolicy({ mode: 'Enforce' })] }]],
  NamespaceProtected: [
    [
      'an ordinary namespace need not be named',
      { owner: anOwner({ namespace: 'web' }), policies: [aPolicy({ match: { namespaces: undefined } })] },
    ],
    [
      'the operator’s own namespace is named',
      { owner: anOwner({ namespace: 'podmend' }), policies: [aPolicy({ match: { namespaces: ['podmend'] } })] },
    ],
  ],
  OptedOut: [
    ['the mark says false', { owner: anOwner({ annotations: { 'podmend.io/exclude': 'false' } }) }],
    ['the pod has no node', { pods: [aFailingPod({ node: null })], facts: { node: undefined } }],
  ],
  NotFailingLongEnough: [['the time is up to the millisecond', { pods: [aFailingPod({ since: -30_000 })] }]],
  AlreadyRecovered: [['one of the pods stays', { pods: [aFailingPod({ leaving: true }), aFailingPod({ name: 'b' })] }]],
  InFlight: [['the remedy in the other area is over', { otherAreas: [aRecord({ phase: 'Succeeded' })] }]],
  CoolingDown: [
    ['the pause is over to the millisecond', { attempts: [anAttempt(-10 * MIN)] }],
    [
      'the last attempt was at another incident',
      { attempts: [anAttempt(-MIN, { incident: 'other', policy: 'other' })] },
    ],
    [
      'the step before did not help and another action follows',
      {
        policies: [aPolicy({ actions: [recycling(), rewriting()] })],
        attempts: [anAttempt(-MIN)],
        records: [
          aRecord({
            phase: 'Held',
            steps: [aStep({ action: 'RecyclePod', state: 'Ineffective', changes: undefined })],
          }),
        ],
      },
    ],
  ],
  AttemptsSpent: [
    ['one of them has left the window', { attempts: [anAttempt(-24 * HOUR), anAttempt(-5 * HOUR), anAttempt(-HOUR)] }],
    [
      'an escalation belongs to the last attempt',
      {
        policies: [aPolicy({ limits: { maxAttempts: 1 }, actions: [recycling(), rewriting()] })],
        attempts: [anAttempt(-HOUR)],
        records: [
          aRecord({
            phase: 'Held',
            steps: [aStep({ action: 'RecyclePod', state: 'Ineffective', changes: undefined })],
          }),
        ],
      },
    ],
  ],
  EditReverted: [
    ['the policy was changed since', { records: [reverted()], policies: [aPolicy({ generation: 2 })] }],
    [
      'the policy was changed since, whatever the annotation says',
      {
        records: [reverted()],
        policies: [aPolicy({ generation: 2 })],
        owner: anOwner({ annotations: rewritten }),
      },
    ],
    [
      'the annotation is of an image before the one that fails',
      { owner: anOwner({ annotations: { 'podmend.io/original-image': '{"coredns":"harbor.od.com/old/coredns:1"}' } }) },
    ],
    [
      'a person reverted another image than the one that fails',
      { owner: anOwner({ annotations: { 'podmend.io/reverted-image': '{"coredns":"harbor.od.com/old/coredns:1"}' } }) },
    ],
    [
      'a person lifted it by a change of the policy, while the record is there',
      {
        owner: anOwner({ annotations: { 'podmend.io/reverted-image': JSON.stringify({ coredns: BROKEN }) } }),
        records: [reverted()],
        policies: [aPolicy({ generation: 2 })],
      },
    ],
    [
      'the policy that wrote was changed since, which another opened the record for',
      {
        records: [reverted({ steps: [aStep({ state: 'Succeeded', policy: writer })] })],
        policies: [aPolicy(), aPolicy({ name: 'writer', uid: 'uid-writer', generation: 2, priority: 1 })],
      },
    ],
    [
      'it is another container that fails with that image',
      {
        records: [reverted()],
        owner: anOwner({
          containers: [
            { name: 'coredns', image: BROKEN },
            { name: 'twin', image: BROKEN },
          ],
        }),
        pods: [aFailingPod({ findings: [aFinding({ container: 'twin' })] })],
      },
    ],
    [
      'it is another container that fails',
      {
        records: [reverted()],
        owner: anOwner({
          containers: [
            { name: 'coredns', image: BROKEN },
            { name: 'proxy', image: 'harbor.od.com/k8s/proxy:2' },
          ],
        }),
        pods: [aFailingPod({ findings: [aFinding({ container: 'proxy', image: 'harbor.od.com/k8s/proxy:2' })] })],
        facts: { registry: { 'harbor.od.com/public/proxy:2': exists() } },
      },
    ],
    ['our own undo of a remedy that did not help is none', { records: [undone] }],
    [
      'the record’s change was for another container',
      {
        records: [
          reverted({
            steps: [
              aStep({ state: 'Succeeded', changes: [{ container: 'other', init: false, from: BROKEN, to: PATCHED }] }),
            ],
          }),
        ],
      },
    ],
    [
      'the intent was never written',
      { records: [aRecord({ phase: 'Cancelled', steps: [aStep({ state: 'Failed' })] })] },
    ],
  ],
  ManagedElsewhere: [
    ['Helm alone does not hold', { owner: anOwner({ managers: [helm] }) }],
    [
      'the policy acts on managed workloads',
      { owner: anOwner({ managers: [argo] }), policies: [aPolicy({ managedWorkloads: 'Act' })] },
    ],
  ],
  TemplateDiffers: [
    [
      'another text for the same image is no difference',
      {
        owner: anOwner({ containers: [{ name: 'coredns', image: 'k8s/coredns' }] }),
        pods: [aFailingPod({ findings: [aFinding({ image: 'docker.io/k8s/coredns:latest' })] })],
        policies: [
          aPolicy({
            actions: [rewriting({ verify: 'Never', rules: [{ from: 'docker.io/k8s', to: 'harbor.od.com/public' }] })],
          }),
        ],
      },
    ],
    [
      'an injected sidecar that fails too is left out',
      { pods: [aFailingPod({ findings: [aFinding({ container: 'istio-proxy' }), aFinding()] })] },
    ],
  ],
  RolloutBlocked: [['pods that are made anew are recycled', { policies: [aPolicy({ actions: [recycling()] })] }]],
  FactUnknown: [
    ['the kubelet says it', { pods: [aFailingPod({ findings: [aFinding({ source: 'kubelet' })] })] }],
    ['the registry says it', { pods: [aFailingPod({ findings: [aFinding({ source: 'registry' })] })] }],
  ],
  BudgetSpent: [
    ['fewer run than may', { policies: [aPolicy({ limits: { maxConcurrent: 2 } })], active: { moved: 1 } }],
    ['others’ remediations do not count', { active: { other: 9 } }],
    [
      'others’ attempts within the hour do not count',
      {
        policies: [aPolicy({ limits: { maxPerHour: 1 } })],
        attempts: [anAttempt(-MIN, { policy: 'other', incident: 'other' })],
      },
    ],
  ],
  TooManyUnhealthy: [['an image action touches no node', {}]],
  ControlPlaneNode: [
    [
      'an image action touches no node, also of the control plane',
      { facts: { node: known(aNode({ controlPlane: true })) } },
    ],
  ],
  TargetUnverified: [
    [
      'if reachable: the registry cannot be reached',
      answer({ kind: 'unreachable', message: 'timeout' }, 'IfReachable'),
    ],
    ['never: whatever the registry says', answer({ kind: 'tagMissing', message: 'manifest unknown' }, 'Never')],
    [
      'a variant of the node’s platform is there',
      {
        facts: {
          node: known(aNode({ platform: 'linux/arm64' })),
          registry: { [PATCHED]: exists({ platforms: ['linux/amd64', 'linux/arm64/v8'] }) },
        },
      },
    ],
    ['the pinned digest is there', pinnedCase(`sha256:${'b'.repeat(64)}`)],
    [
      'recycling a pod needs no target',
      { policies: [aPolicy({ actions: [recycling()] })], facts: { registry: { [PATCHED]: undefined } } },
    ],
  ],
  AwaitingApproval: [['this very plan was approved', { policies: [approving], records: approval({}) }]],
}

for (const [reason, rows] of Object.entries(passes)) {
  for (const [sentence, words] of rows) {
    test(`${reason} passes when ${sentence}`, () => {
      expect(decide(aCase(words))).toMatchObject({ kind: 'Act' })
    })
  }
}

test('A held verdict carries the plan, so that the record shows it', () => {
  expect(decide(aCase({ owner: anOwner({ managers: [argo] }) }))).toMatchObject({
    kind: 'Hold',
    plan: { type: 'RewriteImage' },
  })
})

test('The first to object holds: the stop of the operator comes before that of a policy', () => {
  const c = aCase({ operator: { paused: known(true) }, policies: [aPolicy({ suspend: true })] })
  expect(decide(c)).toMatchObject({ reason: 'OperatorPaused' })
})

test('A rewrite that loses a pinned digest holds', () => {
  const policy = aPolicy()
  const c = aCase({
    ...pinnedCase(`sha256:${'b'.repeat(64)}`),
    policies: [{ ...policy, matches: { ...policy.matches, rewrite: () => ({ to: PATCHED }) } }],
  })
  expect(decide(c)).toMatchObject({
    kind: 'Hold',
    reason: 'TargetUnverified',
    message: expect.stringContaining('digest'),
  })
})
