import { underPrefix } from './image-reference.ts'
import { type CompiledRule, sampleOf } from './rewrite-rules.ts'

/** Rules that never get their turn, for an earlier one covers all that they apply to. Sentences with both paths. */
export const shadowedRules = (rules: readonly CompiledRule[]): readonly string[] =>
  rules.flatMap((rule, i) => {
    const earlier = rules.slice(0, i).find((other) => covers(other, rule))
    if (!earlier) return []
    const what = rule.prefix ? `.from ${JSON.stringify(rule.prefix.from)}` : `.pattern ${JSON.stringify(rule.pattern)}`
    const by = earlier.prefix ? `.from ${JSON.stringify(earlier.prefix.from)}` : '.pattern'
    const same = earlier.prefix?.from === rule.prefix?.from && earlier.pattern === rule.pattern
    return [
      `${rule.path}${what} is never reached, for ${earlier.path}${by} covers it: ${same ? 'remove one of them' : 'put the narrower rule first'}`,
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
            `${circle.join(', ')} lead in a circle: ${[...seen.slice(at), image].join(' → ')}; remove one of them`,
          )
        }
        break
      }
      seen.push(image)
    }
  }
  return [...found.values()]
}
