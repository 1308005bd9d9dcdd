/** What the controller knows, all of it in memory: watches and its own work fill it, nothing here reads or writes. */
import { admitPolicy } from '../api/policy/compile.ts'
import type { Config } from '../config/config.ts'
import { detectPodFailures } from '../diagnose/pod/findings.ts'
import { type Fact, type FailingPod, unknown } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { type AttemptHistory, createAttemptHistory } from '../report/attempts.ts'
import { createNodeCache, type NodeCache } from '../watch/node-cache.ts'
import { createPodCache, type PodCache } from '../watch/pod-cache.ts'
import { createPolicyCache, type PolicyCache } from '../watch/policy-cache.ts'
import { createRemediationCache, type RemediationCache } from '../watch/remediation-cache.ts'
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
  /** Whether the stop annotation is on the operator's namespace; unknown until that was read. */
  paused: Fact<boolean>
}

export interface StateOptions {
  /** The operator's own. */
  readonly namespace: string
  readonly now: () => number
  /** A pod that may be broken changed; called with its uid. */
  readonly onPodChange: (uid: string) => void
}

export const createState = ({ namespace, now, onPodChange }: StateOptions): State => ({
  pods: createPodCache({ now, onChange: onPodChange }),
  nodes: createNodeCache(),
  policies: createPolicyCache(admitPolicy),
  remediations: createRemediationCache(),
  incidents: createIncidents(),
  attempts: createAttemptHistory(),
  reservations: createReservations(),
  paused: unknown(`namespace ${namespace} was not read, so its stop annotation is not known`),
})

/** What a decision on this incident rests on at this instant. `now` in ms since the epoch. */
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
      attempts: state.attempts.recent(now),
      reservations: state.reservations,
      nodes: state.nodes.fact(),
      operator: {
        namespace: config.namespace,
        paused: state.paused,
        maxActionsPerHour: config.maxActionsPerHour,
        stabilizationMs: config.stabilizationWindowMs,
      },
    },
    now,
  )

/** How a pod fails, by its status and by the Warning Events about it. */
export const failuresOf = (pod: Pod, { pods }: Pick<State, 'pods'>, now: number): FailingPod =>
  detectPodFailures(pod, pods.get(pod.metadata.uid)?.warnings ?? [], now)
