import { z } from 'zod'
import { CAUSES } from '../model/causes.ts'
import { NODE_RUNTIMES, RESTART_REASONS } from '../model/node-tasks.ts'
import { ACTION_TYPES } from './policy/actions.ts'
import { type HoldReason, PHASES } from '../model/reasons.ts'
import { type CelRule, conditions, count, fitting, listOf, text, time, total, transitions } from './schema.ts'

const cause = z.enum(CAUSES as [string, ...string[]])

const objectRef = (what: string) =>
  z
    .object({
      apiVersion: text(316, 'API version of the object.'),
      kind: text(63, 'Kind of the object.'),
      namespace: text(63, 'Namespace of the object.').optional(),
      name: text(253, 'Name of the object.'),
      uid: text(64, 'uid of the object, so that a recreated object of the same name does not match.'),
    })
    .describe(what)
    .meta({ 'x-kubernetes-map-type': 'atomic' })

const policyRef = (what: string) =>
  z
    .object({
      name: text(253, 'Name of the policy.'),
      uid: text(64, 'uid of the policy.'),
      generation: total('Generation of the policy.'),
    })
    .describe(what)

const evidence = z.object({
  fact: text(64, 'Source of the evidence, e.g. PodStatus, Event, Registry, Owner.'),
  message: text(2048, 'The finding, in a sentence.'),
})

/** Why an image cannot be pulled, if the registry's message is ambiguous. */
const explanation = z.object({
  kind: z
    .enum(['LikelyTypo', 'WrongTag', 'MissingCredentials', 'WrongCredentials', 'Undetermined'])
    .describe('Kind of explanation.'),
  message: text(2048, 'The evidence for it, in a sentence.'),
  image: text(1024, 'The image that was probably intended; the registry has it.').optional(),
})

const change = z.object({
  container: text(63, 'Container that the change is for.'),
  init: z.boolean().default(false).describe('Whether it is an init container.'),
  from: text(1024, 'Image before.'),
  to: text(1024, 'Image after.'),
  digestBefore: text(256, 'Digest before, if the registry reported it.').optional(),
  digestAfter: text(256, 'Digest after, if the registry reported it.').optional(),
})

const step = z.object({
  index: count(0, 64, 'Index of the action in the policy.'),
  attempt: count(1, 1000, 'Number of the attempt at this incident.'),
  policy: policyRef('The policy that planned this step; absent if it is the one in the spec.').optional(),
  action: z.enum(ACTION_TYPES).describe('The remedy.'),
  kind: z
    .enum(['Act', 'Undo'])
    .optional()
    .describe('Undo takes back what an earlier step of the same attempt wrote; absent means Act.'),
  state: z
    .enum(['Planned', 'Intended', 'Done', 'Succeeded', 'Ineffective', 'Failed', 'Undone'])
    .describe('State of the step. Intended is written before the change, Done after it.'),
  target: objectRef('The object that is changed; absent if only pods of Jobs are changed.').optional(),
  changes: listOf(change, { max: 64, what: 'Changes by container.' }).optional(),
  pods: listOf(
    z.object({
      name: text(253, 'Name of the pod.'),
      uid: text(64, 'uid of the pod.'),
      namespace: text(63, 'Namespace of the pod, if it differs from that of the Remediation.').optional(),
    }),
    {
      max: 512,
      what: 'Pods that are deleted or, for Jobs, patched; on a node, the pods that the remedy is for.',
    },
  ).optional(),
  leftOut: listOf(
    z.object({
      name: text(253, 'Name of the pod.'),
      uid: text(64, 'uid of the pod.'),
      namespace: text(63, 'Namespace of the pod, if it differs from that of the Remediation.').optional(),
      why: text(1024, 'Why it is left out, as a clause.'),
    }),
    { max: 64, what: 'Failing pods that the step does not touch: nothing proves that they fail by this cause.' },
  ).optional(),
  node: z
    .object({
      tasks: listOf(text(253, 'Name of a NodeTask.'), {
        max: 64,
        what: 'NodeTasks for the agent, or the pod that installs a mount helper.',
      }),
      runtime: z.enum(NODE_RUNTIMES).optional().describe('Runtime that is restarted.'),
      reason: z.enum(RESTART_REASONS).optional().describe('Why it is restarted; the agent checks it.'),
      detail: text(256, 'What is flagged or installed, e.g. the file system type.').optional(),
      touches: text(1024, 'What else a restart affects.').optional(),
      message: text(1024, 'Message of the condition that flags the node.').optional(),
    })
    .optional()
    .describe('What is done on a node.'),
  stops: listOf(text(64, 'uid of a pod.'), {
    max: 512,
    what: 'Running pods that the step stops although they do not fail; an approval covers these.',
  }).optional(),
  diff: text(16384, 'The change as a unified diff.').optional(),
  planHash: text(64, 'Hash of the plan; an approval names it.'),
  message: text(4096, 'The result, in a sentence.').optional(),
  intendedAt: time('When the intent was recorded.').optional(),
  recordedAt: time(
    "The same by the API server's clock, to the second; set when the status is written again before the outcome is known.",
  ).optional(),
  actedAt: time('When the write was accepted.').optional(),
  finishedAt: time('When the result was known.').optional(),
})

const approval = z.object({
  decision: z.enum(['Approved', 'Denied']).describe('The decision.'),
  planHash: fitting({
    pattern: '^[0-9a-f]{8,64}$',
    max: 64,
    what: 'Hash of the plan that is approved or denied, copied from status.planHash.',
    message: 'planHash must be copied from status.planHash: hexadecimal digits',
  }),
  by: text(256, 'Who decided.').min(1),
  reason: text(1024, 'Why.').optional(),
})

/** What was seen is a record: each of these stays as it was first written, and none comes or goes. */
const RECORDED = {
  policy: true,
  cause: true,
  message: false,
  target: true,
  templateHash: true,
  pod: false,
  node: false,
  evidence: false,
}

const immutable = Object.entries(RECORDED).map(
  ([field, required]): CelRule => ({
    rule: required
      ? `self.${field} == oldSelf.${field}`
      : `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
    message: `${field} is immutable: a Remediation records what was observed; only approval can be added`,
    fieldPath: `.${field}`,
  }),
)

export const remediationSpec = transitions(
  z.object({
    policy: policyRef('The policy that applied when the Remediation was created; status.policy has the current one.'),
    cause: cause.describe('Cause of the failure as first diagnosed; status.cause has the current diagnosis.'),
    message: text(4096, 'The reported failure message, shortened.').optional(),
    target: objectRef('The owner of the failing pods, or the pod itself if it has no owner.'),
    templateHash: text(64, 'Revision of the pod template that failed.'),
    pod: objectRef('The first failing pod that was observed.').optional(),
    node: text(253, 'Node of that pod.').optional(),
    evidence: listOf(evidence, { max: 64, what: 'Evidence for the cause.' }).optional(),
    approval: approval
      .optional()
      .describe('The decision to approve or deny, in policies of mode Approve; valid until another plan is proposed.'),
  }),
  ...immutable,
  {
    rule: '!has(oldSelf.approval) || (has(self.approval) && (self.approval == oldSelf.approval || self.approval.planHash != oldSelf.approval.planHash))',
    message:
      'approval cannot be changed or withdrawn while it refers to the current plan: suspend the policy to stop it',
    fieldPath: '.approval',
  },
)

/** Whether this write adds or changes an approval; an unchanged one does not count. */
const GIVEN = 'has(self.spec.approval) && !(has(oldSelf.spec.approval) && self.spec.approval == oldSelf.spec.approval)'

/** Whole-object rules: an approval is of the plan that a person is asked about now, so it can only follow it. */
export const REMEDIATION_RULES: readonly CelRule[] = [
  {
    rule: 'oldSelf.hasValue() || !has(self.spec.approval)',
    message: 'spec.approval can only be added once a plan is proposed in status.planHash',
    fieldPath: '.spec.approval',
    optionalOldSelf: true,
  },
  {
    rule: `!(${GIVEN}) || (has(self.status) && has(self.status.planHash) && self.status.planHash == self.spec.approval.planHash)`,
    message: 'spec.approval.planHash is not the current plan: read the Remediation again and copy status.planHash',
    fieldPath: '.spec.approval.planHash',
  },
  {
    rule: `!(${GIVEN}) || (has(self.status) && has(self.status.expiresAt))`,
    message:
      'spec.approval can only be given while approval is requested (status.expiresAt is set): it is too early or too late',
    fieldPath: '.spec.approval',
  },
]

const proposal = z.object({
  planHash: text(64, 'Hash of the plan.'),
  expiresAt: time('When the last request for its approval expires; a later approval does not count.'),
})

export const remediationStatus = z.object({
  observedGeneration: total('Generation of the spec that this status refers to.').optional(),
  phase: z.enum(PHASES).optional().describe('Phase of the remediation.'),
  reason: text(64, 'Machine-readable reason for the phase; the guardrail if the phase is Held.').optional(),
  message: text(4096, 'Human-readable explanation of the phase.').optional(),
  policy: policyRef('The policy that applies now, or that started the remedy in progress.').optional(),
  cause: cause.optional().describe('Current diagnosis of the cause.'),
  action: z.enum(ACTION_TYPES).optional().describe('The remedy in progress or proposed.'),
  planHash: text(64, 'Hash of the plan that is proposed or executed.').optional(),
  expiresAt: time('When the request for approval expires; set while approval is requested.').optional(),
  proposals: listOf(proposal, {
    max: 16,
    what: 'Plans for which approval was requested, the last one last.',
  }).optional(),
  foreseen: text(64, 'The guardrail that would hold the plan if the policy were not in Observe mode.').optional(),
  attempts: listOf(time('When an attempt began.'), { max: 100, what: 'Attempts so far.' }).optional(),
  steps: listOf(step, { max: 64, what: 'Planned and executed steps, in order.' }).optional(),
  evidence: listOf(evidence, { max: 64, what: 'Evidence found since the incident began.' }).optional(),
  explanations: listOf(explanation, { max: 16, what: 'Why an image cannot be pulled, likeliest first.' }).optional(),
  permanentFix: text(4096, 'The permanent fix: what to change so that the next deployment keeps it.').optional(),
  failingPods: count(0, 1_000_000, 'Failing pods of the owner at the last check.').optional(),
  firstSeen: time('When the failure began.').optional(),
  nextCheckTime: time('When the incident is checked again at the latest.').optional(),
  startedAt: time('When the first intent was recorded.').optional(),
  finishedAt: time('When the final phase was reached.').optional(),
  conditions: conditions('Conditions, for kubectl wait.').optional(),
})

export type RemediationSpec = z.infer<typeof remediationSpec>
export type RemediationStatus = z.infer<typeof remediationStatus>
export type RemediationStep = z.infer<typeof step>
export type ImageChange = z.infer<typeof change>
export type Evidence = z.infer<typeof evidence>
export type ExplanationKind = z.infer<typeof explanation>['kind']

/** Every reason that a Remediation may carry beside the guardrails. */
export const OUTCOME_REASONS = [
  'Repaired',
  'DidNotHelp',
  'OwnerGone',
  'ScaledToZero',
  'Recovered',
  'NoPolicy',
  'WriteRefused',
  'Acting',
  'Verifying',
  'Undone',
  'Denied',
  'Expired',
  'Superseded',
  'Withdrawn',
  'Flagged',
] as const
export type RemediationReason = (typeof OUTCOME_REASONS)[number] | HoldReason
