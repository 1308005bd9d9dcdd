/** How many requests and connections: P5, P6, P7, P15. Pure. */
import type { P5, P6, P7, P15 } from './results.ts'
import { ms, table, times } from './table.ts'

export const costsTable = ({ podmend, reference }: P5): string => {
  const others = new Map(reference.rows.map(({ request, made }) => [request, made]))
  const rows = podmend.rows.map(({ request, made, least, why }) => [
    request,
    times(made),
    String(least),
    times(others.get(request) ?? 0),
    why,
  ])
  for (const { request, made } of reference.rows) {
    if (!podmend.rows.some((row) => row.request === request)) rows.push([request, '0.00', '0', times(made), ''])
  }
  const sums = [
    'total',
    times(podmend.made),
    String(podmend.least),
    times(reference.made),
    `unbounded LISTs: ${podmend.unbounded.length}; verified: ${podmend.succeeded} and ${reference.succeeded} of ${podmend.incidents}`,
  ]
  return table(['request', 'podmend', 'least', 'makeInformer', 'purpose'], [...rows, sums])
}

export const connectionsTable = (rows: readonly P6[]): string =>
  table(
    ['', 'calls', 'TLS connections', 'before the first incident', 'per 1,000 calls'],
    rows.map(({ name, calls, connections, atStart }) => [
      name,
      String(calls),
      String(connections),
      String(atStart),
      times((connections / calls) * 1_000),
    ]),
  )

export const watchesTable = ({ seconds, contenders }: P7): string =>
  table(
    ['', 'watches', `ended by themselves in ${seconds.toFixed(0)} quiet seconds`, 'asked to end after, s'],
    contenders.map(({ name, watches, ended, askedSeconds }) => [
      name,
      String(watches),
      String(ended),
      askedSeconds.toFixed(0),
    ]),
  )

export const heldTable = ({ incidents, seconds, flipsPerSecond, held, each, requests }: P15): string =>
  [
    `${incidents} incidents (${Object.entries(held)
      .map(([why, count]) => `${count} ${why}`)
      .join(', ')}); ${ms(flipsPerSecond)} changes of status per second for ${seconds.toFixed(0)} s.`,
    table(
      ['request', 'per incident and minute'],
      [
        ...Object.entries(requests).map(([request, count]) => [
          request,
          ((count * 60) / seconds / incidents).toFixed(3),
        ]),
        ['total', each.toFixed(3)],
      ],
    ),
  ].join('\n\n')
