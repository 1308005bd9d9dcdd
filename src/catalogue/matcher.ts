import type { Cause } from '../model/causes.ts'
import { compilePattern } from '../model/pattern.ts'
import { buildAutomaton } from './aho-corasick.ts'
import { CONTEXT_NAMES, type ContextName, CONTEXTS, type Runtime, RUNTIME_PHRASES } from './contexts.ts'
import type { Piece, Row } from './row.ts'

/** How much of a message is read or kept, in characters; Events of the old API have no limit of their own. */
export const MAX_MESSAGE = 4096

export interface NormalForm {
  /** Lower case, on one line with single spaces, without escaped quotes, gRPC wrapping and prefixes. */
  readonly text: string
  /** gRPC status codes that wrapped it, outermost first, in lower case. */
  readonly codes: readonly string[]
}

const PREFIX = /^(?:\(combined from similar events\): ?|error: )*/
/** `rpc error: code = Unknown desc = `, at any depth. Every repetition is bounded, so this is linear. */
const RPC = /rpc error: code = (\w{1,24}) desc = ?/g
/** Whatever is no visible character and no plain space: control characters and the other kinds of space. */
const BLANK = /[^\P{C}\p{Cs}\p{Cn}]|[\t-\r\u00a0\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu
/** Dockershim's clean-up after a failure, which fails as well: its message is a consequence, not the cause. */
const CLEAN_UP = /, failed to clean up sandbox container .*$/
const CURLY = /[\u2018\u2019\u201c\u201d]/g

/** Brings a message into the form that rows are written for. Any input, any size: the cost is bounded by 4 KiB. */
export const normalise = (message: string): NormalForm => {
  const codes: string[] = []
  const text = unescape(message.slice(0, MAX_MESSAGE).toLowerCase().replace(PREFIX, ''))
    .replace(CURLY, (char) => (char < '\u201c' ? "'" : '"'))
    .replace(BLANK, ' ')
    .replace(/ {2,}/g, ' ')
    .replace(CLEAN_UP, '')
    .replace(RPC, (_, code: string) => {
      codes.push(code)
      return ''
    })
    .trim()
  return { text, codes }
}

/** Nested errors quote one another: `\"`, `\\\"` and `\\\\\\\"` are all a quote, `\n` and `\\n` a line's end. */
const unescape = (text: string): string =>
  text.includes('\\')
    ? text
        .replace(/\\{2,}/g, '\\')
        .replace(/\\["'nrt]/g, (pair) => (pair === '\\"' || pair === "\\'" ? pair.slice(1) : ' '))
    : text

/** The result for one message: the first row that matches, and the runtime that wrote it. */
export interface Reading {
  readonly row: Row | undefined
  readonly runtime: Runtime | undefined
}

/**
 * Matches one message: one pass for all literals of all rows, then only the rows that these leave. `mayBe` leaves out rows of
 * other causes. Never throws.
 */
export type Matcher = (reason: string, form: NormalForm, mayBe?: (cause: Cause) => boolean) => Reading

/** Compiles rows once, at start. Throws for a row that cannot be found by a literal or whose pattern RE2 refuses. */
export const buildMatcher = (rows: readonly Row[]): Matcher => {
  const literals = collectLiterals()
  const compiled = rows.map((row, order) => compileRow(row, order, literals))
  const contexts = new Map<
    ContextName,
    { readonly reasons: ReadonlySet<string>; readonly phrases: readonly number[] }
  >()
  for (const name of CONTEXT_NAMES) {
    const { reasons, phrases } = CONTEXTS[name]
    contexts.set(name, { reasons: new Set(reasons), phrases: phrases.map(literals.indexOf) })
  }
  const runtimePhrases = RUNTIME_PHRASES.map(([runtime, phrases]) => [runtime, phrases.map(literals.indexOf)] as const)
  const keyed = keyRows(compiled, literals.all.length)
  const automaton = buildAutomaton(literals.all)

  return (reason, { text, codes }, mayBe) => {
    const hits = automaton.scan(text)
    const found = new Set(hits)
    const during = (name: ContextName): boolean => {
      const context = contexts.get(name)
      return (
        context !== undefined && (context.reasons.has(reason) || context.phrases.some((phrase) => found.has(phrase)))
      )
    }
    let best: CompiledRow | undefined
    for (const literal of hits) {
      for (const candidate of keyed[literal] ?? []) {
        if (best && candidate.order >= best.order) break
        const { row } = candidate
        if (row.reasons && reason !== '' && !row.reasons.includes(reason)) continue
        if (mayBe && !mayBe(row.cause)) continue
        if (row.codes && !codes.some((code) => row.codes?.includes(code) || row.codes?.includes('*'))) continue
        if (row.during && !row.during.some(during)) continue
        if (candidate.fits(found, text)) best = candidate
      }
    }
    const runtime = runtimePhrases.find(([, phrases]) => phrases.some((phrase) => found.has(phrase)))?.[0]
    return { row: best?.row, runtime }
  }
}

const collectLiterals = (): Literals & { readonly all: readonly string[] } => {
  const all: string[] = []
  const indices = new Map<string, number>()
  return {
    all,
    indexOf: (text) => {
      const index = indices.get(text) ?? all.push(text) - 1
      indices.set(text, index)
      return index
    },
  }
}

/** For each literal, in order, the rows that can only match where it was found. */
const keyRows = (rows: readonly CompiledRow[], literals: number): readonly (readonly CompiledRow[])[] => {
  const keyed: CompiledRow[][] = Array.from({ length: literals }, () => [])
  for (const row of rows) for (const key of row.keys) keyed[key]?.push(row)
  return keyed
}

/** Numbers literals, the same text always the same. */
export interface Literals {
  readonly indexOf: (text: string) => number
}

export interface CompiledRow {
  readonly row: Row
  /** Its place among all rows; the lowest that matches decides. */
  readonly order: number
  /** Literals without one of which the row cannot match: the longest of `all`, else each of `any`. */
  readonly keys: readonly number[]
  /** Whether the message matches, given the literals that were found. Patterns run last, where all else holds. */
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
