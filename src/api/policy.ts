import { z } from 'zod'
import { CAUSES } from './causes.ts'
import { DURATION_PATTERN } from './duration.ts'
import { ACTION_TYPES } from './reasons.ts'

const duration = (text: string) => z.string().max(32).regex(new RegExp(DURATION_PATTERN)).describe(text)
const count = (min: number, max: number, text: string) => z.int().min(min).max(max).describe(text)

const labelSelector = (text: string) =>
  z
    .object({
      matchLabels: z
        .record(z.string(), z.string().max(63))
        .optional()
        .describe('Labels that must have exactly these values.'),
      matchExpressions: z
        .array(
          z.object({
            key: z.string().min(1).max(316).describe('Label key.'),
            operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How the label is compared.'),
            values: z
              .array(z.string().max(63))
              .max(64)
              .optional()
              .describe('Values for In and NotIn; empty for the others.'),
          }),
        )
        .max(32)
        .optional()
        .describe('Requirements that must all hold.'),
    })
    .describe(text)

const match = z.object({
  causes: z
    .array(z.enum(CAUSES as [string, ...string[]]))
    .min(1)
    .max(64)
    .describe('Causes that this policy answers to.'),
  images: z
    .array(z.string().min(1).max(512))
    .max(64)
    .optional()
    .describe('Globs on the full image reference in its normal form; * matches any characters. Without it, any image.'),
  namespaces: z
    .array(z.string().min(1).max(63))
    .max(256)
    .optional()
    .describe('Namespaces by name. Protected namespaces match only when named here.'),
  namespaceSelector: labelSelector('Namespaces by label.').optional(),
  podSelector: labelSelector('Pods by label.').optional(),
  nodeSelector: labelSelector('Nodes, by label, on which the pod failed.').optional(),
  message: z
    .object({
      include: z.string().max(512).optional().describe('RE2 pattern that the failure message must match.'),
      exclude: z.string().max(512).optional().describe('RE2 pattern that the failure message must not match.'),
    })
    .optional()
    .describe('The failure message, by pattern.'),
  failingFor: duration('How long a pod must have been failing before anything is done.').default('30s'),
})

const rewriteRule = z.object({
  from: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe('Path prefix to replace, by whole segments, e.g. harbor.example.com/old/.'),
  to: z.string().min(1).max(512).optional().describe('What takes the place of from.'),
  pattern: z.string().min(1).max(512).optional().describe('RE2 pattern on the full reference, instead of from and to.'),
  replace: z.string().min(1).max(512).optional().describe('Replacement for pattern; $1 stands for the first group.'),
})

const rewriteImage = z.object({
  rules: z.array(rewriteRule).max(64).optional().describe('Rewrites, tried in order; the first that applies is used.'),
  verify: z
    .enum(['Required', 'IfReachable', 'Never'])
    .default('Required')
    .describe('Whether the registry must confirm that the new image is there, for the platform of the node.'),
  suggestions: z
    .enum(['Ignore', 'Apply'])
    .default('Ignore')
    .describe("Whether a diagnosed typo's nearest image may be written, if the registry has it."),
})

const recyclePod = z.object({
  method: z
    .enum(['Delete', 'Evict'])
    .default('Delete')
    .describe('Delete the pod, or evict it through its disruption budgets.'),
})

const action = z.object({
  type: z.enum(ACTION_TYPES).describe('The remedy.'),
  timeout: duration('How long the remedy has to prove that it helped before the next action is tried.').default('5m'),
  rewriteImage: rewriteImage.optional().describe('Options of RewriteImage.'),
  recyclePod: recyclePod.optional().describe('Options of RecyclePod.'),
})

const limits = z.object({
  cooldown: duration('Pause between two attempts at one incident.').default('10m'),
  maxAttempts: count(1, 100, 'Attempts at one incident within 24 hours.').default(3),
  maxConcurrent: count(1, 1000, 'Remediations of this policy under way at once.').default(1),
  maxPerHour: count(1, 1000, 'Remediations that this policy starts within an hour.').default(10),
  maxUnhealthyNodes: z
    .string()
    .max(8)
    .regex(/^([0-9]{1,5}|(100|[0-9]{1,2})%)$/)
    .default('30%')
    .describe('Nodes that may be unhealthy at once, as a number or a share of the nodes that the policy can match.'),
})

export const policySpec = z.object({
  mode: z
    .enum(['Observe', 'Approve', 'Enforce'])
    .default('Observe')
    .describe('Observe reports what would be done, Approve waits for a person, Enforce acts.'),
  suspend: z.boolean().default(false).describe('Stops this policy; what it would do is still reported.'),
  priority: count(
    -1000,
    1000,
    'Of several policies that match, the highest priority acts; then the first by name.',
  ).default(0),
  match: match.describe('Which failures this policy answers to. All that is stated must hold.'),
  actions: z
    .array(action)
    .min(1)
    .max(8)
    .describe('Remedies in order; the next when the one before timed out or did not help.'),
  onIneffective: z.enum(['Keep', 'Undo']).default('Keep').describe('What becomes of a remedy that did not help.'),
  managedWorkloads: z
    .enum(['Hold', 'Act'])
    .default('Hold')
    .describe('Whether to act on workloads that GitOps or another operator will write back.'),
  controlPlaneNodes: z.enum(['Hold', 'Act']).default('Hold').describe('Whether to act on control-plane nodes.'),
  approvalTimeout: duration('How long a plan waits for approval.').default('24h'),
  limits: limits.prefault({}).describe('Bounds on how much is done.'),
})

const condition = z.object({
  type: z.string().max(316).describe('Type of the condition.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  reason: z.string().max(1024).describe('One word in PascalCase.'),
  message: z.string().max(32768).describe('A sentence for a person.'),
  lastTransitionTime: z.iso.datetime().describe('When the status last changed.'),
  observedGeneration: count(
    0,
    Number.MAX_SAFE_INTEGER,
    'Generation of the spec that the condition speaks of.',
  ).optional(),
})

export const policyStatus = z.object({
  observedGeneration: count(
    0,
    Number.MAX_SAFE_INTEGER,
    'Generation of the spec that this status speaks of.',
  ).optional(),
  conditions: z
    .array(condition)
    .max(16)
    .optional()
    .describe(
      'Ready says whether the policy is understood; Conflicting names policies that answer to the same failures.',
    ),
  active: count(0, 1_000_000, 'Remediations under way.').optional(),
  succeeded: count(0, Number.MAX_SAFE_INTEGER, 'Remediations that helped, since the policy was made.').optional(),
  held: count(0, 1_000_000, 'Incidents that a guardrail holds now.').optional(),
  lastActionTime: z.iso.datetime().optional().describe('When this policy last acted.'),
  attempts: z
    .array(
      z.object({
        incident: z.string().max(64).describe('Owner and area of the incident, hashed.'),
        time: z.iso.datetime().describe('When the attempt began.'),
      }),
    )
    .max(1000)
    .optional()
    .describe(
      'Attempts of the last 24 hours; budgets are counted from these, so deleting a Remediation resets nothing.',
    ),
})

export type PolicySpec = z.infer<typeof policySpec>
export type PolicyStatus = z.infer<typeof policyStatus>
export type PolicyAction = PolicySpec['actions'][number]
export type RewriteRule = z.infer<typeof rewriteRule>
