/**
 * Metrics, as documented. Label values are bounded: causes, actions, reasons, phases and names of policies, never of pods
 * or nodes.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { NodeTask, Remediation } from '../api/kinds.ts'
import type { RemediationStatus, RemediationStep } from '../api/remediation.ts'
import { parseTime } from '../model/duration.ts'
import { isFinished } from '../model/node-tasks.ts'
import { type Phase, PHASES } from '../model/reasons.ts'
import { isHoldReason, lastBegun, policyRefOf } from '../model/remediation-state.ts'
import { setBounded } from '../runtime/bounded-map.ts'
import { queueMetrics, type QueueNumbers } from './queue-metrics.ts'
import type { HeldCount } from '../watch/remediation-cache.ts'

export interface MetricsDeps {
  readonly version: string
  readonly readings?: Readings
  /** Whether to add the metrics of the process and of Node.js. Default true; tests disable it. */
  readonly defaults?: boolean
}

/** Values that are read at each scrape. */
export interface Readings {
  /** Records by phase. */
  readonly countByPhase?: () => Readonly<Record<string, number>>
  /** Current holds by guardrails. */
  readonly held?: () => readonly HeldCount[]
  /** Nodes that are currently flagged, by cause. */
  readonly flagged?: () => Readonly<Record<string, number>>
  /** Whether this replica may act. */
  readonly leads?: () => boolean
  /** Queues by name. */
  readonly queues?: () => Readonly<Record<string, QueueNumbers>>
  /** Last activity of each watch, ms since the epoch. */
  readonly watches?: () => Readonly<Record<string, number>>
  /** The storm breaker of remedies on nodes: 0 closed, 1 half open, 2 open. */
  readonly breaker?: () => 0 | 1 | 2
}

export interface Metrics {
  /** Counts an incident once. `id` is its key with its revision. */
  readonly incident: (id: string, cause: string) => void
  /** Adds the effects of a change of a record. */
  readonly count: (metricsDelta: MetricsDelta) => void
  /** Counts a task of an agent that completed or was abandoned, by its result. */
  readonly taskCompleted: (verb: string, result: string) => void
  /** Counts each completed task among these once. */
  readonly tasksCompleted: (tasks: readonly NodeTask[]) => void
  readonly queueWaited: (name: string, ms: number) => void
  readonly queueWorked: (name: string, ms: number) => void
  /** Content type and body for a scrape. */
  readonly scrape: () => Promise<{ readonly contentType: string; readonly body: string }>
}

/** Number of incidents and tasks that are remembered as counted. */
const MAX_COUNTED = 10_000
const DURATION_BUCKETS = [1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 1_800, 3_600]

/** Registers nothing globally: each call has its own registry. */
export const createMetrics = ({ version, readings = {}, defaults = true }: MetricsDeps): Metrics => {
  const { countByPhase, held: heldNow, flagged, leads, queues, watches, breaker } = readings
  const registry = new Registry()
  const registers = [registry]
  if (defaults) collectDefaultMetrics({ register: registry })

  const incidents = new Counter({
    name: 'podmend_incidents_total',
    help: 'Incidents seen, by cause.',
    labelNames: ['cause'],
    registers,
  })
  const remediations = new Counter({
    name: 'podmend_remediations_total',
    help: 'Remediations that ended, by policy, action and result.',
    labelNames: ['policy', 'action', 'result'],
    registers,
  })
  const duration = new Histogram({
    name: 'podmend_remediation_duration_seconds',
    help: 'Time from the first observation of a failure until its remedy was verified.',
    labelNames: ['action'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  const held = new Counter({
    name: 'podmend_held_total',
    help: 'Times that a guardrail started to hold an incident, by policy and reason.',
    labelNames: ['policy', 'reason'],
    registers,
  })
  new Gauge({
    name: 'podmend_breaker_state',
    help: 'State of the storm breaker for nodes: 0 closed, 1 half open (one repair may begin), 2 open (one is in progress).',
    registers,
    collect() {
      this.set(breaker?.() ?? 0)
    },
  })
  const agentTasks = new Counter({
    name: 'podmend_agent_tasks_total',
    help: 'Tasks of node agents, by verb and result.',
    labelNames: ['verb', 'result'],
    registers,
  })
  new Gauge({
    name: 'podmend_remediations_active',
    help: 'Current remediations, by phase.',
    labelNames: ['phase'],
    registers,
    collect() {
      const counts = countByPhase?.() ?? {}
      for (const phase of PHASES) this.set({ phase }, counts[phase] ?? 0)
    },
  })
  // podmend_held_total counts how often holds began; alerts need to know whether they last.
  new Gauge({
    name: 'podmend_remediations_held',
    help: 'Remediations that a guardrail currently holds, by policy and reason.',
    labelNames: ['policy', 'reason'],
    registers,
    collect() {
      this.reset()
      for (const { policy, reason, count } of heldNow?.() ?? []) this.set({ policy, reason }, count)
    },
  })
  new Gauge({
    name: 'podmend_nodes_flagged',
    help: 'Nodes that are currently flagged, by cause.',
    labelNames: ['cause'],
    registers,
    collect() {
      this.reset()
      for (const [cause, count] of Object.entries(flagged?.() ?? {})) this.set({ cause }, count)
    },
  })
  new Gauge({
    name: 'podmend_leader',
    help: 'Whether this replica is the leader (1) or on standby (0); only the leader acts.',
    registers,
    collect() {
      this.set(leads?.() ? 1 : 0)
    },
  })
  new Gauge({
    name: 'podmend_watch_last_activity_timestamp_seconds',
    help: 'Time of the last activity of a watch, by resource.',
    labelNames: ['resource'],
    registers,
    collect() {
      for (const [resource, ms] of Object.entries(watches?.() ?? {})) this.set({ resource }, ms / 1_000)
    },
  })
  new Gauge({
    name: 'podmend_build_info',
    help: 'Always 1; the labels identify the build.',
    labelNames: ['version', 'node_version'],
    registers,
  }).set({ version, node_version: process.version }, 1)
  const queueing = queueMetrics(registry, queues ?? (() => ({})))

  const counted = new Map<string, true>()
  const once = (id: string): boolean => {
    if (counted.has(id)) return false
    setBounded(counted, id, true, MAX_COUNTED)
    return true
  }
  return {
    incident: (id, cause) => {
      if (once(id)) incidents.inc({ cause })
    },
    count: (metricsDelta) => {
      if (metricsDelta.held) held.inc({ ...metricsDelta.held })
      if (!metricsDelta.ended) return
      const { policy, action, result, seconds } = metricsDelta.ended
      remediations.inc({ policy, action, result })
      if (seconds !== undefined) duration.observe({ action }, seconds)
    },
    taskCompleted: (verb, result) => agentTasks.inc({ verb, result }),
    tasksCompleted: (tasks) => {
      for (const { metadata, spec, status } of tasks) {
        if (status && isFinished({ status }) && once(`task ${metadata.uid}`))
          agentTasks.inc({ verb: spec.verb, result: status.reason ?? status.phase ?? '' })
      }
    },
    queueWaited: queueing.waited,
    queueWorked: queueing.worked,
    scrape: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

// Effects of a change of a record on the metrics. Pure.

export interface MetricsDelta {
  /** A guardrail began to hold the record. */
  readonly held?: { readonly policy: string; readonly reason: string }
  /** A remedy ended. */
  readonly ended?: {
    readonly policy: string
    readonly action: string
    /** How the record ended; for a plan that was not executed, whether it was denied or its approval expired. */
    readonly result: Phase | 'Denied' | 'Expired'
    /** From the first observation until verified; only for successes. */
    readonly seconds?: number
  }
}

const ENDS: ReadonlySet<Phase> = new Set(['Succeeded', 'Ineffective', 'Failed', 'Cancelled'])

/** How a step ended after which the policy's next action follows in the same record. */
const endOfStep = (
  step: RemediationStep | undefined,
  was: RemediationStep | undefined,
): 'Ineffective' | 'Failed' | undefined => {
  if (was?.state !== 'Intended' && was?.state !== 'Done') return undefined
  switch (step?.state) {
    case 'Failed':
      return 'Failed'
    case 'Ineffective':
    case 'Undone':
      return 'Ineffective'
    default:
      return undefined
  }
}

/** Counts transitions once each, not checks. */
export const metricsDeltaOf = (before: RemediationStatus | undefined, record: Remediation): MetricsDelta => {
  const { status } = record
  if (!status || status === before) return {}
  const policy = policyRefOf(record).name
  const { phase, reason } = status
  const rejected = phase === 'Cancelled' && (reason === 'Denied' || reason === 'Expired') && reason !== before?.reason
  if (rejected && status.action !== undefined) return { ended: { policy, action: status.action, result: reason } }
  const ending = phase !== before?.phase && phase !== undefined && ENDS.has(phase) ? phase : undefined
  const began = isHoldReason(reason) && reason !== before?.reason && !ending
  const held = began ? { policy, reason } : undefined
  const step = lastBegun(status.steps ?? [])
  const result = ending ?? endOfStep(step, lastBegun(before?.steps ?? []))
  if (result === undefined || step === undefined) return held ? { held } : {}
  const since = parseTime(status.firstSeen) ?? parseTime(status.startedAt)
  const until = parseTime(status.finishedAt)
  const took =
    result === 'Succeeded' && since !== undefined && until !== undefined ? { seconds: (until - since) / 1_000 } : {}
  return { ...(held && { held }), ended: { policy, action: step.action, result, ...took } }
}
