/** Mutants that no test can notice, or need not, by reason. */
import type { Mutant } from './mutants.ts'

export interface Equivalent {
  readonly why: string
  /**
   * By file, each as `npm run mutants` prints it; followed by ` in ` and the line where the same stands on others too. Twice
   * where it is there twice.
   */
  readonly mutants: Readonly<Record<string, readonly string[]>>
}

export const EQUIVALENT: readonly Equivalent[] = []

const textsOf = ({ before, after, source }: Mutant): readonly string[] => [
  `${before} → ${after}`,
  `${before} → ${after} in ${source}`,
]

/** Why no test needs to notice the mutant; undefined if it is not listed. */
export const reasonFor = (entries: readonly Equivalent[], mutant: Mutant): string | undefined => {
  const texts = textsOf(mutant)
  return entries.find(({ mutants }) => mutants[mutant.file]?.some((text) => texts.includes(text)))?.why
}

/** What is wrong with the entries on these files: each must be about mutants that are there. */
export const staleEntries = (
  entries: readonly Equivalent[],
  files: readonly string[],
  mutants: readonly Mutant[],
): readonly string[] =>
  files.flatMap((file) => {
    const there = mutants.filter((mutant) => mutant.file === file)
    const listed = entries.flatMap((entry) => entry.mutants[file] ?? [])
    return [...new Set(listed)].flatMap((text) => {
      const found = there.filter((mutant) => textsOf(mutant).includes(text)).length
      const expected = listed.filter((one) => one === text).length
      return found === expected ? [] : [`${file}: "${text}" is listed ${expected} times and there ${found} times`]
    })
  })
