/** What people read of a run. */
import type { Mutant } from './mutants.ts'
import type { Result } from './play.ts'

/** Share of mutants that the tests must notice. */
export const GOAL = 0.9

export interface Judged extends Result {
  /** Why no test needs to notice it. */
  readonly why: string | undefined
}

interface Score {
  readonly all: number
  readonly killed: number
  readonly explained: number
  readonly survived: number
  /** Of those that are not explained; 1 if there are none. */
  readonly share: number
}

export const scoreOf = (results: readonly Judged[]): Score => {
  const explained = results.filter(({ why }) => why !== undefined).length
  const open = results.filter(({ why }) => why === undefined)
  const killed = open.filter(({ killedBy }) => killedBy !== undefined).length
  const share = open.length === 0 ? 1 : killed / open.length
  return { all: results.length, killed, explained, survived: open.length - killed, share }
}

const percent = (share: number): string => `${(Math.floor(share * 1_000) / 10).toFixed(1)} %`

/** One row for each file, the weakest first, and one for all. */
export const tableOf = (results: readonly Judged[]): string => {
  const byFile = Object.groupBy(results, ({ mutant }) => mutant.file)
  const scores = Object.entries(byFile)
    .map(([file, own = []]) => ({ file, ...scoreOf(own) }))
    .toSorted((a, b) => a.share - b.share || (a.file < b.file ? -1 : 1))
  const rows = [
    ['', 'mutants', 'killed', 'survived', 'explained', 'share'],
    ...[...scores, { file: 'all', ...scoreOf(results) }].map(({ file, all, killed, survived, explained, share }) => [
      file,
      ...[all, killed, survived, explained].map(String),
      percent(share),
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  '),
    )
    .join('\n')
}

const placeOf = ({ file, line, before, after }: Mutant): string => `${file}:${line}  ${before} → ${after}`

/** Where it is, before and after. */
export const survivorOf = ({ mutant, isReached }: Judged): string =>
  `${isReached ? 'SURVIVED   ' : 'NOT REACHED'} ${placeOf(mutant)}`

/** Entries of the list whose mutant a test does notice. */
export const needlessOf = (results: readonly Judged[]): readonly string[] =>
  results
    .filter(({ why, killedBy }) => why !== undefined && killedBy !== undefined)
    .map(({ mutant, killedBy }) => `${placeOf(mutant)} is listed, but fails ${killedBy}`)

export const lineOf = ({ mutant, isReached, killedBy, why }: Judged): string => {
  const { file, line, source, mutator, before, after } = mutant
  return JSON.stringify({ file, line, source, mutator, before, after, isReached, killedBy, why })
}
