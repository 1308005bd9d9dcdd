/** How large: P3, P4, P9, P10, P12. Pure. */
import type { ColdStart, P3, P4, P9, P10, P12 } from './results.ts'
import { mb, memoryCells, ms, table, times } from './table.ts'

export const residenceTable = ({ pods, contenders }: P3): string =>
  table(
    ['', 'RSS without pods, MB', `RSS with ${pods} pods, MB`, 'anonymous, MB', 'ratio', 'bytes per healthy pod'],
    contenders.map(({ name, empty, full }) => [
      name,
      mb(empty.resident),
      mb(full.resident),
      `${mb(empty.anonymous)} → ${mb(full.anonymous)}`,
      times(full.resident / empty.resident),
      ((full.resident - empty.resident) / pods).toFixed(0),
    ]),
  )

const coldStartRow = ({ name, readyMs, peak, settled, why }: ColdStart): readonly string[] =>
  readyMs === undefined || peak === undefined || settled === undefined
    ? [name, `not ready: ${why ?? 'unknown'}`, '', '', '']
    : [name, times(readyMs / 1_000), mb(peak), mb(settled), times(peak / settled)]

export const coldStartTable = ({ pods, limit, by, contenders }: P4): string =>
  [
    `${pods} healthy pods, a memory limit of ${limit / 2 ** 20} MiB ${by === 'cgroup' ? 'by a control group' : 'of the heap of Node.js alone, as no control group could be made here'}.`,
    table(['', 'exec to ready, s', 'peak RSS, MB', 'settled, MB', 'peak / settled'], contenders.map(coldStartRow)),
  ].join('\n\n')

export const patternsTable = ({ patterns, memory }: P9): string =>
  table(['', 'RSS, MB', 'anonymous, MB'], [[`podmend at rest, ${patterns} patterns`, ...memoryCells(memory)]])

export const agentsTable = ({ agents, seconds, memory, milliCpu, watchesAnHour, othersAnHour }: P10): string =>
  [
    `Medians of ${agents} idle agents over ${seconds.toFixed(0)} s; requests are the mean per agent.`,
    table(
      ['', 'per agent'],
      [
        ['RSS, MB', ms(memory.resident / 1e6)],
        ['anonymous, MB', ms(memory.anonymous / 1e6)],
        ['CPU, thousandths of a core', ms(milliCpu)],
        ['watch restarts per hour, by the time that it asks for', ms(watchesAnHour)],
        ['other API requests per hour', ms(othersAnHour)],
      ],
    ),
  ].join('\n\n')

export const trafficTable = ({ pods, updatesPerSecond, seconds, unfiltered, contenders }: P12): string =>
  table(
    [
      `${pods} healthy pods, ${updatesPerSecond.toFixed(1)} updates per second for ${seconds.toFixed(0)} s`,
      'bytes per second',
      '%',
    ],
    [
      ['a watch of all pods', unfiltered.toFixed(0), '100'],
      ...contenders.map(({ name, bytes }) => [name, bytes.toFixed(0), times((bytes / unfiltered) * 100)]),
    ],
  )
