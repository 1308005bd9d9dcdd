import type { ImageChange, RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { isoTime } from '../model/duration.ts'
import type { Diagnosis } from '../model/incident.ts'
import type { ObjectRef } from '../model/kubernetes.ts'
import type { Plan } from '../model/plan.ts'
import { clip } from '../model/printable.ts'
import type { PolicyRef } from '../model/remediation-state.ts'
import { remedyOf } from '../remedies/list.ts'

/** Fields that are removed when undefined: a status is replaced as a whole. */
export const put = (before: RemediationStatus, fields: Partial<RemediationStatus>): RemediationStatus => {
  const after: Record<string, unknown> = { ...before, ...fields }
  for (const key of Object.keys(after)) if (after[key] === undefined) delete after[key]
  return after as RemediationStatus
}

/** Status fields from a diagnosis. */
const knownOf = ({ cause, evidence, permanentFix, explanations }: Diagnosis): Partial<RemediationStatus> => ({
  cause,
  ...(evidence.length > 0 && {
    evidence: evidence
      .slice(0, 64)
      .map(({ fact, message }) => ({ fact: clip(fact, 64), message: clip(message, 2_048) })),
  }),
  ...(explanations !== undefined && {
    explanations: explanations.slice(0, 16).map(({ kind, message, image }) => ({
      kind,
      message: clip(message, 2_048),
      ...(image !== undefined && { image }),
    })),
  }),
  ...(permanentFix !== undefined && { permanentFix: clip(permanentFix, 4_096) }),
})

/**
 * Status fields from a check when the record already has a more precise cause: an early hold queries no registry and
 * knows only the messages of the pod. If they leave the cause open, the recorded cause and its evidence stay.
 */
export const learned = (before: RemediationStatus, diagnosis: Diagnosis): Partial<RemediationStatus> => {
  const { cause } = before
  const open = diagnosis.findings.filter((finding) => finding.cause === diagnosis.cause)
  const knowsLess =
    cause !== undefined &&
    cause !== diagnosis.cause &&
    open.some(({ possibleCauses }) => possibleCauses.some((may) => may === cause))
  const known = knownOf(diagnosis)
  return knowsLess ? { ...known, cause, evidence: before.evidence ?? known.evidence } : known
}

// The steps of a record, planned and executed, in order.

/** Limit of the CRD; older steps remain in Events and in the audit log. */
const MAX_STEPS = 64
const MAX_CHANGES = 64
const MAX_PODS = 512
const MAX_LEFT_OUT = 64
const MAX_DIFF = 16_384

const changeOf = ({ container, init, from, to, digestBefore, digestAfter }: ImageChange) => ({
  container,
  init,
  from: clip(from, 512),
  to: clip(to, 512),
  ...(digestBefore !== undefined && { digestBefore }),
  ...(digestAfter !== undefined && { digestAfter }),
})

/** Includes the namespace if it is not the target's: pods on a node are in many. */
const podOf = ({ name, uid, namespace }: NonNullable<RemediationStep['pods']>[number], target: ObjectRef) => ({
  name,
  uid,
  ...(target.kind === 'Node' && namespace !== undefined && { namespace }),
})

type StepOnNode = NonNullable<RemediationStep['node']>

const onNode = ({ touches, detail, message, ...rest }: StepOnNode): StepOnNode => ({
  ...rest,
  ...(detail !== undefined && { detail: clip(detail, 256) }),
  ...(touches !== undefined && { touches: clip(touches, 1_024) }),
  ...(message !== undefined && { message: clip(message, 1_024) }),
})

/** A plan as a step: what the remedy records of it, within the limits of the API. */
export const stepOf = (
  plan: Plan,
  attempt: number,
  state: RemediationStep['state'],
  policy: PolicyRef | undefined,
  kind: NonNullable<RemediationStep['kind']> = 'Act',
): RemediationStep => {
  const { target, changes, pods = [], node } = remedyOf(plan.type).record(plan)
  return {
    index: plan.index,
    attempt,
    ...(policy && { policy }),
    action: plan.type,
    kind,
    state,
    ...(target && { target: refOf(target) }),
    ...(changes && { changes: changes.slice(0, MAX_CHANGES).map(changeOf) }),
    ...(pods.length > 0 && { pods: pods.slice(0, MAX_PODS).map((pod) => podOf(pod, plan.target)) }),
    ...(plan.leftOut?.length && {
      leftOut: plan.leftOut
        .slice(0, MAX_LEFT_OUT)
        .map((pod) => ({ ...podOf(pod, plan.target), why: clip(pod.why, 1_024) })),
    }),
    ...(node && { node: onNode(node) }),
    ...(plan.stops && { stops: plan.stops.slice(0, MAX_PODS) }),
    ...(plan.diff !== '' && { diff: clip(plan.diff, MAX_DIFF) }),
    planHash: plan.hash,
  }
}

const refOf = ({ apiVersion, kind, namespace, name, uid }: NonNullable<RemediationStep['target']>) => ({
  apiVersion,
  kind,
  name,
  uid,
  ...(namespace !== undefined && { namespace }),
})

/** Adds a step, replacing a trailing proposal. */
export const withStep = (steps: readonly RemediationStep[], step: RemediationStep): RemediationStep[] =>
  [...withoutProposal(steps), step].slice(-MAX_STEPS)

/** Steps without a trailing proposal. */
export const withoutProposal = (steps: readonly RemediationStep[]): RemediationStep[] =>
  steps.at(-1)?.state === 'Planned' ? steps.slice(0, -1) : [...steps]

/** Changes the last step that was begun; keeps a trailing proposal. */
export const withLast = (steps: readonly RemediationStep[], change: Partial<RemediationStep>): RemediationStep[] => {
  const at = steps.findLastIndex(({ state }) => state !== 'Planned')
  return steps.map((step, i) => (i === at ? { ...step, ...change } : step))
}

/** A condition of a record or policy. */
export interface StatusCondition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
  lastTransitionTime: string
  observedGeneration?: number | undefined
}

/** Sets a condition; its transition time changes only with its status. */
export const withCondition = <C extends StatusCondition>(
  conditions: readonly C[],
  next: Omit<C, 'lastTransitionTime'>,
  now: number,
): C[] => {
  const before = conditions.find(({ type }) => type === next.type)
  const lastTransitionTime = before && before.status === next.status ? before.lastTransitionTime : isoTime(now)
  const condition = { ...next, message: clip(next.message, 4_096), lastTransitionTime } as C
  return before ? conditions.map((one) => (one === before ? condition : one)) : [...conditions, condition]
}
