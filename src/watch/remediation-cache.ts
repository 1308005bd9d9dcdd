import type { Remediation } from '../api/kinds.ts'
import type { ActionType } from '../api/policy/actions.ts'
import type { IncidentArea } from '../model/causes.ts'
import { type Identity, objectKey } from '../model/incident.ts'
import {
  areaOfRecord,
  hasSucceeded,
  incidentKeyOf,
  isHoldReason,
  isInProgress,
  isUnfinished,
  isOpen,
  policyRefOf,
  targetOf,
} from '../model/remediation-state.ts'
import { type Seen, recordAsOf } from '../model/seen.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'

/** Who a record is about: by its target, which the API server keeps immutable, not by its labels, and never by the uid alone. */
const ownerOf = (record: Remediation): string => objectKey(targetOf(record))

/**
 * All Remediations by uid, from the watch and from our own writes. The later version wins; otherwise a decision right
 * after a write would use the state before it.
 */
export interface RemediationCache {
  readonly put: (record: Remediation) => void
  readonly drop: (uid: string) => void
  /** Accepts any version of each known record once more: the API server was restored to an earlier state. */
  readonly forgetVersions: () => void
  readonly get: (uid: string) => Remediation | undefined
  /** The same record with times as of now, for decisions: see `recordAsOf`. */
  readonly asOfNow: (record: Remediation) => Remediation
  readonly all: () => readonly Remediation[]
  readonly countByPhase: () => Readonly<Record<string, number>>
  /** Open records that a guardrail holds, by policy and reason. */
  readonly countHeld: () => readonly HeldCount[]
  /** Counts of one policy: in progress, and held by a guardrail or for approval. */
  readonly countOf: (policy: string) => { readonly active: number; readonly held: number }
  /** Records that succeeded under the policy of this uid. */
  readonly countSucceeded: (policyUid: string) => number
  /** Records of one owner and area, newest first. */
  readonly of: (owner: Identity, area: IncidentArea) => readonly Remediation[]
  readonly ofOwner: (owner: Identity) => readonly Remediation[]
  /** Records in progress by policy, excluding those of one incident, by `incidentKey`. */
  readonly activeByPolicy: (except: string) => Readonly<Record<string, number>>
  /** uids of nodes with a disruptive remedy in progress, excluding that of one incident, by `incidentKey`. */
  readonly nodesUnderRepair: (except: string) => readonly string[]
}

const version = (record: Remediation): bigint => {
  const text = record.metadata.resourceVersion
  return /^\d+$/.test(text) ? BigInt(text) : 0n
}

/** `occupiesNode`: whether an action keeps other work from its node; the remedies know. */
export const createRemediationCache = (
  occupiesNode: (action: ActionType) => boolean,
  clock: Pick<Clock, 'now' | 'monotonic'> = systemClock,
): RemediationCache => {
  const seen = new WeakMap<Remediation, Seen>()
  const seenNow = (): Seen => ({ wall: clock.now(), monotonic: clock.monotonic() })
  const byUid = new Map<string, Remediation>()
  const byOwner = new Map<string, Set<string>>()
  const unfinished = new Set<string>()
  /** Records whose known version means nothing. */
  const versionless = new Set<string>()

  const drop = (uid: string): void => {
    const record = byUid.get(uid)
    const owner = record ? ownerOf(record) : ''
    const uids = byOwner.get(owner)
    uids?.delete(uid)
    if (uids?.size === 0) byOwner.delete(owner)
    byUid.delete(uid)
    unfinished.delete(uid)
    versionless.delete(uid)
  }

  const ofOwner = (owner: Identity): readonly Remediation[] =>
    [...(byOwner.get(objectKey(owner)) ?? [])].flatMap((uid) => byUid.get(uid) ?? [])

  /** Records with a step that has no outcome yet, excluding those of one incident. */
  const unfinishedBut = (except: string): readonly Remediation[] =>
    [...unfinished].flatMap((uid) => {
      const record = byUid.get(uid)
      return !record || incidentKeyOf(record) === except ? [] : [record]
    })

  return {
    put: (record) => {
      const { uid } = record.metadata
      const before = byUid.get(uid)
      if (before && !versionless.delete(uid) && version(before) > version(record)) return
      byUid.set(uid, record)
      seen.set(record, seenNow())
      const owner = ownerOf(record)
      const uids = byOwner.get(owner) ?? new Set()
      byOwner.set(owner, uids.add(uid))
      if (isUnfinished(record)) unfinished.add(uid)
      else unfinished.delete(uid)
    },
    drop,
    forgetVersions: () => {
      for (const uid of byUid.keys()) versionless.add(uid)
    },
    get: (uid) => byUid.get(uid),
    asOfNow: (record) => {
      const when = seen.get(record)
      return when ? recordAsOf(record, when, seenNow()) : record
    },
    all: () => [...byUid.values()],
    countByPhase: () => {
      const counts: Record<string, number> = {}
      for (const { status } of byUid.values()) {
        if (status?.phase) counts[status.phase] = (counts[status.phase] ?? 0) + 1
      }
      return counts
    },
    countHeld: () => {
      const held = [...byUid.values()].filter((record) => isOpen(record) && isHoldReason(record.status?.reason))
      const kinds = Map.groupBy(held, (record) => `${record.status?.reason} ${policyRefOf(record).name}`)
      return [...kinds].map(([kind, { length: count }]) => {
        const [reason = '', policy = ''] = kind.split(' ')
        return { policy, reason, count }
      })
    },
    countOf: (policy) => {
      const mine = [...byUid.values()].filter((record) => policyRefOf(record).name === policy)
      const held = mine.filter(({ status }) => status?.phase === 'Held' || status?.phase === 'AwaitingApproval')
      return { active: mine.filter(isInProgress).length, held: held.length }
    },
    countSucceeded: (policyUid) =>
      [...byUid.values()].filter((record) => hasSucceeded(record) && policyRefOf(record).uid === policyUid).length,
    of: (owner, area) =>
      ofOwner(owner)
        .filter((record) => areaOfRecord(record) === area)
        .toSorted((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '')),
    ofOwner,
    nodesUnderRepair: (except) =>
      unfinishedBut(except).flatMap(({ spec, status }) =>
        spec.target.kind === 'Node' && (status?.action === undefined || occupiesNode(status.action))
          ? [spec.target.uid]
          : [],
      ),
    activeByPolicy: (except) => {
      const counts: Record<string, number> = {}
      for (const record of unfinishedBut(except).filter(isInProgress)) {
        const { name } = policyRefOf(record)
        counts[name] = (counts[name] ?? 0) + 1
      }
      return counts
    },
  }
}

/** Number of records of one policy that are held for one reason. */
export interface HeldCount {
  readonly policy: string
  readonly reason: string
  readonly count: number
}
