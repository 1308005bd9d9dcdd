/** What people read of a sweep. */
import { replayOf, type Result, type Verdict } from './sweep.ts'

const count = (results: readonly Result[], verdict: Verdict): number =>
  results.filter((result) => result.verdict === verdict).length

/** `12` passed, `11/1!` with one failed, `·` where nothing was played. */
const cell = (results: readonly Result[]): string => {
  const [passed, failed] = [count(results, 'passed'), count(results, 'failed')]
  if (failed > 0) return `${passed}/${failed}!`
  return passed > 0 ? String(passed) : '·'
}

/** Faults by workloads: how many passed, and how many failed after a slash. */
export const tableOf = (results: readonly Result[]): string => {
  const workloads = [...new Set(results.map(({ workload }) => workload))]
  const faults = [...new Set(results.map(({ fault }) => fault))].toSorted()
  const rows = [
    ['', ...workloads],
    ...faults.map((fault) => [
      fault,
      ...workloads.map((workload) =>
        cell(results.filter((result) => result.fault === fault && result.workload === workload)),
      ),
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n')
}

/** One failure: what was played, what was broken, and how to play it again. */
export const failureOf = (result: Result): string =>
  [
    `FAILED ${result.workload}, ${result.fault} at ${result.at}`,
    ...result.complaints.map((complaint) => `  ${complaint}`),
    `  ${replayOf(result)}`,
  ].join('\n')

export const summaryOf = (results: readonly Result[]): string => {
  const missed = count(results, 'not reached')
  const memory = Math.max(0, ...results.map(({ memoryMiB }) => memoryMiB))
  return [
    ...(missed > 0 ? [`${missed} not reached: their run had no such request`] : []),
    `largest controller: ${memory} MiB`,
    `${count(results, 'passed')} passed, ${count(results, 'failed')} failed`,
  ].join('\n')
}
