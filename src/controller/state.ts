/** The in-memory state of the controller, filled by watches and by its own work. Performs no I/O. */
import { admitPolicy } from '../api/policy/compile.ts'
import type { Config } from '../config/config.ts'
import { detectPodFailures } from '../diagnose/pod/findings.ts'
import { type Fact, type FailingPod, unknown } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { podKey } from '../model/pod.ts'
import { type AttemptHistory, createAttemptHistory } from '../report/attempts.ts'
import type { Clock } from '../runtime/clock.ts'
import { createNodeCache, type NodeCache } from '../watch/node-cache.ts'
import { createPodCache, type PodCache } from '../watch/pod-cache.ts'
import { createPolicyCache, type PolicyCache } from '../watch/policy-cache.ts'
import { createRemediationCache, type RemediationCache } from '../watch/remediation-cache.ts'
import type { Stale, WatchName } from '../watch/informers.ts'
import { type Snapshot, takeSnapshot } from './evaluate.ts'
import { createIncidents, type Incidents, type OpenIncident } from './incidents.ts'
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
  remediations: createRemediationCache(clock),
  incidents: createIncidents(),
  attempts: createAttemptHistory(clock),
  reservations: createReservations(),
  paused: unknown(`namespace ${namespace} was not read, so its stop annotation is not known`),
  stale: () => undefined,
  works: () => true,
})

/** What a watch reported; unknown while the watch is out of date. Why a fact is unknown itself, such as a missing right, says more. */
const unlessStale = <T>(why: string | undefined, fact: Fact<T>): Fact<T> =>
  why === undefined || !fact.known ? fact : unknown(why)

/** Objects that the API server protects, without which a decision would not know what was decided or written before. */
const DECISIVE = ['remediationpolicies', 'remediations'] as const

/** The current inputs of a decision on this incident. `now` in ms since the epoch. */
export const snapshotOf = (
  state: State,
  incident: OpenIncident,
  config: Pick<Config, 'namespace' | 'maxActionsPerHour' | 'stabilizationWindowMs'>,
  now: number,
): Snapshot =>
  takeSnapshot(
    incident,
    {
      policies: state.policies.inForce(),
      remediations: state.remediations,
      attempts: state.attempts.recent(),
      reservations: state.reservations,
      nodes: unlessStale(state.stale('nodes'), state.nodes.fact()),
      stale: DECISIVE.flatMap((name) => state.stale(name) ?? []),
      operator: {
        namespace: config.namespace,
        paused: unlessStale(state.stale('namespaces'), state.paused),
        maxActionsPerHour: config.maxActionsPerHour,
        stabilizationMs: config.stabilizationWindowMs,
      },
    },
    now,
  )

/** The failures of a pod, from its status and its Warning Events. */
export const failuresOf = (pod: Pod, { pods }: Pick<State, 'pods'>, now: number): FailingPod =>
  detectPodFailures(pod, pods.get(podKey(pod.metadata))?.warnings ?? [], now)
