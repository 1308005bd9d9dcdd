import { z } from 'zod'
import { CAUSES_BY_AREA } from '../../model/causes.ts'
import { duration, filled, listOf, raw, type Rule, ruled, text } from '../schema.ts'

const HOST =
  '(\\[[0-9a-fA-F:]+\\]|[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*)(:[0-9]{1,5})?'
const SEGMENT = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*'
const PREFIX = `^${HOST}(/${SEGMENT})*/?$`
/** As Docker and containerd read it: a first segment is a host when it has a dot or a port, or is localhost. */
const IN_REGISTRY = '^([^/]*[.:][^/]*|localhost)(/|$)'

const like = (pattern: string, message: string): Rule<string> => ({
  rule: `self.matches(${raw(pattern)})`,
  message,
  holds: (value) => new RegExp(pattern).test(value),
})

const prefix = (name: string, what: string, outside: string) =>
  ruled(
    text(512, what).min(1),
    {
      rule: "!self.contains('://')",
      message: `${name} must be a registry and a path without a scheme: remove "https://"`,
      holds: (value) => !value.includes('://'),
    },
    like(IN_REGISTRY, outside),
    like(
      PREFIX,
      `${name} must be a registry host and whole path segments in lower case, without tag, digest or wildcard; for these use pattern and replace`,
    ),
  )

const closed = (path: string): string => (path.endsWith('/') ? path : `${path}/`)

const rewriteRule = ruled(
  z.strictObject({
    from: prefix(
      'from',
      'Path prefix to replace, in whole segments, e.g. registry.example.com/old/. If to lies below from, images already below to are not rewritten.',
      'from must begin with a registry host because images are compared in their normal form: write docker.io/ before names of Docker Hub',
    ).optional(),
    to: prefix(
      'to',
      'Replacement for from, e.g. registry.example.com/new/.',
      'to must begin with a registry host, such as registry.example.com/ or docker.io/',
    ).optional(),
    pattern: text(512, 'RE2 pattern on the full reference in its normal form, instead of from and to.')
      .min(1)
      .optional(),
    replace: text(512, 'Replacement for the text that pattern matched; $1 is its first group.').min(1).optional(),
  }),
  {
    rule: '!((has(self.from) || has(self.to)) && (has(self.pattern) || has(self.replace)))',
    message: 'a rule must be either from and to, or pattern and replace: split it into two rules',
    holds: ({ from, to, pattern, replace }) => (from ?? to) === undefined || (pattern ?? replace) === undefined,
  },
  {
    rule: 'has(self.from) || has(self.to) || has(self.pattern) || has(self.replace)',
    message: 'a rule must have from and to, or pattern and replace; this one is empty',
    holds: ({ from, to, pattern, replace }) => (from ?? to ?? pattern ?? replace) !== undefined,
  },
  {
    rule: '!has(self.from) || has(self.to)',
    message: 'to is missing: from needs it',
    holds: ({ from, to }) => from === undefined || to !== undefined,
    at: 'to',
  },
  {
    rule: '!has(self.to) || has(self.from)',
    message: 'from is missing: to needs it',
    holds: ({ from, to }) => to === undefined || from !== undefined,
    at: 'from',
  },
  {
    rule: '!has(self.pattern) || has(self.replace)',
    message: 'replace is missing: pattern needs it',
    holds: ({ pattern, replace }) => pattern === undefined || replace !== undefined,
    at: 'replace',
  },
  {
    rule: '!has(self.replace) || has(self.pattern)',
    message: 'pattern is missing: replace needs it',
    holds: ({ pattern, replace }) => replace === undefined || pattern !== undefined,
    at: 'pattern',
  },
  {
    rule: "!has(self.from) || !has(self.to) || (self.from.endsWith('/') ? self.from : self.from + '/') != (self.to.endsWith('/') ? self.to : self.to + '/')",
    message: 'to must differ from from: this rule maps every image to itself',
    holds: ({ from, to }) => from === undefined || to === undefined || closed(from) !== closed(to),
    at: 'to',
  },
)

const rewriteImage = ruled(
  z.strictObject({
    rules: filled(
      listOf(rewriteRule, { max: 64, what: 'Rewrites, tried in order; the first that applies is used.' }),
      'rules is empty; add a rule, or omit it and set suggestions: Apply',
    ).optional(),
    verify: z
      .enum(['Required', 'IfReachable', 'Never'])
      .default('Required')
      .describe("Whether the registry must confirm that the new image exists for the node's platform."),
    suggestions: z
      .enum(['Ignore', 'Apply'])
      .default('Ignore')
      .describe('Whether the suggested image for a likely typo may be written, if the registry has it.'),
  }),
  {
    rule: "has(self.rules) || self.suggestions == 'Apply'",
    message: 'rewriteImage needs rules, or suggestions: Apply; it has neither and could never rewrite anything',
    holds: ({ rules, suggestions }) => rules !== undefined || suggestions === 'Apply',
  },
  {
    rule: "self.suggestions != 'Apply' || self.verify != 'Never'",
    message:
      'verify must be Required or IfReachable with suggestions: Apply because a suggestion is only written if the registry has it',
    holds: ({ suggestions, verify }) => suggestions !== 'Apply' || verify !== 'Never',
    at: 'verify',
  },
)

const recyclePod = z.strictObject({
  method: z
    .enum(['Delete', 'Evict'])
    .default('Delete')
    .describe('Delete the pod, or evict it; eviction ignores disruption budgets for pods that never ran.'),
})

const flagNode = z.strictObject({
  taint: z
    .enum(['None', 'NoSchedule'])
    .default('None')
    .describe('Whether a taint keeps new pods off the node while it is flagged.'),
})

/** What the API says of one action. */
interface ActionEntry {
  /** What it does, in a sentence: the chart's value says it as well. */
  readonly does: string
  /** Its options, in a field of its name. */
  readonly options?: z.ZodType
  /** What the API server answers where the options are left out; absent where they may be. */
  readonly optionsMissing?: string
  /** Causes of which a policy must match one, for the action helps with no other. Absent: it may help with any. */
  readonly helpsWith?: { readonly causes: readonly string[]; readonly example: string }
  /** `onIneffective: Undo` takes it back. */
  readonly undoable?: true
}

/** Every action of a policy: the one list of their names. */
const ACTIONS = {
  RewriteImage: {
    does: "Write another image into a workload's template or a bare pod.",
    options: rewriteImage,
    optionsMissing: 'rewriteImage is missing: type RewriteImage needs its rules, or suggestions: Apply',
    helpsWith: { causes: CAUSES_BY_AREA.image, example: 'an image cause such as ProjectNotFound' },
    undoable: true,
  },
  RecyclePod: {
    does: 'Delete or evict a pod that its controller recreates.',
    options: recyclePod,
  },
  RecycleSandbox: {
    does: 'Have the agent on a node remove the sandbox of a pod that is stuck.',
    helpsWith: { causes: CAUSES_BY_AREA.sandbox, example: 'a sandbox cause such as SandboxStale' },
  },
  RestartRuntime: {
    does: 'Have the agent on a node restart the container runtime.',
    helpsWith: { causes: CAUSES_BY_AREA.sandbox, example: 'a sandbox cause such as IptablesChainMissing' },
  },
  FlagNode: {
    does: 'Write a condition, a label and perhaps a taint on a node that lacks something.',
    options: flagNode,
  },
  InstallMountHelper: {
    does: 'Install the package of a missing mount helper on a node.',
    helpsWith: { causes: ['MountHelperMissing'], example: 'MountHelperMissing' },
  },
} as const satisfies Readonly<Record<string, ActionEntry>>

export type ActionType = keyof typeof ACTIONS

/** In the order of the table. */
export const ACTION_TYPES = Object.keys(ACTIONS) as [ActionType, ...ActionType[]]

export const actionEntry = (type: ActionType): ActionEntry => ACTIONS[type]

/** Those that `onIneffective: Undo` takes back. */
export const UNDOABLE: readonly ActionType[] = ACTION_TYPES.filter((type) => actionEntry(type).undoable === true)

/** Name of the field of an action's options, and of its value in the chart: `rewriteImage`. */
export const fieldOf = (type: ActionType): string => `${type.charAt(0).toLowerCase()}${type.slice(1)}`

type Options = {
  readonly [T in ActionType as (typeof ACTIONS)[T] extends { options: z.ZodType }
    ? Uncapitalize<T>
    : never]: z.ZodOptional<Extract<(typeof ACTIONS)[T], { options: z.ZodType }>['options']>
}

const options = Object.fromEntries(
  ACTION_TYPES.flatMap((type) => {
    const schema = actionEntry(type).options
    return schema ? [[fieldOf(type), schema.optional().describe(`Options of ${type}.`)]] : []
  }),
) as Options

/** Options belong to their own type, and some types cannot do without. */
const rulesOfOptions = ACTION_TYPES.flatMap((type): readonly Rule<{ readonly type: ActionType }>[] => {
  const { options: schema, optionsMissing: missing } = actionEntry(type)
  const field = fieldOf(type)
  const has = (value: object): boolean => (value as Readonly<Record<string, unknown>>)[field] !== undefined
  if (!schema) return []
  return [
    {
      rule: `self.type == '${type}' || !has(self.${field})`,
      message: `${field} belongs to type ${type}: remove it, or change the type`,
      holds: (value) => value.type === type || !has(value),
      at: field,
    },
    ...(missing === undefined
      ? []
      : [
          {
            rule: `self.type != '${type}' || has(self.${field})`,
            message: missing,
            holds: (value: { readonly type: ActionType }) => value.type !== type || has(value),
            at: field,
          },
        ]),
  ]
})

/** One remedy of an escalation, with the options of its type. */
export const action = ruled(
  z.strictObject({
    type: z.enum(ACTION_TYPES).describe('The remedy.'),
    timeout: duration(
      'timeout',
      '5s',
      '24h',
      'How long the remedy may take to show that it helped before the next action is tried.',
    ).default('5m'),
    ...options,
  }),
  ...rulesOfOptions,
)

export type RewriteRule = z.infer<typeof rewriteRule>
