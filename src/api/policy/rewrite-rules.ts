import { formatImage, parseImage, rewritePrefix, underPrefix } from '../../model/image-reference.ts'
import { compilePattern } from '../../model/pattern.ts'
import type { RewriteRule } from './actions.ts'
import type { PolicySpec } from './policy.ts'

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
  if (!parsed.ok) return { refused: `${path} turns ${before} into an invalid image reference: ${parsed.sentence}` }
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
      ? { refused: `${there.rule.path} and ${back.rule.path} rewrite ${image} back and forth` }
      : there.made
  }

/** An image that the rule applies to, to try rules with; undefined for a pattern that begins with no registry. */
export const sampleOf = ({ reach }: CompiledRule): string | undefined => {
  if (!reach.includes('.') && !reach.includes(':') && !reach.startsWith('localhost')) return undefined
  const parsed = parseImage(`${reach.replace(/[/:@]+$/, '')}/x:1`)
  return parsed.ok ? formatImage(parsed.reference) : undefined
}

/** Rules that never get their turn, for an earlier one covers all that they apply to. Sentences with both paths. */
export const shadowedRules = (rules: readonly CompiledRule[]): readonly string[] =>
  rules.flatMap((rule, i) => {
    const earlier = rules.slice(0, i).find((other) => covers(other, rule))
    if (!earlier) return []
    const what = rule.prefix ? `.from ${JSON.stringify(rule.prefix.from)}` : `.pattern ${JSON.stringify(rule.pattern)}`
    const by = earlier.prefix ? `.from ${JSON.stringify(earlier.prefix.from)}` : '.pattern'
    const same = earlier.prefix?.from === rule.prefix?.from && earlier.pattern === rule.pattern
    return [
      `${rule.path}${what} is never reached because ${earlier.path}${by} covers it: ${same ? 'remove one of them' : 'put the narrower rule first'}`,
    ]
  })

const covers = (earlier: CompiledRule, later: CompiledRule): boolean => {
  if (earlier.pattern !== undefined) return earlier.pattern === later.pattern
  if (!earlier.prefix || !later.prefix) return false
  const { from, to } = earlier.prefix
  // A rule that moves images below itself leaves those alone which are there, so others still get them.
  return underPrefix(later.prefix.from, from) && !underPrefix(to, from)
}

const LONGEST = 66

/** Rules of one policy that lead an image back to where it was, tried with images that each rule applies to. */
export const circularRules = (rules: readonly CompiledRule[]): readonly string[] => {
  const found = new Map<string, string>()
  for (const start of rules) {
    const sample = sampleOf(start)
    if (sample === undefined) continue
    const [seen, used]: [string[], string[]] = [[sample], []]
    for (let image = sample; used.length < LONGEST; ) {
      const step = rules.map((rule) => ({ rule, made: rule.apply(image) })).find(({ made }) => made !== undefined)
      if (!step?.made || !('to' in step.made)) break
      used.push(step.rule.path)
      image = step.made.to
      const at = seen.indexOf(image)
      if (at >= 0) {
        const circle = used.slice(at)
        const key = circle.toSorted().join()
        if (!found.has(key)) {
          found.set(
            key,
            `${circle.join(', ')} form a cycle: ${[...seen.slice(at), image].join(' → ')}; remove one of them`,
          )
        }
        break
      }
      seen.push(image)
    }
  }
  return [...found.values()]
}

const portOf = (prefix: string): number | undefined => {
  const port = /^[^/]*:(\d+)(?:\/|$)/.exec(prefix)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** What is wrong with the prefixes of a rule although their form is right. */
export const prefixSentences = ({ from, to }: RewriteRule, path: string): readonly string[] =>
  Object.entries({ from, to }).flatMap(([field, prefix]) => {
    if (prefix === undefined) return []
    const here = `${path}.${field} ${JSON.stringify(prefix)}`
    const port = portOf(prefix)
    if (port !== undefined && (port < 1 || port > 65535)) return [`${here} has port ${port}; expected 1 to 65535`]
    if (/^index\.docker\.io(\/|$)/.test(prefix)) {
      return [`${here} is not in the normal form; write docker.io instead of index.docker.io`]
    }
    // Official images are in library/; `docker.io/nginx/` with a slash at its end is the account of that name.
    if (field === 'from' && /^docker\.io\/[^/]+$/.test(prefix)) {
      const name = prefix.slice('docker.io/'.length)
      return [
        `${here} could be the official image or the account ${name}; write docker.io/library/${name} or docker.io/${name}/`,
      ]
    }
    return []
  })

/** The plain text with which everything that a glob covers begins. */
export const plainStart = (glob: string): string => /^[^*?]*/.exec(glob)?.[0] ?? ''

/** Whether one text begins with the other, so that something may begin with both. */
export const compatible = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a)

/** Globs that can cover no image in its normal form, with what was probably meant. */
export const globSentences = (globs: readonly string[]): readonly string[] =>
  globs.flatMap((glob, i) => {
    const here = `spec.match.images[${i}] ${JSON.stringify(glob)} matches no image`
    const start = plainStart(glob)
    const slash = glob.indexOf('/')
    if (start.startsWith('index.docker.io/')) return [`${here}: the normal form uses docker.io; write that instead`]
    if (/^docker\.io\/[^/*?]+([:@]|$)/.test(glob)) {
      return [`${here}: official images are in library/; write docker.io/library/${glob.slice('docker.io/'.length)}`]
    }
    if (slash >= 0 && /[A-Z]/.test(glob.slice(slash, glob.lastIndexOf('/') + 1))) {
      return [`${here}: repositories are lower case; write ${glob.toLowerCase()}`]
    }
    if (start === glob && !/[:@]/.test(glob.slice(glob.lastIndexOf('/')))) {
      return [`${here}: the normal form always has a tag or digest; write ${glob}:*`]
    }
    return []
  })

/**
 * Rules for images that no glob of `match.images` covers. Some such rules are worth a warning; where all are, and
 * nothing else could be rewritten, the policy can never do what it says.
 */
export const unreachableRules = (
  spec: PolicySpec,
  rules: readonly CompiledRule[],
): { readonly sentences: readonly string[]; readonly warnings: readonly string[] } => {
  const globs = spec.match.images
  if (!globs) return { sentences: [], warnings: [] }
  const reached = ({ reach }: CompiledRule): boolean => globs.some((glob) => compatible(plainStart(glob), reach))
  const lost = rules.filter((rule) => !reached(rule))
  const said = lost.map(
    ({ path, reach }) =>
      `${path} applies to images below ${JSON.stringify(reach)}, which no glob in spec.match.images matches`,
  )
  const suggests = spec.actions.some(({ rewriteImage }) => rewriteImage?.suggestions === 'Apply')
  return rules.length > 0 && lost.length === rules.length && !suggests
    ? { sentences: said, warnings: [] }
    : { sentences: [], warnings: said }
}
