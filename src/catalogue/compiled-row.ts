import { compilePattern } from '../api/pattern.ts'
import type { Piece, Row } from './row.ts'

/** Numbers literals, the same text always the same. */
export interface Literals {
  readonly indexOf: (text: string) => number
}

export interface CompiledRow {
  readonly row: Row
  /** Its place among all rows; the lowest that fits decides. */
  readonly order: number
  /** Literals without one of which the row cannot fit: the longest of `all`, else each of `any`. */
  readonly keys: readonly number[]
  /** Whether the words fit, given the literals that were found. Patterns run last, where all else holds. */
  readonly fits: (found: ReadonlySet<number>, text: string) => boolean
}

/** Throws where the row has no key, a literal that can never occur, or a pattern that RE2 refuses. */
export const compileRow = (row: Row, order: number, literals: Literals): CompiledRow => {
  const all = split(row, row.all, literals)
  const any = split(row, row.any, literals)
  const not = split(row, row.not, literals)
  const longest = (row.all ?? []).filter((piece) => typeof piece === 'string').toSorted(byLength)[0]
  const keys = longest !== undefined ? [literals.indexOf(longest)] : any.literals
  if (keys.length === 0 || (longest === undefined && any.patterns.length > 0)) {
    throw new Error(`compiling row ${row.id}: it needs a literal in all, or only literals in any`)
  }
  const anyNeeded = any.literals.length + any.patterns.length > 0
  return {
    row,
    order,
    keys,
    fits: (found, text) =>
      all.literals.every((literal) => found.has(literal)) &&
      !not.literals.some((literal) => found.has(literal)) &&
      (!anyNeeded || any.literals.some((literal) => found.has(literal)) || any.patterns.some((test) => test(text))) &&
      all.patterns.every((test) => test(text)) &&
      !not.patterns.some((test) => test(text)),
  }
}

const byLength = (a: string, b: string): number => b.length - a.length

interface Pieces {
  readonly literals: readonly number[]
  readonly patterns: readonly ((text: string) => boolean)[]
}

const split = (row: Row, pieces: readonly Piece[] = [], literals: Literals): Pieces => ({
  literals: pieces
    .filter((piece) => typeof piece === 'string')
    .map((text) => {
      if (text === '' || text !== text.toLowerCase()) {
        throw new Error(`compiling row ${row.id}: literal ${JSON.stringify(text)} must be in lower case and not empty`)
      }
      return literals.indexOf(text)
    }),
  patterns: pieces
    .filter((piece) => typeof piece !== 'string')
    .map(({ re }) => {
      const pattern = compilePattern(re)
      if (!pattern.ok) throw new Error(`compiling row ${row.id}: ${pattern.sentence}`)
      return pattern.test
    }),
})
