/** How fast: P1, P2, P8, P13. Pure. */
import type { P1, P2, P8, P13 } from './results.ts'
import { ms, table, times } from './table.ts'

export const latencyTable = ({ f, fOwnClock, contenders }: P1): string => {
  const stages = [...new Set(contenders.flatMap(({ latency }) => Object.keys(latency.stages)))]
  return [
    `F = ${ms(f)} ms (commit → response to the bare loop's write; by its own clock, from the line of the watch on: ${ms(fOwnClock)} ms)`,
    table(
      ['', 'p50 ms', 'p99 ms', 'p50 / F', 'p99 / F', 'first ms', 'missed'],
      contenders.map(({ name, latency: { toWrite, first, missed, incidents } }) => [
        name,
        ms(toWrite.p50),
        ms(toWrite.p99),
        times(toWrite.p50 / f),
        times(toWrite.p99 / f),
        ms(first),
        `${missed} of ${incidents}`,
      ]),
    ),
    table(
      ['stage, median ms', ...contenders.map(({ name }) => name)],
      stages.map((stage) => [stage, ...contenders.map(({ latency }) => ms(latency.stages[stage] ?? 0))]),
    ),
  ].join('\n\n')
}

export const surgeTable = ({ workloads, limit, contenders }: P2): string =>
  [
    `${workloads} workloads break at once. podmend may begin ${limit} actions per second, so the last may come after ${times(workloads / limit)} s; the others have no such limit.`,
    table(
      ['', 'last action, s', 'actions', 'missed'],
      contenders.map(({ name, lastS, actions, missed }) => [name, times(lastS), String(actions), String(missed)]),
    ),
  ].join('\n\n')

export const startTable = ({ pods, contenders }: P8): string =>
  table(
    [`beside ${pods} healthy pods`, 'exec to ready, s'],
    contenders.map(({ name, readyMs }) => [name, times(readyMs / 1_000)]),
  )

export const halfOpenTable = ({ incidents, contenders }: P13): string =>
  table(
    ['seconds after all connections became half-open', 'next request', 'last action', 'missed'],
    contenders.map(({ name, noticedS, healedS, missed }) => [
      name,
      ms(noticedS),
      ms(healedS),
      `${missed} of ${incidents}`,
    ]),
  )
