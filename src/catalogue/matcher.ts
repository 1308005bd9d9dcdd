import { compilePattern } from '../api/pattern.ts'
import { buildAutomaton } from './automaton.ts'
import { CONTEXTS, type ContextName } from './contexts.ts'
import type { NormalForm } from './normal-form.ts'
import type { Piece, Row, Runtime } from './row.ts'

/** Finds the first row, in order, that fits. Linear in the text; never throws. */
export type Matcher = (signal: {
  readonly reason: string
  readonly form: NormalForm
  readonly runtime?: Runtime | undefined
}) => Row | undefined

interface CompiledPiece {
  /** Index of the literal, or -1 for a pattern. */
  readonly literal: number
  readonly length: number
  readonly test?: (text: string) => boolean
}

interface CompiledRow {
  readonly row: Row
  readonly order: number
  readonly all: readonly CompiledPiece[]
  readonly any: readonly CompiledPiece[]
  readonly not: readonly CompiledPiece[]
}

/** Compiles rows once, at start. Throws for a row that cannot be found by a literal or whose pattern RE2 refuses. */
export const buildMatcher = (rows: readonly Row[]): Matcher => {
  const literals: string[] = []
  const indexOf = new Map<string, number>()
  const literalOf = (text: string): number => {
    const literal = indexOf.get(text) ?? literals.push(text) - 1
    indexOf.set(text, literal)
    return literal
  }
  const compilePiece = (row: Row, piece: Piece): CompiledPiece => {
    if (typeof piece !== 'string') {
      const pattern = compilePattern(piece.re)
      if (!pattern.ok) throw new Error(`compiling row ${row.id}: ${pattern.sentence}`)
      return { literal: -1, length: 0, test: pattern.test }
    }
    if (piece === '' || piece !== piece.toLowerCase()) {
      throw new Error(`compiling row ${row.id}: literal ${JSON.stringify(piece)} must be in lower case and not empty`)
    }
    return { literal: literalOf(piece), length: piece.length }
  }
  const compiled = rows.map(
    (row, order): CompiledRow => ({
      row,
      order,
      // Literals before patterns: a pattern is only run where all else holds.
      all: (row.all ?? []).map((piece) => compilePiece(row, piece)).toSorted((a, b) => b.literal - a.literal),
      any: (row.any ?? []).map((piece) => compilePiece(row, piece)).toSorted((a, b) => b.literal - a.literal),
      not: (row.not ?? []).map((piece) => compilePiece(row, piece)),
    }),
  )
  const contexts = new Map<string, { readonly reasons: readonly string[]; readonly words: readonly number[] }>(
    Object.entries(CONTEXTS).map(([name, { reasons, words }]) => [name, { reasons, words: words.map(literalOf) }]),
  )
  const keyed = keyRows(compiled, literals.length)
  const automaton = buildAutomaton(literals)
  const found = new Uint32Array(literals.length)
  let stamp = 0

  return ({ reason, form, runtime }) => {
    if (stamp === 0xffffffff) {
      found.fill(0)
      stamp = 0
    }
    stamp++
    automaton.scan(form.text, found, stamp)
    const has = (piece: CompiledPiece): boolean =>
      piece.literal >= 0 ? found[piece.literal] === stamp : (piece.test?.(form.text) ?? false)
    const during = (name: ContextName): boolean => {
      const context = contexts.get(name)
      return (
        context !== undefined && (context.reasons.includes(reason) || context.words.some((w) => found[w] === stamp))
      )
    }
    const fits = ({ row, all, any, not }: CompiledRow): boolean =>
      applies(row, reason, form.codes, runtime) &&
      (row.during === undefined || row.during.some(during)) &&
      all.every(has) &&
      (any.length === 0 || any.some(has)) &&
      !not.some(has)
    let best: CompiledRow | undefined
    for (const [literal, candidates] of keyed.entries()) {
      if (found[literal] !== stamp) continue
      for (const candidate of candidates) {
        if (best && candidate.order >= best.order) break
        if (fits(candidate)) best = candidate
      }
    }
    return best?.row
  }
}

const applies = (row: Row, reason: string, codes: readonly string[], runtime: Runtime | undefined): boolean =>
  (row.reasons === undefined || reason === '' || row.reasons.includes(reason)) &&
  (row.codes === undefined || codes.some((code) => row.codes?.includes(code) || row.codes?.includes('*'))) &&
  (row.runtime === undefined || runtime === undefined || row.runtime === runtime)

/** For each literal the rows, in order, that can only fit where it was found: the longest of `all`, else each of `any`. */
const keyRows = (rows: readonly CompiledRow[], literals: number): readonly (readonly CompiledRow[])[] => {
  const keyed: CompiledRow[][] = Array.from({ length: literals }, () => [])
  for (const row of rows) {
    const longest = row.all.filter(isLiteral).toSorted((a, b) => b.length - a.length)[0]
    const keys = longest !== undefined ? [longest] : row.any
    if (keys.length === 0 || !keys.every(isLiteral)) {
      throw new Error(`compiling row ${row.row.id}: it needs a literal in all, or only literals in any`)
    }
    for (const { literal } of keys) keyed[literal]?.push(row)
  }
  return keyed
}

const isLiteral = (piece: CompiledPiece): boolean => piece.literal >= 0
