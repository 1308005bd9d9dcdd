/** An incident and the verdict on it, as `-o json` prints them: pure. */
import type { Remediation } from '../../api/kinds.ts'
import type { Evidence, ExplanationKind } from '../../api/remediation.ts'
import type { Evaluation } from '../../controller/evaluate.ts'
import { isoTime } from '../../model/duration.ts'
import type { PolicyInForce } from '../../model/decision-input.ts'
import type { Incident } from '../../model/incident.ts'
import type { Plan } from '../../model/plan.ts'
import { isNodeItself } from '../../model/pod.ts'
import type { Evaluated } from '../snapshot/evaluate.ts'
import { sinceOf } from '../snapshot/failing-pods.ts'

export interface DecisionReport {
  /**
   * `Act`, `Hold`, `Ignore`, or `Verify` while a remediation is in progress; `Unknown` where policies could not be read and
   * none of the others matches.
   */
  readonly verdict: Evaluation['verdict']['kind'] | 'Unknown'
  readonly policy?: string
  /** The guardrail that holds, or the state of the verification. */
  readonly reason?: string
  readonly message?: string
  /** RFC 3339. */
  readonly requeueAt?: string
  readonly action?: Plan['type']
  readonly diff?: string
}

/** What fails; without a namespace: a node. */
export interface Target {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
}

export interface IncidentReport {
  readonly target: Target
  readonly area: string
  readonly cause: string
  /** RFC 3339: since when the first pod fails. */
  readonly since?: string
  /** `namespace` where they may be of several: of a node's incident. Of a node that fails itself none. */
  readonly pods: readonly { readonly namespace?: string; readonly name: string; readonly node?: string }[]
  readonly findings: readonly {
    readonly container: string
    readonly image: string
    readonly cause: string
    readonly row?: string
    readonly source: string
    readonly message: string
  }[]
  readonly evidence: readonly Evidence[]
  /** Why an image cannot be pulled, likeliest first, where the registry's answer leave it open. */
  readonly explanations: readonly {
    readonly kind: ExplanationKind
    readonly message: string
    readonly image?: string
  }[]
  readonly decision: DecisionReport
  /** Where a policy observes: the decision in mode Enforce. */
  readonly ifEnforced?: DecisionReport
  readonly mode?: string
  /** What to change so that the next deployment carries it. */
  readonly permanentFix?: string
  readonly records: readonly RecordReport[]
  /** What else fails the same way; absent where that was not determined. */
  readonly others?: readonly Target[]
}

export interface RecordReport {
  readonly name: string
  readonly phase: string
  readonly reason?: string
  readonly message?: string
  readonly since?: string
}

const ofPlan = (plan: Plan | undefined) => (plan ? { action: plan.type, diff: plan.diff } : {})

/** The decision of a verdict. `policiesUnread`: why policies are unknown. */
export const decisionOf = (verdict: Evaluation['verdict'], policiesUnread?: string): DecisionReport => {
  switch (verdict.kind) {
    case 'Ignore':
      if (policiesUnread !== undefined)
        return { verdict: 'Unknown', message: `the policies cannot be read: ${policiesUnread}` }
      return { verdict: 'Ignore', message: verdict.why }
    case 'Hold':
      return {
        verdict: 'Hold',
        policy: verdict.policy.name,
        reason: verdict.reason,
        message: verdict.message,
        requeueAt: isoTime(verdict.requeueAt),
        ...ofPlan(verdict.plan),
      }
    case 'Act':
      return { verdict: 'Act', policy: verdict.policy.name, ...ofPlan(verdict.plan) }
    case 'Verify':
      return {
        verdict: 'Verify',
        reason: verdict.reason,
        message: `${verdict.outcome}: ${verdict.message}`,
        requeueAt: isoTime(verdict.requeueAt),
      }
  }
}

export const recordReport = ({ metadata, status }: Remediation): RecordReport => ({
  name: metadata.name,
  phase: status?.phase ?? 'Observed',
  ...(status?.reason !== undefined && { reason: status.reason }),
  ...(status?.message !== undefined && { message: status.message }),
  ...(metadata.creationTimestamp !== undefined && { since: metadata.creationTimestamp }),
})

/** Without the entry of a node that itself fails. */
const ofPods = ({ pods }: Incident) => pods.filter(({ pod }) => !isNodeItself(pod))

export const reportOf = (
  incident: Incident,
  { verdict, ifEnforced, diagnosis, refined }: Evaluated,
  { policies, policiesUnread }: { readonly policies: readonly PolicyInForce[]; readonly policiesUnread?: string },
  records: readonly Remediation[],
  others?: (cause: string) => readonly Target[],
): IncidentReport => {
  const { kind, namespace, name } = incident.owner.ref
  const decision = decisionOf(verdict, policiesUnread)
  const mode = policies.find((policy) => policy.name === decision.policy)?.spec.mode
  const since = sinceOf(incident)
  // A verdict may add evidence of its own, e.g. that policies tie.
  const { evidence, cause, findings, explanations, permanentFix } =
    refined ?? (('diagnosis' in verdict && verdict.diagnosis) || diagnosis)
  return {
    target: { kind, ...(namespace !== undefined && { namespace }), name },
    area: incident.area,
    cause,
    ...(Number.isFinite(since) && { since: isoTime(since) }),
    pods: ofPods(incident).map(({ pod }) => ({
      ...(kind === 'Node' && pod.metadata.namespace !== undefined && { namespace: pod.metadata.namespace }),
      name: pod.metadata.name,
      ...(pod.spec?.nodeName && { node: pod.spec.nodeName }),
    })),
    findings: findings.map(({ container, image, cause: found, row, source, message }) => ({
      container,
      image,
      cause: found,
      ...(row !== undefined && { row }),
      source,
      message,
    })),
    evidence,
    explanations: (explanations ?? []).map(({ kind, message, image }) => ({
      kind,
      message,
      ...(image !== undefined && { image }),
    })),
    decision,
    ...(ifEnforced && { ifEnforced: decisionOf(ifEnforced) }),
    ...(mode && { mode }),
    ...(permanentFix !== undefined && { permanentFix }),
    records: records.map(recordReport),
    ...(others && { others: others(cause) }),
  }
}
