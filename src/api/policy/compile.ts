/**
 * Compiles a policy from the server (or a file) for the controller, or returns errors for its owner.
 * All that CEL says is said again here, for files and for policies older than a rule; the rest only a program can find.
 */
import { z } from 'zod'
import { API_VERSION, PROTECTED_NAMESPACES } from '../../model/names.ts'
import { compileGlob, compilePattern, type Pattern } from '../../model/pattern.ts'
import { sentencesOf } from '../validation-messages.ts'
import { type PolicySpec, policySpec } from './policy.ts'
import {
  circularRules,
  type CompiledRule,
  compileRule,
  globSentences,
  prefixSentences,
  rewriteWith,
  type Rewritten,
  shadowedRules,
  unreachableRules,
} from './rewrite-rules.ts'

export type Admission =
  | { readonly ok: true; readonly policy: AdmittedPolicy; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly sentences: readonly string[] }

const object = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('RemediationPolicy'),
  metadata: z.object({
    name: z.string().min(1).max(63),
    uid: z.string().default(''),
    generation: z.int().default(0),
    creationTimestamp: z.string().optional(),
  }),
  spec: policySpec,
})

/** Patterns of the message; an empty one says nothing. An exclusion of everything is a slip. */
const compileMessage = (spec: PolicySpec) => {
  const sentences: string[] = []
  const compiled = (field: 'include' | 'exclude'): (Pattern & { ok: true }) | undefined => {
    const source = spec.match.message?.[field]
    if (!source) return undefined
    const pattern = compilePattern(source)
    if (pattern.ok) return pattern
    sentences.push(`spec.match.message.${field}: ${pattern.sentence}`)
    return undefined
  }
  const [include, exclude] = [compiled('include'), compiled('exclude')]
  if (exclude && ['', 'a', 'Failed to pull image "x": 1'].every((text) => exclude.test(text))) {
    sentences.push(`spec.match.message.exclude: ${JSON.stringify(exclude.source)} excludes every message; narrow it`)
  }
  return { sentences, message: (text: string) => (include?.test(text) ?? true) && !(exclude?.test(text) ?? false) }
}

const compileImages = (spec: PolicySpec) => {
  const globs = (spec.match.images ?? []).map(compileGlob)
  return {
    sentences: globs.flatMap((glob, i) => (glob.ok ? [] : [`spec.match.images[${i}]: ${glob.sentence}`])),
    image: (normalForm: string) => globs.length === 0 || globs.some((glob) => glob.ok && glob.test(normalForm)),
  }
}

const compileRules = (spec: PolicySpec) => {
  const rules: CompiledRule[] = []
  const sentences: string[] = []
  spec.actions.forEach((action, i) =>
    action.rewriteImage?.rules?.forEach((rule, j) => {
      const path = `spec.actions[${i}].rewriteImage.rules[${j}]`
      const compiled = compileRule(rule, path)
      if (compiled.ok) rules.push(compiled.rule)
      else sentences.push(...compiled.sentences)
      sentences.push(...prefixSentences(rule, path))
    }),
  )
  return { rules, sentences: [...sentences, ...shadowedRules(rules), ...circularRules(rules)] }
}

/** Never throws, whatever it is given. The sentences name the field, what was found and what was expected. */
export const admitPolicy = (given: unknown): Admission => {
  const parsed = object.safeParse(given)
  if (!parsed.success) return { ok: false, sentences: sentencesOf(parsed.error, given) }
  const { metadata, spec } = parsed.data
  const [message, images, rewrites] = [compileMessage(spec), compileImages(spec), compileRules(spec)]
  const reach = unreachableRules(spec, rewrites.rules)
  const sentences = [
    ...message.sentences,
    ...images.sentences,
    ...globSentences(spec.match.images ?? []),
    ...rewrites.sentences,
    ...reach.sentences,
  ]
  if (sentences.length > 0) return { ok: false, sentences }
  return {
    ok: true,
    warnings: [...warningsOf(spec), ...reach.warnings],
    policy: {
      name: metadata.name,
      uid: metadata.uid,
      generation: metadata.generation,
      createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
      spec,
      matches: { image: images.image, message: message.message, rewrite: rewriteWith(rewrites.rules) },
      rules: rewrites.rules,
    },
  }
}

/** A policy that was understood: its spec with defaults, its patterns compiled. */
export interface AdmittedPolicy {
  readonly name: string
  /** Empty where the policy never was on a server. */
  readonly uid: string
  readonly generation: number
  /** ms since the epoch; 0 where the policy never was on a server. */
  readonly createdAt: number
  readonly spec: PolicySpec
  readonly matches: {
    /** Whether a glob of `match.images` covers the image; true without any. */
    readonly image: (normalForm: string) => boolean
    readonly message: (text: string) => boolean
    /** New reference, or undefined where no rule applies; a sentence where one applies but its result is none. */
    readonly rewrite: (normalForm: string) => Rewritten
  }
  readonly rules: readonly CompiledRule[]
}

/** Warnings for the owner of a policy; none of them makes the policy invalid. */
export const warningsOf = (spec: PolicySpec): readonly string[] => {
  const { match, mode, actions } = spec
  const warnings = (match.namespaces ?? []).flatMap((name, i) =>
    PROTECTED_NAMESPACES.includes(name)
      ? [`spec.match.namespaces[${i}]: ${name} is protected; naming it here lets the policy act there`]
      : [],
  )
  if (mode === 'Observe') return warnings
  const anywhere = !match.namespaces && !match.namespaceSelector && !match.podSelector && !match.nodeSelector
  if (anywhere && !match.images) {
    warnings.push(
      `spec.match: the policy has mode ${mode} and matches every pod outside the protected namespaces; narrow it by images, namespaces or selectors`,
    )
  }
  const unbounded = actions.findIndex(
    ({ rewriteImage }) =>
      rewriteImage && !match.images && (rewriteImage.rules ?? []).every((rule) => rule.from === undefined),
  )
  if (unbounded >= 0) {
    warnings.push(
      `spec.actions[${unbounded}].rewriteImage: mode is ${mode} and neither spec.match.images nor a rule with from says which images may be rewritten`,
    )
  }
  const never = actions.findIndex(({ rewriteImage }) => rewriteImage?.verify === 'Never')
  if (never >= 0) {
    warnings.push(
      `spec.actions[${never}].rewriteImage.verify: Never writes images that may not exist; Required asks first`,
    )
  }
  if (match.causes.includes('Unknown')) {
    warnings.push(`spec.match.causes: with Unknown the policy matches failures whose cause is not known`)
  }
  return warnings
}
