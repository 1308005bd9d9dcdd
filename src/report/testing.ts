/** Builders for the tests of reporting: an incident, its plan and verdicts, and overrides to change one thing about them. */
import type { Remediation } from '../api/kinds.ts'
import type { RemediationStatus } from '../api/remediation.ts'
import type { Diagnosis, Incident } from '../model/incident.ts'
import type { VerdictOf } from '../model/plan.ts'
import type { HoldReason } from '../model/reasons.ts'
import type { RecyclePodPlan } from '../remedies/recycle-pod/plan.ts'
import type { RewriteImagePlan } from '../remedies/rewrite-image/plan.ts'
import { nextStatus, type StatusChange } from './status.ts'

export const NOW = Date.parse('2026-03-01T12:00:00Z')
export const BROKEN = 'harbor.od.com/k8s/coredns:1.6.1'
export const PATCHED = 'harbor.od.com/public/coredns:1.6.1'
export const POLICY = { name: 'moved', uid: 'policy-1', generation: 1 }
export const OWNER = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'kube-system',
  name: 'coredns',
  uid: 'owner-1',
}

export const iso = (afterMs = 0): string => new Date(NOW + afterMs).toISOString()

export const aDiagnosis = (overrides: Partial<Diagnosis> = {}): Diagnosis => ({
  cause: 'ProjectNotFound',
  findings: [],
  pods: [],
  evidence: [
    { fact: 'Event', message: 'a program said something' },
    { fact: 'Registry', message: 'harbor.od.com has no project k8s' },
  ],
  permanentFix: 'change the image in the manifest',
  ...overrides,
})

export const aRewrite = (overrides: Partial<RewriteImagePlan> = {}): RewriteImagePlan => ({
  type: 'RewriteImage',
  index: 0,
  hash: 'hash-1',
  diff: '-old\n+new\n',
  timeoutMs: 300_000,
  target: OWNER,
  resourceVersion: '100',
  annotations: {},
  changes: [
    {
      container: 'coredns',
      init: false,
      from: BROKEN,
      to: PATCHED,
      was: BROKEN,
      pointer: '/spec/template/spec/containers/0',
    },
  ],
  thenDelete: [],
  thenPatch: [],
  ...overrides,
})

export const aRecycle = (overrides: Partial<RecyclePodPlan> = {}): RecyclePodPlan => ({
  type: 'RecyclePod',
  index: 0,
  hash: 'hash-2',
  diff: '',
  timeoutMs: 300_000,
  target: OWNER,
  method: 'Delete',
  pods: [{ namespace: 'kube-system', name: 'coredns-1', uid: 'pod-1', resourceVersion: '7' }],
  ...overrides,
})

export const aHold = (reason: HoldReason, overrides: Partial<VerdictOf<'Hold'>> = {}): VerdictOf<'Hold'> => ({
  kind: 'Hold',
  policy: POLICY,
  reason,
  message: `held by ${reason}`,
  requeueAt: NOW + 60_000,
  diagnosis: aDiagnosis(),
  ...overrides,
})

export const anAct = (overrides: Partial<VerdictOf<'Act'>> = {}): VerdictOf<'Act'> => ({
  kind: 'Act',
  policy: POLICY,
  plan: aRewrite(),
  attempt: 1,
  resume: false,
  diagnosis: aDiagnosis(),
  ...overrides,
})

export const aVerification = (
  outcome: VerdictOf<'Verify'>['outcome'],
  reason: string,
  overrides: Partial<VerdictOf<'Verify'>> = {},
): VerdictOf<'Verify'> => ({
  kind: 'Verify',
  outcome,
  reason,
  message: `it is ${outcome}`,
  requeueAt: NOW + 30_000,
  ...overrides,
})

export const DONE: Extract<StatusChange, { kind: 'Acted' }>['outcome'] = { kind: 'Done', at: NOW, wrote: [], left: [] }

export const anIncident = (overrides: Partial<Incident> = {}): Incident => ({
  key: 'owner-1/image',
  area: 'image',
  owner: {
    ref: OWNER,
    resourceVersion: '100',
    support: 'supported',
    containers: [],
    initContainers: [],
    labels: {},
    annotations: {},
    managedFields: [],
    managers: [],
    replicas: 1,
    updatedReplicas: 1,
    generation: 1,
    observedGeneration: 1,
    keepsBrokenPods: false,
    recreatesPods: true,
  },
  pods: [],
  templateHash: '5d78c9869d',
  evidence: [],
  ...overrides,
})

type Untimed<C> = C extends StatusChange ? Omit<C, 'at'> : never
/** A change that the test's own clock gives its time. */
export type Happening = Untimed<StatusChange>

export const happens = (status: RemediationStatus, what: Happening, afterMs = 0): RemediationStatus =>
  nextStatus(status, { at: NOW + afterMs, ...what })

/** A status after these changes, one minute apart, from nothing. */
export const lived = (...changes: readonly Happening[]): RemediationStatus =>
  changes.reduce<RemediationStatus>((status, change, i) => happens(status, change, i * 60_000), {})

export const aRecord = (status: RemediationStatus, overrides: Partial<Remediation['metadata']> = {}): Remediation => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'Remediation',
  metadata: {
    name: 'coredns-image-1234abcd',
    namespace: 'kube-system',
    uid: 'record-1',
    resourceVersion: '1',
    labels: { 'podmend.io/area': 'image', 'podmend.io/owner-uid': 'owner-1' },
    ...overrides,
  },
  spec: { policy: POLICY, cause: 'ProjectNotFound', target: OWNER, templateHash: '5d78c9869d' },
  status,
})
