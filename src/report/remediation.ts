/**
 * Remediation records: created under a deterministic name and updated by compare-and-swap. `nextStatus` computes the
 * status; this file only writes it.
 *
 * A record has no ownerReferences: it must outlive its workload (recreating a workload must not reset the attempts), and
 * a tenant must not be able to delete it by deleting the workload. Garbage collection deletes it.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Remediation } from '../api/kinds.ts'
import type { RemediationSpec, RemediationStatus } from '../api/remediation.ts'
import type { KubeClient } from '../kube/client.ts'
import { alreadyExists, conflict, Retry, Terminal } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import type { IncidentArea } from '../model/causes.ts'
import { isoTime } from '../model/duration.ts'
import { type Diagnosis, type FailingPod, type Incident, objectKey, remediationName } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { API_VERSION, AREA_LABEL, OWNER_UID_LABEL, POLICY_LABEL } from '../model/names.ts'
import { clip, printable } from '../model/printable.ts'
import {
  areaOfRecord,
  finishedRecordsOf,
  isUnfinished,
  isOpen,
  lastBegun,
  type PolicyRef,
  recordedAt,
  targetOf,
} from '../model/remediation-state.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import { learned, withLast } from './status-fields.ts'
import { nextStatus, type Observation, type StatusChange } from './status.ts'

type RecordApi = Pick<KubeClient, 'get' | 'create' | 'replace'>

export interface Subject {
  readonly incident: Incident
  readonly diagnosis: Diagnosis
  readonly policy: PolicyRef
  /** The known records of the incident, newest first: those of this revision are final, so a new failure needs a new record. */
  readonly earlier?: readonly Remediation[]
}

const MAX_ROUNDS = 3
const MAX_LABEL = 63

const locate = ({ metadata: { namespace, name } }: Remediation, subresource?: string): string =>
  pathOf({ kind: 'Remediation', namespace, name, subresource })

/** The name of a policy as a label value; names that are too long end in a hash. */
export const policyLabel = (name: string): string =>
  name.length <= MAX_LABEL
    ? name
    : `${name.slice(0, MAX_LABEL - 9)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`

/** The current observation of an incident. */
export const observationOf = ({ pods }: Incident): Observation => ({
  failingPods: pods.length,
  firstSeen: pods.length > 0 ? Math.min(...pods.map(({ since }) => since)) : undefined,
})

const podOf = ({ metadata: { name, uid, namespace } }: Pod): RemediationSpec['pod'] => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name,
  uid,
  ...(namespace !== undefined && { namespace }),
})

/** Cause and evidence; those of the record before, if the diagnosis knows less: an early hold queries no registry. */
const causeOf = ({ incident, diagnosis, earlier = [] }: Subject): Pick<RemediationSpec, 'cause' | 'evidence'> => {
  const [before] = finishedRecordsOf(earlier, incident.templateHash)
  const { cause = diagnosis.cause, evidence } = learned(before?.status ?? {}, diagnosis)
  return { cause, ...(evidence && { evidence }) }
}

const specOf = (subject: Subject): RemediationSpec => {
  const { incident, diagnosis, policy } = subject
  const { apiVersion, kind, namespace, name, uid } = incident.owner.ref
  // Pods of one owner may fail by different causes.
  const of = ({ findings }: FailingPod): boolean => findings.some(({ cause }) => cause === diagnosis.cause)
  const failing = diagnosis.pods.find(of) ?? incident.pods[0]
  const message = diagnosis.findings.find(({ cause }) => cause === diagnosis.cause)?.message
  return {
    policy,
    target: { apiVersion, kind, name, uid, ...(namespace !== undefined && { namespace }) },
    templateHash: incident.templateHash,
    ...(message && { message: clip(message, 4_096) }),
    ...(failing && {
      // If the node itself fails, there is no pod.
      ...(failing.pod.kind !== 'Node' && { pod: podOf(failing.pod) }),
      ...(failing.pod.spec?.nodeName && { node: failing.pod.spec.nodeName }),
    }),
    ...causeOf(subject),
  }
}

/**
 * The namespace of an incident's record: that of its workload, or the operator's own for a node. The name contains the
 * target's uid, so a recreated node has another record.
 */
const placeOf = ({ owner }: Incident, operatorNamespace: string): string => owner.ref.namespace ?? operatorNamespace

/** The name after the newest of the earlier records. Ordinals, unlike times, do not depend on a clock. */
export const recordNameOf = ({ incident: { owner, area, templateHash }, earlier = [] }: Subject): string => {
  const nameOf = (ordinal?: number) => remediationName(owner.ref.name, owner.ref.uid, area, templateHash, ordinal)
  const first = nameOf()
  const ordinals = earlier.map(({ metadata: { name } }) => {
    const ordinal = name.startsWith(`${first}-`) ? name.slice(first.length + 1) : ''
    return name === first ? 1 : /^\d{1,9}$/.test(ordinal) ? Number(ordinal) : 0
  })
  return nameOf(Math.max(0, ...ordinals) + 1)
}

/** Builds a new record. Pure. */
export const newRecord = (
  subject: Subject,
  operatorNamespace: string,
): Omit<Remediation, 'metadata'> & { readonly metadata: object } => {
  const { incident, policy } = subject
  const { uid } = incident.owner.ref
  const area: IncidentArea = incident.area
  return {
    apiVersion: API_VERSION,
    kind: 'Remediation',
    metadata: {
      name: recordNameOf(subject),
      namespace: placeOf(incident, operatorNamespace),
      labels: { [OWNER_UID_LABEL]: uid, [AREA_LABEL]: area, [POLICY_LABEL]: policyLabel(policy.name) },
    },
    spec: printable(specOf(subject)),
  }
}

export interface Opened {
  readonly record: Remediation
  /** False if it already existed: the decision did not see it, so nothing may be written on it. */
  readonly created: boolean
}

/** Creates the record of an incident, or returns the existing one. `operatorNamespace`: for records of nodes. */
export const openRecord = async (subject: Subject, kube: RecordApi, operatorNamespace: string): Promise<Opened> => {
  const { ref } = subject.incident.owner
  const namespace = placeOf(subject.incident, operatorNamespace)
  const body = newRecord(subject, operatorNamespace)
  try {
    return { record: await kube.create(pathOf({ kind: 'Remediation', namespace }), body), created: true }
  } catch (error) {
    if (!alreadyExists(error)) throw new Error(`opening the record of ${ref.kind} ${ref.name}`, { cause: error })
  }
  const name = recordNameOf(subject)
  const record = await kube.get<Remediation>(pathOf({ kind: 'Remediation', namespace, name }))
  // Anyone who may create Remediations may have used the name; such a record is not ours.
  const isLabelled = record.metadata.labels?.[OWNER_UID_LABEL] === ref.uid
  const isAbout = objectKey(targetOf(record)) === objectKey(ref) && areaOfRecord(record) === subject.incident.area
  if (!isLabelled || !isAbout) {
    throw new Terminal(`Remediation ${name} in namespace ${namespace} is about another object: delete it`)
  }
  return { record, created: false }
}

/** The status to change; a new record knows what it was created with. */
const statusOf = ({ spec: { cause, evidence }, status }: Remediation): RemediationStatus =>
  status ?? { cause, ...(evidence && { evidence }) }

/** The next status. While a step is begun, it says when its intent was recorded: this write hides the time of that one. */
const statusAfter = (record: Remediation, before: RemediationStatus, change: StatusChange): RemediationStatus => {
  const after = nextStatus(before, change)
  const [was, is] = [before, after].map(({ steps = [] }) => lastBegun(steps))
  const isSame = is?.state === 'Intended' && was?.state === 'Intended' && is.intendedAt === was.intendedAt
  const at = after !== before && isSame ? recordedAt(record, was) : undefined
  return at === undefined ? after : { ...after, steps: withLast(after.steps ?? [], { recordedAt: isoTime(at) }) }
}

const put = async (record: Remediation, status: RemediationStatus, kube: RecordApi): Promise<Remediation> =>
  kube.replace<Remediation>(locate(record, 'status'), {
    ...record,
    status: {
      ...printable(status),
      ...(record.metadata.generation !== undefined && { observedGeneration: record.metadata.generation }),
    },
  })

/**
 * Records an intent by compare-and-swap against the version that was decided on. Throws `Retry` if another writer has
 * changed the record: then nothing may be written. Returns the same record if it already has the intent.
 */
export const recordIntent = async (
  record: Remediation,
  change: Extract<StatusChange, { kind: 'Intended' | 'UndoIntended' }>,
  kube: RecordApi,
): Promise<Remediation> => {
  const before = statusOf(record)
  const name = `Remediation ${record.metadata.name}`
  if (!isOpen(record)) throw new Retry(`${name} is finished; nothing is written`)
  const begins = change.kind === 'Intended' && !change.verdict.resume
  if (begins && isUnfinished(record)) throw new Retry(`${name} has a step in progress; nothing is written`)
  const after = statusAfter(record, before, change)
  if (after === before) return record
  try {
    return await put(record, after, kube)
  } catch (error) {
    if (!conflict(error)) {
      const lost = { before: record.status, wanted: after }
      throw new AnswerLost(`recording the intent on ${name}`, lost, { cause: error })
    }
    throw new Retry(`${name} was changed by someone else; nothing is written`, { cause: error })
  }
}

/**
 * Records what happened. After a version conflict (such as an approval), computes the status again from a fresh read,
 * unless another controller has changed the steps. Returns the same record if there is nothing to write.
 */
export const recordChange = async (
  record: Remediation,
  change: StatusChange,
  kube: RecordApi,
): Promise<Remediation> => {
  const name = `Remediation ${record.metadata.name}`
  let current = record
  for (let round = 1; ; round += 1) {
    const before = statusOf(current)
    const after = statusAfter(current, before, change)
    if (after === before) return current
    try {
      return await put(current, after, kube)
    } catch (error) {
      if (!conflict(error)) {
        const written = await asWritten(current, after, kube)
        if (written) return written
        const lost = { before: current.status, wanted: after }
        throw new AnswerLost(`recording ${change.kind} on ${name}`, lost, { cause: error })
      }
      if (round === MAX_ROUNDS) throw new Retry(`${name} keeps changing`, { cause: error })
    }
    current = await kube.get<Remediation>(locate(record))
    if (current.metadata.uid !== record.metadata.uid || !sameStep(current, record)) {
      throw new Retry(`${name} was changed by someone else`)
    }
  }
}

/** The record as it is, if a write whose answer was lost took effect; undefined if it did not, or cannot be read. */
const asWritten = async (
  record: Remediation,
  status: RemediationStatus,
  kube: RecordApi,
): Promise<Remediation | undefined> => {
  const current = await kube.get<Remediation>(locate(record)).catch(() => undefined)
  return current?.metadata.uid === record.metadata.uid && tookEffect(current, status) ? current : undefined
}

const sameStep = (a: Remediation, b: Remediation): boolean => {
  const [x, y] = [a, b].map((record) => lastBegun(record.status?.steps ?? []))
  return x?.planHash === y?.planHash && x?.attempt === y?.attempt && x?.state === y?.state
}

// Changes whose answer was lost, and which may still take effect: the API server may commit a write late.

interface LostChange {
  readonly before: RemediationStatus | undefined
  readonly wanted: RemediationStatus
}

/** The change may or may not have taken effect. */
class AnswerLost extends Error {
  override readonly name = 'AnswerLost'
  readonly change: LostChange
  constructor(message: string, change: LostChange, options: ErrorOptions) {
    super(message, options)
    this.change = change
  }
}

const asStored = (status: RemediationStatus | undefined): object => {
  const { observedGeneration: _, ...rest } = JSON.parse(JSON.stringify(printable(status ?? {}))) as RemediationStatus
  return rest
}

/** Whether the record is as the change wanted it. */
const tookEffect = ({ status }: Remediation, wanted: RemediationStatus): boolean =>
  isDeepStrictEqual(asStored(status), asStored(wanted))

/** One for each record in progress at most; those of records that are never seen again are forgotten. */
const MAX_LOST = 1_000

export const createLostAnswers = () => {
  const lost = new Map<string, LostChange>()
  return {
    /** A write to the record failed. */
    failed: (uid: string, error: unknown): void => {
      if (error instanceof AnswerLost) setBounded(lost, uid, error.change, MAX_LOST)
    },
    /** A later write to the record was answered. */
    answered: (uid: string): void => void lost.delete(uid),
    /** The status before the lost change, once, if the record shows that it took effect. */
    found: (record: Remediation): LostChange | undefined => {
      const { uid } = record.metadata
      const change = lost.get(uid)
      if (!change || !tookEffect(record, change.wanted)) return undefined
      lost.delete(uid)
      return change
    },
  }
}
