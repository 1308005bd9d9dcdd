import type { PolicySpec } from './policy.ts'
import type { CompiledRule } from './rewrite-rules.ts'

/** The plain text with which everything that a glob covers begins. */
export const plainStart = (glob: string): string => /^[^*?]*/.exec(glob)?.[0] ?? ''

/** Whether one text begins with the other, so that something may begin with both. */
export const compatible = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a)

/** Globs that can cover no image in its normal form, with what was probably meant. */
export const globSentences = (globs: readonly string[]): readonly string[] =>
  globs.flatMap((glob, i) => {
    const here = `spec.match.images[${i}] ${JSON.stringify(glob)} can cover no image`
    const start = plainStart(glob)
    const slash = glob.indexOf('/')
    if (start.startsWith('index.docker.io/')) return [`${here}, for the normal form says docker.io: write it so`]
    if (/^docker\.io\/[^/*?]+([:@]|$)/.test(glob)) {
      return [
        `${here}, for official images lie in library/: write docker.io/library/${glob.slice('docker.io/'.length)}`,
      ]
    }
    if (slash >= 0 && /[A-Z]/.test(glob.slice(slash, glob.lastIndexOf('/') + 1))) {
      return [`${here}, for repositories are lower case: write ${glob.toLowerCase()}`]
    }
    if (start === glob && !/[:@]/.test(glob.slice(glob.lastIndexOf('/')))) {
      return [`${here}, for the normal form always has a tag or digest: write ${glob}:*`]
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
      `${path} applies to images under ${JSON.stringify(reach)}, which no glob of spec.match.images covers`,
  )
  const suggests = spec.actions.some(({ rewriteImage }) => rewriteImage?.suggestions === 'Apply')
  return rules.length > 0 && lost.length === rules.length && !suggests
    ? { sentences: said, warnings: [] }
    : { sentences: [], warnings: said }
}
