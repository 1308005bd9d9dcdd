/** The results as Markdown: the terminal and the document show the same. Pure. */
import { goalsOfRow, sentenceOf } from './goals.ts'
import { type Row, ROWS } from './options.ts'
import { connectionsTable, costsTable, heldTable, watchesTable } from './request-tables.ts'
import type { Entry, Figures, P11, Results } from './results.ts'
import { agentsTable, coldStartTable, patternsTable, residenceTable, trafficTable } from './size-tables.ts'
import { halfOpenTable, latencyTable, startTable, surgeTable } from './speed-tables.ts'
import { ms, table, times } from './table.ts'

const classifierTable = ({ messages, rows, classified, loop, policies, matched, slowest, pods, sync }: P11): string =>
  [
    table(
      ['', 'messages per second', 'relative to the loop'],
      [
        [`podmend, ${rows} rows`, classified.toFixed(0), `${times(classified / loop)} ×`],
        ['a loop over the same rows', loop.toFixed(0), '1.00 ×'],
        [`matched against the patterns of ${policies} policies`, matched.toFixed(0), ''],
      ],
    ),
    `${messages} different messages, of 20 to 1,024 characters. The slowest valid pattern of those tried, \`${slowest.source.replaceAll('|', '\\|')}\`, takes ${ms(slowest.ms)} ms on 4 KiB.`,
    table(
      [`event loop delay while ${pods} healthy pods are read`, 'p50 ms', 'p99 ms', 'samples'],
      sync.map(({ name, p50, p99, samples }) => [name, ms(p50), ms(p99), String(samples)]),
    ),
  ].join('\n\n')

interface Shown<R extends Row> {
  readonly title: string
  readonly table: (figures: Figures[R]) => string
}

const SHOWN: { readonly [R in Row]: Shown<R> } = {
  P1: { title: 'from the failing status to the write', table: latencyTable },
  P2: { title: 'everything breaks at once', table: surgeTable },
  P3: { title: 'memory at rest', table: residenceTable },
  P4: { title: 'cold start under a memory limit', table: coldStartTable },
  P5: {
    title: 'requests per remediation of a Deployment',
    table: (all) => all.map((one) => `${one.remedy}, ${one.load}:\n\n${costsTable(one)}`).join('\n\n'),
  },
  P6: { title: 'TLS connections', table: connectionsTable },
  P7: { title: 'quiet watches', table: watchesTable },
  P8: { title: 'from exec to ready', table: startTable },
  P9: { title: 'memory with many patterns', table: patternsTable },
  P10: { title: 'the idle node agent', table: agentsTable },
  P11: { title: 'classifying messages', table: classifierTable },
  P12: { title: 'bytes from the API server, while healthy pods change', table: trafficTable },
  P13: { title: 'half-open connections', table: halfOpenTable },
  P15: { title: 'held incidents whose pods change', table: heldTable },
}

const sectionOf = <R extends Row>(row: R, entry: Entry<R>): string => {
  const { title, table } = SHOWN[row]
  const { date, machine, tookS, figures } = entry
  return [
    `## ${row}: ${title}`,
    `Measured on ${date} in ${tookS.toFixed(0)} s; load average ${machine.load.toFixed(1)} before the start.`,
    goalsOfRow(row, entry)
      .map((goal) => `- ${sentenceOf(goal)}`)
      .join('\n'),
    table(figures),
  ].join('\n\n')
}

/** One section for each measured row. */
export const tablesOf = (results: Results): string =>
  `${ROWS.flatMap((row) => {
    const entry = results[row]
    return entry ? [sectionOf(row, entry as Entry<typeof row>)] : []
  }).join('\n\n')}\n`
