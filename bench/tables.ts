/** The results as Markdown tables: the terminal and the document show the same. Pure. */
import type { Latency } from './latency.ts'
import type { P1, P5, P6, P10, P11, Residence, Results, SyncDelay } from './results.ts'

const ms = (value: number): string => value.toFixed(1)
const times = (value: number): string => value.toFixed(2)
const mb = (bytes: number): string => (bytes / 1e6).toFixed(0)

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

const judged = (value: number, most: number): string =>
  `${times(value)} (goal ≤ ${most}) ${value <= most ? 'reached' : 'NOT reached'}`

export const latencyTable = ({ f, fOwnClock, podmend, reference }: P1): string => {
  const row = (name: string, { toWrite, first, missed }: Latency, goals: boolean): readonly string[] => [
    name,
    ms(toWrite.p50),
    ms(toWrite.p99),
    goals ? judged(toWrite.p50 / f, 3) : times(toWrite.p50 / f),
    goals ? judged(toWrite.p99 / f, 8) : times(toWrite.p99 / f),
    ms(first),
    `${missed} of ${toWrite.count + missed}`,
  ]
  const stages = [...new Set([...Object.keys(podmend.stages), ...Object.keys(reference.stages)])]
  return [
    `F = ${ms(f)} ms (commit → response to the bare loop's write; by its own clock, from the line of the watch on: ${ms(fOwnClock)} ms)`,
    table(
      ['', 'p50 ms', 'p99 ms', 'p50 / F', 'p99 / F', 'first ms', 'missed'],
      [row('podmend', podmend, true), row('makeInformer', reference, false)],
    ),
    table(
      ['stage, median ms', 'podmend', 'makeInformer'],
      stages.map((name) => [name, ms(podmend.stages[name] ?? 0), ms(reference.stages[name] ?? 0)]),
    ),
  ].join('\n\n')
}

export const residenceTable = (rows: readonly Residence[], healthy: number): string =>
  table(
    ['', 'RSS without pods, MB', `RSS with ${healthy} pods, MB`, 'anonymous, MB', 'ratio', 'bytes per healthy pod'],
    rows.map(({ name, empty, full }) => {
      const each = (full.resident - empty.resident) / healthy
      const ours = name.startsWith('podmend')
      const ratio = full.resident / empty.resident
      return [
        name === 'reference' ? 'makeInformer' : name,
        mb(empty.resident),
        mb(full.resident),
        `${mb(empty.anonymous)} → ${mb(full.anonymous)}`,
        ours ? judged(ratio, 1.15) : times(ratio),
        ours ? `${each.toFixed(0)} (goal ≤ 200) ${each <= 200 ? 'reached' : 'NOT reached'}` : each.toFixed(0),
      ]
    }),
  )

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
    `${times(podmend.made)}: ${judged(podmend.made / podmend.least, 1.34)}`,
    String(podmend.least),
    times(reference.made),
    `unbounded LISTs: ${podmend.unbounded.length}; verified: ${podmend.succeeded} and ${reference.succeeded} of ${podmend.incidents}`,
  ]
  return table(['request', 'podmend', 'least', 'makeInformer', 'purpose'], [...rows, sums])
}

export const connectionsTable = (rows: readonly P6[]): string =>
  table(
    ['', 'calls', 'TLS connections', 'before the first incident', 'per 1,000 calls'],
    rows.map(({ name, calls, connections, atStart }) => {
      const rate = (connections / calls) * 1_000
      return [
        name === 'reference' ? 'makeInformer' : name,
        String(calls),
        String(connections),
        String(atStart),
        name === 'podmend' ? judged(rate, 5) : times(rate),
      ]
    }),
  )

export const agentsTable = ({ agents, seconds, memory, milliCpu, watchesAnHour, othersAnHour }: P10): string => {
  const row = (name: string, value: number, goal?: number): readonly string[] => [
    name,
    value.toFixed(1) + (goal === undefined ? '' : ` (goal ≤ ${goal}) ${value <= goal ? 'reached' : 'NOT reached'}`),
  ]
  return [
    `Medians of ${agents} idle agents over ${seconds.toFixed(0)} s; requests are the mean per agent.`,
    table(
      ['', 'per agent'],
      [
        row('RSS, MB', memory.resident / 1e6, 64),
        row('anonymous, MB', memory.anonymous / 1e6, 20),
        row('CPU, thousandths of a core', milliCpu, 5),
        row('watch restarts per hour', watchesAnHour, 12),
        row('other API requests per hour', othersAnHour),
      ],
    ),
  ].join('\n\n')
}

export const classifierTable = ({ messages, rows, classified, loop, policies, matched, slowest }: P11): string => {
  const goal = classified >= 100_000 ? 'reached' : 'NOT reached'
  const fast = slowest.ms <= 10 ? 'reached' : 'NOT reached'
  return table(
    ['', 'messages per second', 'relative to the loop'],
    [
      [`podmend, ${rows} rows`, `${classified.toFixed(0)} (goal ≥ 100000) ${goal}`, `${times(classified / loop)} ×`],
      ['a loop over the same rows', loop.toFixed(0), '1.00 ×'],
      [`matched against the patterns of ${policies} policies`, matched.toFixed(0), ''],
    ],
  ).concat(
    `\n\n${messages} different messages, of 20 to 1,024 characters. The slowest valid pattern of those tried, \`${slowest.source.replaceAll('|', '\\|')}\`, takes ${slowest.ms.toFixed(1)} ms (goal ≤ 10) ${fast} on 4 KiB.`,
  )
}

export const syncTable = (rows: readonly SyncDelay[], healthy: number): string =>
  table(
    [`event loop delay while ${healthy} healthy pods are read`, 'p50 ms', 'p99 ms', 'samples'],
    rows.map(({ name, p50, p99, samples }) => [
      name === 'reference' ? 'makeInformer' : name,
      ms(p50),
      name === 'podmend' ? `${ms(p99)} (goal < 50) ${p99 < 50 ? 'reached' : 'NOT reached'}` : ms(p99),
      String(samples),
    ]),
  )

/** All tables, each with its heading. */
export const tablesOf = ({ p1, p3, p5, p6, p10, p11, healthy, perSecond }: Results): string =>
  [
    ...(p1 ? [`## P1: from the failing status to the write, ${perSecond} incidents per second`, latencyTable(p1)] : []),
    ...(p3 ? ['## P3: idle memory', residenceTable(p3, healthy)] : []),
    ...(p5 ?? []).flatMap((row) => [
      `## P5: requests per remediation, ${row.remedy} of a Deployment, ${row.load}`,
      costsTable(row),
    ]),
    ...(p6 ? ['## P6: TLS connections', connectionsTable(p6)] : []),
    ...(p10 ? ['## P10: the idle node agent', agentsTable(p10)] : []),
    ...(p11 ? ['## P11: classifying messages', classifierTable(p11), syncTable(p11.sync, healthy)] : []),
  ].join('\n\n') + '\n'
