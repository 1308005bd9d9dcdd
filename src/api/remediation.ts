import { z } from 'zod'
import { CAUSES } from './causes.ts'
import { ACTION_TYPES, HOLD_REASONS, PHASES } from './reasons.ts'

const text = (max: number, what: string) => z.string().max(max).describe(what)
const time = (what: string) => z.iso.datetime().describe(what)

const objectRef = z.object({
  apiVersion: text(316, 'API version of the object.'),
  kind: text(63, 'Kind of the object.'),
  namespace: text(63, 'Namespace of the object.').optional(),
  name: text(253, 'Name of the object.'),
  uid: text(64, 'uid of the object, so that a namesake is not meant.'),
})

const evidence = z.object({
  fact: text(64, 'What was looked at, e.g. PodStatus, Event, Registry, Owner.'),
  says: text(2048, 'What was found there, in a sentence.'),
})

const change = z.object({
  container: text(63, 'Container that the change is for.'),
  init: z.boolean().default(false).describe('Whether it is an init container.'),
  from: text(512, 'Image before.'),
  to: text(512, 'Image after.'),
  digestBefore: text(128, 'Digest before, where the registry told.').optional(),
  digestAfter: text(128, 'Digest after, where the registry told.').optional(),
})

const step = z.object({
  index: z.int().min(0).max(64).describe('Index of the action in the policy.'),
  attempt: z.int().min(1).max(1000).describe('Which attempt at the incident this is.'),
  action: z.enum(ACTION_TYPES).describe('The remedy.'),
  state: z
    .enum(['Planned', 'Intended', 'Done', 'Succeeded', 'Ineffective', 'Failed', 'Undone'])
    .describe('How far it came. Intended is written before the act, Done after it.'),
  target: objectRef.optional().describe('The object that is written to.'),
  changes: z.array(change).max(64).optional().describe('What is changed, container by container.'),
  pods: z
    .array(z.object({ name: text(253, 'Name of the pod.'), uid: text(64, 'uid of the pod.') }))
    .max(512)
    .optional()
    .describe('Pods that are deleted.'),
  diff: text(16384, 'The change as a unified diff.').optional(),
  planHash: text(64, 'Hash of the plan; an approval names it.'),
  message: text(4096, 'What happened, in a sentence.').optional(),
  intendedAt: time('When the intent was recorded.').optional(),
  actedAt: time('When the write was accepted.').optional(),
  finishedAt: time('When the outcome was known.').optional(),
})

const condition = z.object({
  type: text(316, 'Type of the condition.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  reason: text(1024, 'One word in PascalCase.'),
  message: text(32768, 'A sentence for a person.'),
  lastTransitionTime: time('When the status last changed.'),
})

export const remediationSpec = z.object({
  policy: z
    .object({
      name: text(253, 'Name of the policy.'),
      uid: text(64, 'uid of the policy.'),
      generation: z.int().min(0).max(Number.MAX_SAFE_INTEGER).describe('Generation of the policy that was read.'),
    })
    .describe('The policy that governs.'),
  cause: z.enum(CAUSES as [string, ...string[]]).describe('Why the pod fails.'),
  message: text(4096, 'The failure as it was reported, shortened.').optional(),
  target: objectRef.describe('The owner of the failing pods, or the pod itself where nothing owns it.'),
  templateHash: text(64, 'Revision of the pod template that failed.'),
  pod: objectRef.optional().describe('The first failing pod that was seen.'),
  node: text(253, 'Node of that pod.').optional(),
  evidence: z.array(evidence).max(64).optional().describe('Why the cause is believed.'),
  approval: z
    .object({
      decision: z.enum(['Approved', 'Denied']).describe('The decision.'),
      planHash: text(64, 'Hash of the plan that was decided on.'),
      by: text(256, 'Who decided.'),
      reason: text(1024, 'Why.').optional(),
    })
    .optional()
    .describe('The decision of a person, in policies of mode Approve.'),
})

export const remediationStatus = z.object({
  observedGeneration: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Generation of the spec that this status speaks of.'),
  phase: z.enum(PHASES).optional().describe('How far the remediation came.'),
  reason: text(64, 'Why it is in this phase, in one word; a guardrail when it is Held.').optional(),
  message: text(4096, 'Why it is in this phase, in a sentence.').optional(),
  cause: z
    .enum(CAUSES as [string, ...string[]])
    .optional()
    .describe('The cause as it is known now.'),
  action: z.enum(ACTION_TYPES).optional().describe('The remedy under way or proposed.'),
  planHash: text(64, 'Hash of the plan that is proposed or carried out.').optional(),
  attempts: z.array(time('When an attempt began.')).max(100).optional().describe('Attempts so far.'),
  steps: z.array(step).max(64).optional().describe('What is planned and done, in order.'),
  evidence: z.array(evidence).max(64).optional().describe('What was found since the incident began.'),
  permanentFix: text(4096, 'What to change for good, so that the next deploy carries it.').optional(),
  failingPods: z.int().min(0).max(1_000_000).optional().describe('Failing pods of the owner when last looked.'),
  firstSeen: time('When the failure began.').optional(),
  nextLook: time('When it is looked at again at the latest.').optional(),
  startedAt: time('When the first intent was recorded.').optional(),
  finishedAt: time('When the last phase was reached.').optional(),
  conditions: z.array(condition).max(16).optional().describe('Conditions, for kubectl wait.'),
})

export type RemediationSpec = z.infer<typeof remediationSpec>
export type RemediationStatus = z.infer<typeof remediationStatus>
export type RemediationStep = z.infer<typeof step>
export type ImageChange = z.infer<typeof change>
export type Evidence = z.infer<typeof evidence>

/** Every reason that a Remediation may carry beside the guardrails. */
export const OUTCOME_REASONS = [
  'Repaired',
  'DidNotHelp',
  'OwnerGone',
  'ScaledToZero',
  'Recovered',
  'WriteRefused',
  'Acting',
  'WaitingForProof',
  'Undone',
  'Denied',
  'Expired',
] as const
export type RemediationReason = (typeof OUTCOME_REASONS)[number] | (typeof HOLD_REASONS)[number]
