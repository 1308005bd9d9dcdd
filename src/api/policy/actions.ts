import { z } from 'zod'
import { ACTION_TYPES } from '../../model/reasons.ts'
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
      'Path prefix to replace, by whole segments, e.g. registry.example.com/old/. Where to lies below it, images that are below to already are left alone.',
      'from must begin with a registry host, for images are compared in their normal form: write docker.io/ before names of Docker Hub',
    ).optional(),
    to: prefix(
      'to',
      'What takes the place of from, e.g. registry.example.com/new/.',
      'to is outside any registry: begin it with a host, such as registry.example.com/ or docker.io/',
    ).optional(),
    pattern: text(512, 'RE2 pattern on the full reference in its normal form, instead of from and to.')
      .min(1)
      .optional(),
    replace: text(512, 'What takes the place of what pattern matched; $1 stands for its first group.')
      .min(1)
      .optional(),
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
      'rules is empty; add a rule, or leave it out and set suggestions: Apply',
    ).optional(),
    verify: z
      .enum(['Required', 'IfReachable', 'Never'])
      .default('Required')
      .describe('Whether the registry must confirm that the new image is there, for the platform of the node.'),
    suggestions: z
      .enum(['Ignore', 'Apply'])
      .default('Ignore')
      .describe("Whether a diagnosed typo's nearest image may be written, if the registry has it."),
  }),
  {
    rule: "has(self.rules) || self.suggestions == 'Apply'",
    message: 'rewriteImage needs rules, or suggestions: Apply; it has neither and could never rewrite anything',
    holds: ({ rules, suggestions }) => rules !== undefined || suggestions === 'Apply',
  },
  {
    rule: "self.suggestions != 'Apply' || self.verify != 'Never'",
    message:
      'verify must be Required or IfReachable with suggestions: Apply, for a suggestion is only written when the registry has it',
    holds: ({ suggestions, verify }) => suggestions !== 'Apply' || verify !== 'Never',
    at: 'verify',
  },
)

const recyclePod = z.strictObject({
  method: z
    .enum(['Delete', 'Evict'])
    .default('Delete')
    .describe('Delete the pod, or evict it; eviction does not consult budgets for pods that never ran.'),
})

const flagNode = z.strictObject({
  taint: z
    .enum(['None', 'NoSchedule'])
    .default('None')
    .describe('Whether new pods are kept away from the node while it is flagged.'),
})

/** One remedy of an escalation, with the options of its type. */
export const action = ruled(
  z.strictObject({
    type: z.enum(ACTION_TYPES).describe('The remedy.'),
    timeout: duration(
      'timeout',
      '5s',
      '24h',
      'How long the remedy has to prove that it helped before the next action is tried.',
    ).default('5m'),
    rewriteImage: rewriteImage.optional().describe('Options of RewriteImage.'),
    recyclePod: recyclePod.optional().describe('Options of RecyclePod.'),
    flagNode: flagNode.optional().describe('Options of FlagNode.'),
  }),
  {
    rule: "self.type == 'RewriteImage' || !has(self.rewriteImage)",
    message: 'rewriteImage belongs to type RewriteImage: remove it, or change the type',
    holds: ({ type, rewriteImage: options }) => type === 'RewriteImage' || options === undefined,
    at: 'rewriteImage',
  },
  {
    rule: "self.type != 'RewriteImage' || has(self.rewriteImage)",
    message: 'rewriteImage is missing: type RewriteImage needs its rules, or suggestions: Apply',
    holds: ({ type, rewriteImage: options }) => type !== 'RewriteImage' || options !== undefined,
    at: 'rewriteImage',
  },
  {
    rule: "self.type == 'RecyclePod' || !has(self.recyclePod)",
    message: 'recyclePod belongs to type RecyclePod: remove it, or change the type',
    holds: ({ type, recyclePod: options }) => type === 'RecyclePod' || options === undefined,
    at: 'recyclePod',
  },
  {
    rule: "self.type == 'FlagNode' || !has(self.flagNode)",
    message: 'flagNode belongs to type FlagNode: remove it, or change the type',
    holds: ({ type, flagNode: options }) => type === 'FlagNode' || options === undefined,
    at: 'flagNode',
  },
)

export type RewriteRule = z.infer<typeof rewriteRule>
