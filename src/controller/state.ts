/** The in-memory state of the controller, filled by watches and by its own work. Performs no I/O. */
import { admitPolicy } from '../api/policy/compile.ts'
import { occupiesNode } from '../decide/guardrails/target.ts'
import { type Fact, unknown } from '../model/incident.ts'
import { type AttemptHistory, createAttemptHistory } from '../report/attempts.ts'
import type { Clock } from '../runtime/clock.ts'
import { createNodeCache, type NodeCache } from '../watch/node-cache.ts'
import { createPodCache, type PodCache } from '../watch/pod-cache.ts'
import { createPolicyCache, type PolicyCache } from '../watch/policy-cache.ts'
import { createRemediationCache, type RemediationCache } from '../watch/remediation-cache.ts'
import type { Stale, WatchName } from '../watch/informers.ts'
import { createIncidents, type Incidents } from './incidents.ts'
import { createReservations, type Reservations } from './limits.ts'

export interface State {
  /** Pods that may be broken. */
  readonly pods: PodCache
  readonly nodes: NodeCache
  readonly policies: PolicyCache
  readonly remediations: RemediationCache
  /** Open incidents. */
  readonly incidents: Incidents
  /** Attempts of the last 24 hours. */
  readonly attempts: AttemptHistory
  readonly reservations: Reservations
  /** Whether the operator's namespace has the stop annotation; unknown until it was read. */
  paused: Fact<boolean>
  /** Which watches are out of date, and why. */
  stale: Stale
  /** Whether a watch works at this moment. */
  works: (name: WatchName) => boolean
}

export interface StateOptions {
  /** The operator's own namespace. */
  readonly namespace: string
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** Called with the key (`podKey`) of a pod that may be broken and has changed. */
  readonly onPodChange: (key: string) => void
}

export const createState = ({ namespace, clock, onPodChange }: StateOptions): State => ({
  pods: createPodCache({ now: clock.now, onChange: onPodChange }),
  nodes: createNodeCache(),
  policies: createPolicyCache(admitPolicy),
  remediations: createRemediationCache(occupiesNode, clock),
  incidents: createIncidents(),
  attempts: createAttemptHistory(clock),
  reservations: createReservations(),
  paused: unknown(`namespace ${namespace} was not read, so its stop annotation is not known`),
  stale: () => undefined,
  works: () => true,
})
