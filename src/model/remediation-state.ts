import type { Remediation } from '../api/kinds.ts'
import type { RemediationSpec, RemediationStep } from '../api/remediation.ts'
import type { DecisionInput, PolicyInForce } from './decision-input.ts'
import { parseTime } from './duration.ts'
import { type FactName, incidentKey } from './incident.ts'
import type { ManagedFieldsEntry, ObjectRef } from './kubernetes.ts'
import { AREA_LABEL, ORIGINAL_IMAGE_ANNOTATION, REVERTED_IMAGE_ANNOTATION } from './names.ts'
import { HOLD_REASONS, type HoldReason } from './reasons.ts'
import { type Cause, CAUSES_BY_AREA, type IncidentArea, incidentAreaOf } from './causes.ts'

/** A remedy is being carried out or verified: it uses up what policies allow at once. */
export const isInProgress = ({ status }: Pick<Remediation, 'status'>): boolean =>
  status?.phase === 'Running' || status?.phase === 'Verifying'

export interface InProgress {
  readonly record: Remediation
  /** In state `Intended`: it may or may not have been written. In state `Done`: it was. */
  readonly step: RemediationStep
}

/** The current version of the policy that began the remedy in progress; undefined if it is gone. */
export const policyOf = ({ policies }: DecisionInput, record: Remediation): PolicyInForce | undefined =>
  policies.find(({ uid }) => uid === policyRefOf(record).uid)

/** Whether the policy has an action after the one in progress; the policy may have changed since. */
export const hasFurtherAction = (c: DecisionInput, { record, step }: InProgress): boolean => {
  const policy = policyOf(c, record)
  return policy?.generation === policyRefOf(record).generation && step.index + 1 < policy.spec.actions.length
}

/** The fact with the owner's pods, including those that the step wrote to. */
export const podsOf = ({ step }: InProgress): FactName => ({ fact: 'pods', named: step.pods })

export const isUndo = ({ kind }: RemediationStep): boolean => kind === 'Undo'

/** The last step that was begun. */
export const lastBegun = (steps: readonly RemediationStep[]): RemediationStep | undefined =>
  steps.findLast(({ state }) => state !== 'Planned')

/** Whether one step undid what another wrote. An undo that was refused or is in progress did not. */
export const tookBack = (undo: RemediationStep, step: RemediationStep): boolean =>
  isUndo(undo) && undo.state === 'Undone' && undo.attempt === step.attempt && undo.index === step.index

/** Whether a record is open: it waits for a guardrail, a person, its verification or the next action. */
export const isOpen = ({ status }: Pick<Remediation, 'status'>): boolean => status?.finishedAt === undefined

/** The step that was begun and has no outcome yet: it is in progress, or something holds the rest of it. */
const unfinishedStep = (record: Pick<Remediation, 'status'>): RemediationStep | undefined => {
  const step = isOpen(record) ? lastBegun(record.status?.steps ?? []) : undefined
  return step?.state === 'Intended' || step?.state === 'Done' ? step : undefined
}

/** Whether something may have been written whose outcome is not known yet. */
export const isUnfinished = (record: Pick<Remediation, 'status'>): boolean =>
  isInProgress(record) || unfinishedStep(record) !== undefined

/** The newest attempt without an outcome for this incident: a record, and its last step. */
export const attemptInProgress = ({ records }: Pick<DecisionInput, 'records'>): InProgress | undefined => {
  for (const record of records) {
    const step = unfinishedStep(record)
    if (step) return { record, step }
  }
  return undefined
}

const wasBegun = ({ status }: Remediation): boolean => (status?.steps ?? []).some(({ state }) => state !== 'Planned')

/**
 * The open record with which an incident of this revision continues: its own or, if a remedy created this revision, the
 * record of that remedy.
 */
export const openRecordOf = (records: readonly Remediation[], templateHash: string): Remediation | undefined => {
  const open = records.filter(isOpen)
  return open.find(({ spec }) => spec.templateHash === templateHash) ?? open.find(wasBegun)
}

const HOLDS: ReadonlySet<string> = new Set(HOLD_REASONS)

/** Whether a reason is that of a guardrail. */
export const isHoldReason = (reason: string | undefined): reason is HoldReason =>
  reason !== undefined && HOLDS.has(reason)

export const hasSucceeded = ({ status }: Pick<Remediation, 'status'>): boolean => status?.phase === 'Succeeded'

/** Whether everything that was recorded has ended, so that a pod that failed before may be repaired, replaced or gone. */
export const allHaveEnded = (records: readonly Remediation[]): boolean => records.length > 0 && !records.some(isOpen)

/** The finished records of a revision. Each is final: a later failure has its own record. */
export const finishedRecordsOf = (records: readonly Remediation[], templateHash: string): readonly Remediation[] =>
  records.filter((record) => !isOpen(record) && record.spec.templateHash === templateHash)

/** Open records of other revisions without an attempt: what they wait for no longer matters. */
export const supersededRecords = (records: readonly Remediation[], templateHash: string): readonly Remediation[] =>
  records.filter((record) => isOpen(record) && record.spec.templateHash !== templateHash && !wasBegun(record))

/** The plan that was rejected on a finished record; undefined if none was. */
const rejectedPlanOf = ({ spec: { approval }, status }: Remediation): string | undefined => {
  if (status?.phase !== 'Cancelled') return undefined
  if (status.reason === 'Denied' || status.reason === 'Expired') return status.planHash
  // It was closed for another reason before the denial was seen.
  return approval?.decision === 'Denied' ? approval.planHash : undefined
}

/** The finished record on which this plan was rejected: it is not proposed again while that record exists. */
export const rejectedOn = (
  records: readonly Remediation[],
  templateHash: string,
  planHash: string,
): Remediation | undefined =>
  finishedRecordsOf(records, templateHash).find((record) => rejectedPlanOf(record) === planHash)

/** Steps that were proposed, newest first: on the open record, and on those that ended with a rejected plan. */
export const proposalsOf = (
  records: readonly Remediation[],
  templateHash: string,
): readonly { readonly step: RemediationStep; readonly isDenied: boolean }[] => {
  const open = openRecordOf(records, templateHash)
  const rejected = finishedRecordsOf(records, templateHash).filter((record) => rejectedPlanOf(record) !== undefined)
  return [...(open ? [open] : []), ...rejected].flatMap(({ spec: { approval }, status }) =>
    (status?.steps ?? []).toReversed().map((step) => ({
      step,
      isDenied: approval?.decision === 'Denied' && approval.planHash === step.planHash,
    })),
  )
}

/**
 * Whether a hold would only open a record to end it at once: nothing is open, and the failure is over, or the plan was
 * rejected before.
 */
export const endsUnrecorded = (
  records: readonly Remediation[],
  templateHash: string,
  {
    reason,
    ends,
    plan,
  }: {
    readonly reason: string
    readonly ends?: string | undefined
    readonly plan?: { readonly hash: string } | undefined
  },
): boolean =>
  openRecordOf(records, templateHash) === undefined &&
  (reason === 'AlreadyRecovered' ||
    (ends !== undefined && plan !== undefined && rejectedOn(records, templateHash, plan.hash) !== undefined))

// The policy of a record: another one may have taken over since, e.g. one that acts from one that observes.

export type PolicyRef = RemediationSpec['policy']

/** The policy that applies now; while a remedy is in progress, the one that began it. */
export const policyRefOf = ({ spec, status }: Pick<Remediation, 'spec' | 'status'>): PolicyRef =>
  status?.policy ?? spec.policy

/** The policy by which a step was planned. */
export const policyOfStep = ({ spec }: Pick<Remediation, 'spec'>, { policy }: RemediationStep): PolicyRef =>
  policy ?? spec.policy

// When a person decided, by the API server's clock, from managedFields.

const hasField = (fields: unknown, name: string): fields is Readonly<Record<string, unknown>> =>
  typeof fields === 'object' && fields !== null && Object.hasOwn(fields, name)

const wroteApproval = ({ fieldsV1, subresource }: ManagedFieldsEntry): boolean =>
  !subresource && hasField(fieldsV1, 'f:spec') && hasField(fieldsV1['f:spec'], 'f:approval')

/** The entries of `metadata.managedFields` that show a decision; the others are large and not needed. */
export const approvalEntries = (entries: readonly ManagedFieldsEntry[] = []): readonly ManagedFieldsEntry[] =>
  entries.filter(wroteApproval)

// When the status was written, by the API server's clock: the controller's own may be wrong.

/** The entries that show it, without the fields, which are large. */
export const statusEntries = (entries: readonly ManagedFieldsEntry[] = []): readonly ManagedFieldsEntry[] =>
  entries.filter(({ subresource }) => subresource === 'status').map(({ fieldsV1: _, ...entry }) => entry)

const statusWrittenAt = ({ metadata }: Pick<Remediation, 'metadata'>): number | undefined => {
  const times = statusEntries(metadata.managedFields).flatMap(({ time }) => parseTime(time) ?? [])
  return times.length > 0 ? Math.max(...times) : undefined
}

/** When the intent of the step was recorded: by the last write of the status, unless a later write noted it. */
export const recordedAt = (record: Pick<Remediation, 'metadata'>, step: RemediationStep): number | undefined =>
  parseTime(step.recordedAt) ?? statusWrittenAt(record)

/** ms since the epoch, to the second; undefined without a recorded decision. */
export const decidedAt = ({ metadata }: Pick<Remediation, 'metadata'>): number | undefined => {
  const times = approvalEntries(metadata.managedFields).flatMap(({ time }) => parseTime(time) ?? [])
  return times.length > 0 ? Math.max(...times) : undefined
}

/** The content of an annotation about images: container name → image. */
export type ImagesByContainer = Readonly<Record<string, string>>

type Annotations = Readonly<Record<string, string>>

/** Images before the first rewrite. Nothing can be undone from an invalid annotation, so it counts as empty. */
export const readOriginals = (annotations: Annotations = {}): ImagesByContainer =>
  readImages(annotations[ORIGINAL_IMAGE_ANNOTATION])

/** Images that a person restored. */
export const readReverted = (annotations: Annotations = {}): ImagesByContainer =>
  readImages(annotations[REVERTED_IMAGE_ANNOTATION])

const readImages = (text: string | undefined): ImagesByContainer => {
  try {
    const parsed: unknown = JSON.parse(text ?? '{}')
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return {}
    const texts = Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    // Container names are looked up in it, and one may be called `constructor`.
    return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(texts))
  } catch {
    return {}
  }
}

/** The area of the failure: from the cause, which is immutable; only for an unknown cause from the label. */
export const areaOfRecord = ({ metadata, spec }: Remediation): IncidentArea | undefined => {
  const area = incidentAreaOf(spec.cause as Cause)
  const label = metadata.labels?.[AREA_LABEL]
  return area ?? (label !== undefined && Object.hasOwn(CAUSES_BY_AREA, label) ? (label as IncidentArea) : undefined)
}

/** The object that a record is about. */
export const targetOf = ({ spec }: Remediation): ObjectRef => {
  const { namespace, ...ref } = spec.target
  return { ...ref, ...(namespace !== undefined && { namespace }) }
}

/** Whether a record is in the namespace of its target: permission to create records in one namespace must not affect others, or nodes. */
export const isInPlace = ({ metadata, spec }: Remediation, operatorNamespace: string): boolean =>
  metadata.namespace === (spec.target.namespace ?? operatorNamespace)

/** Queue key of the incident that a record is about; undefined if its area is unknown. */
export const incidentKeyOf = (record: Remediation): string | undefined => {
  const area = areaOfRecord(record)
  return area && incidentKey(targetOf(record), area)
}

export interface Tried {
  readonly record: Remediation
  readonly step: RemediationStep
}

/** Steps that were begun, newest first. */
export const triedSteps = ({ records }: DecisionInput): readonly Tried[] =>
  records
    .flatMap((record) => (record.status?.steps ?? []).toReversed().map((step): Tried => ({ record, step })))
    .filter(({ step }) => step.state !== 'Planned')
    .toSorted((a, b) => (beganAt(a) < beganAt(b) ? 1 : beganAt(a) > beganAt(b) ? -1 : 0))

export const beganAt = ({ step }: Tried): string => step.intendedAt ?? step.actedAt ?? ''
