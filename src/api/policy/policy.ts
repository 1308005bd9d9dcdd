import { z } from 'zod'
import { CAUSES_BY_AREA } from '../../model/causes.ts'
import type { ActionType } from '../../model/reasons.ts'
import { conditions, count, duration, filled, fitting, listOf, type Rule, ruled, text, time, total } from '../schema.ts'
import { action } from './actions.ts'
import { match } from './match.ts'

const limits = z.strictObject({
  cooldown: duration('cooldown', '10s', '24h', 'Pause between two attempts at one incident.').default('10m'),
  maxAttempts: count(1, 100, 'Attempts at one incident within 24 hours.').default(3),
  maxConcurrent: count(1, 1000, 'Remediations of this policy under way at once.').default(1),
  maxPerHour: count(1, 1000, 'Remediations that this policy starts within an hour.').default(10),
  maxUnhealthyNodes: fitting({
    pattern: '^([1-9][0-9]{0,4}|[1-9][0-9]?%|100%)$',
    max: 8,
    what: 'Nodes that may be unhealthy at once, as a number in quotes ("2") or a share of the nodes that the policy can match, rounded up, at least 1.',
    message: 'maxUnhealthyNodes must be a share from 1% to 100%, or a number in quotes such as "2"',
  }).default('30%'),
})

const ACTS_ON: Readonly<Partial<Record<ActionType, { readonly causes: readonly string[]; readonly example: string }>>> =
  {
    RewriteImage: { causes: CAUSES_BY_AREA.image, example: 'an image cause such as ProjectNotFound' },
    RecycleSandbox: { causes: CAUSES_BY_AREA.sandbox, example: 'a sandbox cause such as SandboxStale' },
    RestartRuntime: { causes: CAUSES_BY_AREA.sandbox, example: 'a sandbox cause such as IptablesChainMissing' },
    InstallMountHelper: { causes: ['MountHelperMissing'], example: 'MountHelperMissing' },
  }

interface Fields {
  readonly match: { readonly causes: readonly string[] }
  readonly actions: readonly { readonly type: ActionType }[]
  readonly onIneffective: string
}

/** An escalation may hold steps for several causes, so each action needs only one that it can answer. */
const answers = Object.entries(ACTS_ON).map(
  ([type, { causes, example }]): Rule<Fields> => ({
    rule: `!self.actions.exists(a, a.type == '${type}') || self.match.causes.exists(c, c in [${causes.map((c) => `'${c}'`).join(', ')}])`,
    message: `actions has ${type}, which helps with none of match.causes: add ${example}, or remove the action`,
    holds: (spec) => !spec.actions.some((a) => a.type === type) || spec.match.causes.some((c) => causes.includes(c)),
    at: 'actions',
  }),
)

export const policySpec = ruled(
  z.strictObject({
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
    actions: ruled(
      filled(
        listOf(action, { max: 8, what: 'Remedies in order; the next when the one before timed out or did not help.' }),
        'actions must have one action at least, such as type: RecyclePod',
      ),
      {
        rule: 'self.all(a, self.exists_one(b, b.type == a.type))',
        message: 'actions must have each type once at most: remove the second, or join the rules of both',
        holds: (actions) => new Set(actions.map(({ type }) => type)).size === actions.length,
      },
    ),
    onIneffective: z.enum(['Keep', 'Undo']).default('Keep').describe('What becomes of a remedy that did not help.'),
    managedWorkloads: z
      .enum(['Hold', 'Act'])
      .default('Hold')
      .describe(
        'Whether to act on workloads that Argo CD, Flux or another operator will write back. Helm alone does not hold.',
      ),
    controlPlaneNodes: z.enum(['Hold', 'Act']).default('Hold').describe('Whether to act on control-plane nodes.'),
    approvalTimeout: duration('approvalTimeout', '1m', '168h', 'How long a plan waits for approval.').default('24h'),
    limits: limits.prefault({}).describe('Bounds on how much is done.'),
  }),
  ...answers,
  {
    rule: "self.onIneffective != 'Undo' || self.actions.exists(a, a.type == 'RewriteImage')",
    message: 'onIneffective: Undo needs an action that can be undone: add RewriteImage, or set Keep',
    holds: ({ onIneffective, actions }) => onIneffective !== 'Undo' || actions.some((a) => a.type === 'RewriteImage'),
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
  observedGeneration: total('Generation of the spec that this status speaks of.').optional(),
  conditions: conditions(
    'Ready says whether the policy is understood; Conflicting names policies that answer to the same failures.',
  ).optional(),
  active: count(0, 1_000_000, 'Remediations under way.').optional(),
  succeeded: total('Remediations that helped, since the policy was made.').optional(),
  held: count(0, 1_000_000, 'Incidents that a guardrail holds now.').optional(),
  lastActionTime: time('When this policy last acted.').optional(),
  attempts: listOf(
    z.object({
      incident: text(64, 'Owner and area of the incident, hashed.'),
      time: time('When the attempt began.'),
    }),
    {
      max: 1000,
      what: 'Attempts of the last 24 hours; budgets are counted from these, so deleting a Remediation resets nothing.',
    },
  ).optional(),
})

export type PolicySpec = z.infer<typeof policySpec>
export type PolicyStatus = z.infer<typeof policyStatus>
export type PolicyAction = PolicySpec['actions'][number]
