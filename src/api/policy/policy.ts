import { z } from 'zod'
import { conditions, count, duration, filled, fitting, listOf, type Rule, ruled, text, time, total } from '../schema.ts'
import { action, ACTION_TYPES, actionEntry, type ActionType, UNDOABLE } from './actions.ts'
import { match } from './match.ts'

const limits = z.strictObject({
  cooldown: duration('cooldown', '10s', '24h', 'Pause between two attempts at one incident.').default('10m'),
  maxAttempts: count(1, 100, 'Attempts at one incident within 24 hours.').default(3),
  maxConcurrent: count(1, 1000, 'Remediations of this policy in progress at once.').default(1),
  maxPerHour: count(1, 1000, 'Remediations that this policy starts within an hour.').default(10),
  maxUnhealthyNodes: fitting({
    pattern: '^([1-9][0-9]{0,4}|[1-9][0-9]?%|100%)$',
    max: 8,
    what: 'Nodes that may be unhealthy at once, as a number in quotes ("2") or a share of the nodes that the policy can match, rounded up, at least 1.',
    message: 'maxUnhealthyNodes must be a share from 1% to 100%, or a number in quotes such as "2"',
  }).default('30%'),
})

interface Fields {
  readonly match: { readonly causes: readonly string[] }
  readonly actions: readonly { readonly type: ActionType }[]
  readonly onIneffective: string
}

/** An escalation may hold steps for several causes, so each action needs only one that it can answer. */
const answers = ACTION_TYPES.flatMap((type): readonly Rule<Fields>[] => {
  const { helpsWith } = actionEntry(type)
  if (!helpsWith) return []
  const { causes, example } = helpsWith
  return [
    {
      rule: `!self.actions.exists(a, a.type == '${type}') || self.match.causes.exists(c, c in [${causes.map((c) => `'${c}'`).join(', ')}])`,
      message: `actions has ${type}, which helps with none of match.causes: add ${example}, or remove the action`,
      holds: (spec) => !spec.actions.some((a) => a.type === type) || spec.match.causes.some((c) => causes.includes(c)),
      at: 'actions',
    },
  ]
})

export const policySpec = ruled(
  z.strictObject({
    mode: z
      .enum(['Observe', 'Approve', 'Enforce'])
      .default('Observe')
      .describe('Observe reports the plan, Approve waits for approval, Enforce acts.'),
    suspend: z.boolean().default(false).describe('Stops this policy; its plans are still reported.'),
    priority: count(
      -1000,
      1000,
      'Of several matching policies, the one with the highest priority acts; ties go to the first by name.',
    ).default(0),
    match: match.describe('Which failures this policy matches. All conditions must hold.'),
    actions: ruled(
      filled(
        listOf(action, {
          max: 8,
          what: 'Remedies in order; the next one is tried when the previous one timed out or did not help.',
        }),
        'actions must contain at least one action, such as type: RecyclePod',
      ),
      {
        rule: 'self.all(a, self.exists_one(b, b.type == a.type))',
        message: 'actions must contain each type at most once: remove the second, or merge their rules',
        holds: (actions) => new Set(actions.map(({ type }) => type)).size === actions.length,
      },
    ),
    onIneffective: z.enum(['Keep', 'Undo']).default('Keep').describe('What happens to a change that did not help.'),
    managedWorkloads: z
      .enum(['Hold', 'Act'])
      .default('Hold')
      .describe(
        'Whether to act on workloads that Argo CD, Flux or another operator would revert. Helm alone does not hold.',
      ),
    controlPlaneNodes: z.enum(['Hold', 'Act']).default('Hold').describe('Whether to act on control-plane nodes.'),
    approvalTimeout: duration(
      'approvalTimeout',
      '1m',
      '168h',
      'How long a plan waits for approval before it expires.',
    ).default('24h'),
    limits: limits.prefault({}).describe('Limits on how often podmend acts.'),
  }),
  ...answers,
  {
    rule: `self.onIneffective != 'Undo' || self.actions.exists(a, ${UNDOABLE.map((type) => `a.type == '${type}'`).join(' || ')})`,
    message: `onIneffective: Undo needs an action that can be undone: add ${UNDOABLE.join(' or ')}, or set Keep`,
    holds: ({ onIneffective, actions }) =>
      onIneffective !== 'Undo' || actions.some(({ type }) => UNDOABLE.includes(type)),
    at: 'onIneffective',
  },
  {
    // Not at limits itself: the API server tries that rule on the default, {}, before filling in the fields' own.
    rule: 'self.limits.maxConcurrent <= self.limits.maxPerHour',
    message: 'maxConcurrent must not exceed maxPerHour: lower it, or raise maxPerHour',
    holds: (spec) => spec.limits.maxConcurrent <= spec.limits.maxPerHour,
    at: 'limits.maxConcurrent',
  },
)

export const policyStatus = z.object({
  observedGeneration: total('Generation of the spec that this status refers to.').optional(),
  conditions: conditions(
    'Ready tells whether the policy is valid; Conflicting names policies that match the same failures.',
  ).optional(),
  active: count(0, 1_000_000, 'Remediations in progress.').optional(),
  succeeded: total('Remediations that succeeded since the policy was created.').optional(),
  held: count(0, 1_000_000, 'Incidents currently held by a guardrail.').optional(),
  lastActionTime: time('When this policy last acted.').optional(),
  attempts: listOf(
    z.object({
      incident: text(64, 'Hash of the owner and area of the incident.'),
      time: time('When the attempt started.'),
    }),
    {
      max: 1000,
      what: 'Attempts of the last 24 hours. Budgets are counted from these, so deleting a Remediation does not reset them.',
    },
  ).optional(),
})

export type PolicySpec = z.infer<typeof policySpec>
export type PolicyStatus = z.infer<typeof policyStatus>
export type PolicyAction = PolicySpec['actions'][number]
