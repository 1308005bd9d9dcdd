/** Mutants that no test can notice, or need not, each with its reason. */
import type { Mutant } from './mutants.ts'

export interface Equivalent {
  readonly file: string
  /** The line that the mutant is on, without the space around it. */
  readonly source: string
  /** As `npm run mutants` prints them. */
  readonly before: string
  readonly after: string
  /** How often this stands in the file; once if it is left out. */
  readonly times?: number
  readonly why: string
}

export const EQUIVALENT: readonly Equivalent[] = []

export const isThis = (entry: Equivalent, { file, source, before, after }: Mutant): boolean =>
  entry.file === file && entry.source === source && entry.before === before && entry.after === after

/** What is wrong with the entries of these files: each must be about a mutant that is there. */
export const staleEntries = (
  entries: readonly Equivalent[],
  files: readonly string[],
  mutants: readonly Mutant[],
): readonly string[] =>
  entries
    .filter(({ file }) => files.includes(file))
    .flatMap((entry) => {
      const found = mutants.filter((mutant) => isThis(entry, mutant)).length
      const expected = entry.times ?? 1
      if (found === expected) return []
      return [`${entry.file}: ${entry.before} → ${entry.after} is listed ${expected} times and there ${found} times`]
    })
