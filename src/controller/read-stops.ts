/**
 * Reads what stops a write right before it: the operator's namespace and the policy. A watch may be late or broken, and
 * does not know it yet. Costs two requests for each remediation.
 */
import type { RemediationPolicy } from '../api/kinds.ts'
import { whyUnread } from '../diagnose/reads.ts'
import type { KubeClient } from '../kube/client.ts'
import { notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import { type Fact, known, unknown } from '../model/incident.ts'
import type { KubeObject } from '../model/kubernetes.ts'
import type { PolicyRef } from '../model/remediation-state.ts'
import { pauses } from '../model/safety-switches.ts'
import type { Snapshot } from './evaluate.ts'
import type { State } from './state.ts'

export interface ReadStopsDeps {
  readonly client: Pick<KubeClient, 'get'>
  /** The operator's own namespace. */
  readonly namespace: string
  readonly state: Pick<State, 'policies' | 'attempts'>
  /** A policy differs from what its watch reported. */
  readonly policiesChanged: () => void
}

/** What was read; it takes precedence over what the watches reported. */
export interface Stops {
  readonly paused: Fact<boolean>
  /** Why the policy could not be read. */
  readonly unread?: string
}

export const createReadStops = ({
  client,
  namespace,
  state: { policies, attempts },
  policiesChanged,
}: ReadStopsDeps) => {
  const readPaused = async (): Promise<Fact<boolean>> => {
    const path = pathOf({ kind: 'Namespace', name: namespace })
    try {
      return known(pauses((await client.get<KubeObject>(path)).metadata))
    } catch (error) {
      return notFound(error) ? known(true) : unknown(whyUnread(path, error))
    }
  }

  /** Updates the cache; returns why it could not. */
  const readPolicy = async ({ name, uid }: PolicyRef): Promise<string | undefined> => {
    const path = pathOf({ kind: 'RemediationPolicy', name })
    try {
      const policy = await client.get<RemediationPolicy & KubeObject>(path)
      if (policy.metadata.uid !== uid) policies.drop(uid)
      // Another leader may have used the budget.
      attempts.sawPolicy(policy)
      if (policies.put(policy)) policiesChanged()
      return undefined
    } catch (error) {
      if (!notFound(error)) return whyUnread(path, error)
      policies.drop(uid)
      policiesChanged()
      return undefined
    }
  }

  return {
    readPaused,
    /** Never rejects: what cannot be read is unknown, and holds. */
    readStops: async (policy: PolicyRef): Promise<Stops> => {
      const [paused, unread] = await Promise.all([readPaused(), readPolicy(policy)])
      return { paused, ...(unread !== undefined && { unread }) }
    },
  }
}

/** A snapshot with what was just read. A pause counts from either source: the watch may report it after the read. */
export const withStops = (snapshot: Snapshot, { paused, unread }: Stops): Snapshot => ({
  ...snapshot,
  operator: { ...snapshot.operator, paused: paused.known && !paused.value ? snapshot.operator.paused : paused },
  ...(unread !== undefined && { stale: [...(snapshot.stale ?? []), unread] }),
})
