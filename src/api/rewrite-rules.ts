import type { RewriteRule } from './action.ts'
import { formatImage, parseImage, rewritePrefix, underPrefix } from './image-reference.ts'
import { compilePattern } from './pattern.ts'

/** What a rule makes of an image: a new reference, a sentence where its result is none, or undefined where it does not apply. */
export type Rewritten = { readonly to: string } | { readonly refused: string } | undefined

/** A rule that was understood. */
export interface CompiledRule {
  /** `spec.actions[0].rewriteImage.rules[1]`, for sentences. */
  readonly path: string
  /** A text below which the rule applies, to try the rules with: a prefix, or what a pattern begins with. */
  readonly reach: string
  /** Both ends of a prefix rule. */
  readonly prefix?: { readonly from: string; readonly to: string }
  readonly pattern?: string
  readonly apply: (normalForm: string) => Rewritten
}

/** The plain text with which all begins that a pattern matches: `^harbor\.od\.com/(.*)$` → `harbor.od.com/`. */
const literalStart = (pattern: string): string => {
  if (pattern.includes('|')) return ''
  const [all = '', plain = ''] = /^\^((?:[\w/:@-]|\\[./_-])*)/.exec(pattern) ?? []
  const optional = /^[*?{]/.test(pattern.slice(all.length))
  return (optional ? plain.replace(/\\?.$/, '') : plain).replaceAll('\\', '')
}

const finished = (path: string, before: string, text: string): Rewritten => {
  const parsed = parseImage(text)
  if (!parsed.ok) return { refused: `${path} makes of ${before} what is no image: ${parsed.sentence}` }
  const to = formatImage(parsed.reference)
  return to === before ? { refused: `${path} maps ${before} to itself` } : { to }
}

const prefixRule = (path: string, from: string, to: string): CompiledRule => {
  const nested = underPrefix(to, from)
  return {
    path,
    reach: from,
    prefix: { from, to },
    apply: (image) => {
      // `registry/` → `registry/project/` would otherwise move what it has moved already.
      if (!underPrefix(image, from) || (nested && underPrefix(image, to))) return undefined
      const text = rewritePrefix(image, from, to)
      return text === undefined ? undefined : finished(path, image, text)
    },
  }
}

/** Compiles one rule, or says what is wrong with it, each with the path of the field. */
export const compileRule = (
  { from, to, pattern, replace }: RewriteRule,
  path: string,
):
  | { readonly ok: true; readonly rule: CompiledRule }
  | { readonly ok: false; readonly sentences: readonly string[] } => {
  if (from !== undefined && to !== undefined) return { ok: true, rule: prefixRule(path, from, to) }
  const compiled = compilePattern(pattern ?? '')
  if (!compiled.ok) return { ok: false, sentences: [`${path}.pattern: ${compiled.sentence}`] }
  const replacement = compiled.replacement(replace ?? '')
  if (!replacement.ok) return { ok: false, sentences: [`${path}.replace: ${replacement.sentence}`] }
  const rule: CompiledRule = {
    path,
    reach: literalStart(pattern ?? ''),
    pattern: pattern ?? '',
    apply: (image) => {
      const text = replacement.replace(image)
      return text === undefined ? undefined : finished(path, image, text)
    },
  }
  return { ok: true, rule }
}

const first = (rules: readonly CompiledRule[], image: string): { rule: CompiledRule; made: Rewritten } | undefined => {
  for (const rule of rules) {
    const made = rule.apply(image)
    if (made !== undefined) return { rule, made }
  }
  return undefined
}

/**
 * The rules of a policy as one function of an image in its normal form: the first that applies decides. Where another
 * rule would write the result straight back, it is refused.
 */
export const rewriteWith =
  (rules: readonly CompiledRule[]) =>
  (image: string): Rewritten => {
    const there = first(rules, image)
    if (there?.made === undefined || !('to' in there.made)) return there?.made
    const back = first(rules, there.made.to)
    return back?.made && 'to' in back.made && back.made.to === image
      ? { refused: `${there.rule.path} and ${back.rule.path} write ${image} to and fro` }
      : there.made
  }

/** An image that the rule applies to, to try rules with; undefined for a pattern that begins with no registry. */
export const sampleOf = ({ reach }: CompiledRule): string | undefined => {
  if (!reach.includes('.') && !reach.includes(':') && !reach.startsWith('localhost')) return undefined
  const parsed = parseImage(`${reach.replace(/[/:@]+$/, '')}/x:1`)
  return parsed.ok ? formatImage(parsed.reference) : undefined
}
