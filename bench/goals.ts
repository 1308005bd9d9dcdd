/** The goals of the rows, and how the contenders compare. Pure. */
import type { Row } from './options.ts'
import type { Entry, Figures, Named, Results } from './results.ts'

export interface Goal {
  readonly row: Row
  readonly what: string
  readonly value: number
  readonly goal: { readonly most: number } | { readonly least: number } | { readonly below: number }
  /** The same figure of the others, lower being better unless the goal is a least. */
  readonly others?: readonly (Named & { readonly value: number })[]
}

export const isMet = ({ value, goal }: Goal): boolean => {
  if ('most' in goal) return value <= goal.most
  return 'least' in goal ? value >= goal.least : value < goal.below
}

const round = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toFixed(2))))

const boundOf = ({ goal }: Goal): string => {
  if ('most' in goal) return `≤ ${goal.most}`
  return 'least' in goal ? `≥ ${goal.least}` : `< ${goal.below}`
}

/** Those that are better than podmend, the best first. */
export const betterThan = ({ value, goal, others = [] }: Goal): readonly (Named & { readonly value: number })[] => {
  const sign = 'least' in goal ? -1 : 1
  return others.filter((other) => sign * other.value < sign * value).toSorted((a, b) => sign * (a.value - b.value))
}

export const sentenceOf = (goal: Goal): string => {
  const better = betterThan(goal).map(({ name, value }) => `${name} (${round(value)})`)
  const lost = better.length === 0 ? '' : ` Lost to ${better.join(', ')}.`
  const met = isMet(goal) ? 'met' : 'NOT met'
  return `${goal.what}: ${round(goal.value)} (goal ${boundOf(goal)}), ${met}.${lost}`
}

type GoalsOf = { readonly [R in Row]: (figures: Figures[R]) => readonly Omit<Goal, 'row'>[] }

/** The value of podmend, and those of the others. A contender without a value does not compare. */
const compared = <T extends Named>(all: readonly T[], pick: (one: T) => number | undefined) => {
  const values = all.flatMap((one) => {
    const value = pick(one)
    return value !== undefined && Number.isFinite(value) ? [{ name: one.name, value }] : []
  })
  return {
    value: values.find(({ name }) => name === 'podmend')?.value ?? Number.NaN,
    others: values.filter(({ name }) => !name.startsWith('podmend')),
  }
}

const GOALS: GoalsOf = {
  P1: ({ f, contenders }) => [
    // Missing most of them is not fast.
    { what: 'p50 / F', ...compared(contenders, ({ latency }) => latency.toWrite.p50 / f), goal: { most: 2.2 } },
    { what: 'p99 / F', ...compared(contenders, ({ latency }) => latency.toWrite.p99 / f), goal: { most: 8 } },
    { what: 'missed', ...compared(contenders, ({ latency }) => latency.missed), goal: { most: 0 } },
  ],
  P2: ({ workloads, limit, contenders }) => [
    {
      what: `last action / (${workloads} / ${limit} per second)`,
      value: (contenders.find(({ name }) => name === 'podmend')?.lastS ?? Number.NaN) / (workloads / limit),
      goal: { most: 1.1 },
    },
    { what: 'missed', ...compared(contenders, ({ missed }) => missed), goal: { most: 0 } },
  ],
  P3: ({ pods, contenders }) => [
    {
      what: `RSS with ${pods} healthy pods / without`,
      ...compared(contenders, ({ empty, full }) => full.resident / empty.resident),
      goal: { most: 1.15 },
    },
    {
      what: 'bytes per healthy pod',
      ...compared(contenders, ({ empty, full }) => (full.resident - empty.resident) / pods),
      goal: { most: 200 },
    },
  ],
  P4: ({ contenders }) => [
    { what: 'ready', ...compared(contenders, ({ readyMs }) => (readyMs === undefined ? 0 : 1)), goal: { least: 1 } },
    {
      what: 'peak / settled',
      ...compared(contenders, ({ peak, settled }) => (peak && settled ? peak / settled : undefined)),
      goal: { most: 1.25 },
    },
  ],
  P5: (all) =>
    all.flatMap(({ remedy, load, podmend }) => [
      { what: `requests / least, ${remedy}, ${load}`, value: podmend.made / podmend.least, goal: { most: 1.34 } },
      { what: `unbounded LISTs, ${remedy}, ${load}`, value: podmend.unbounded.length, goal: { most: 0 } },
    ]),
  P6: (all) => [
    {
      what: 'TLS connections per 1,000 calls',
      ...compared(all, ({ connections, calls }) => (connections / calls) * 1_000),
      goal: { most: 5 },
    },
  ],
  P7: ({ seconds, contenders }) => [
    {
      what: 're-opens of a quiet watch per hour',
      ...compared(contenders, ({ watches, ended, askedSeconds }) =>
        Math.max((ended * 3_600) / (watches * seconds), 3_600 / askedSeconds),
      ),
      goal: { most: 12 },
    },
  ],
  P8: ({ contenders }) => {
    const start = compared(contenders, ({ readyMs }) => readyMs / 1_000)
    const informer = start.others.find(({ name }) => name === 'makeInformer')?.value ?? Number.NaN
    return [
      { what: 'exec to ready, s', ...start, goal: { most: 1 } },
      { what: 'relative to makeInformer', value: start.value / informer, goal: { most: 0.5 } },
    ]
  },
  P9: ({ patterns, memory }) => [
    { what: `RSS at rest with ${patterns} patterns, MB`, value: memory.resident / 1e6, goal: { most: 90 } },
  ],
  P10: ({ memory, milliCpu }) => [
    { what: 'RSS of an agent, MB', value: memory.resident / 1e6, goal: { most: 60 } },
    { what: 'anonymous, MB', value: memory.anonymous / 1e6, goal: { most: 16 } },
    { what: 'CPU, thousandths of a core', value: milliCpu, goal: { most: 1 } },
  ],
  P11: ({ classified, loop, slowest, sync }) => [
    {
      what: 'messages per second',
      value: classified,
      others: [{ name: 'a loop over the same rows', value: loop }],
      goal: { least: 100_000 },
    },
    { what: 'slowest valid pattern on 4 KiB, ms', value: slowest.ms, goal: { most: 10 } },
    { what: 'event loop p99 while pods are read, ms', ...compared(sync, ({ p99 }) => p99), goal: { below: 50 } },
  ],
  P12: ({ unfiltered, contenders }) => [
    {
      what: '% of the bytes of an unfiltered watch',
      ...compared(contenders, ({ bytes }) => (bytes / unfiltered) * 100),
      goal: { most: 2 },
    },
  ],
  P13: ({ contenders }) => [
    {
      what: 'half-open connections noticed and healed, s',
      ...compared(contenders, ({ healedS }) => healedS),
      goal: { most: 120 },
    },
    { what: 'missed', ...compared(contenders, ({ missed }) => missed), goal: { most: 0 } },
  ],
  P15: ({ each }) => [{ what: 'requests per incident and minute', value: each, goal: { most: 1 } }],
}

export const goalsOfRow = <R extends Row>(row: R, { figures }: Entry<R>): readonly Goal[] =>
  GOALS[row](figures).map((goal) => ({ row, ...goal }))

export const goalsOf = (results: Results): readonly Goal[] =>
  (Object.keys(GOALS) as Row[]).flatMap((row) => {
    const entry = results[row]
    return entry ? goalsOfRow(row, entry as Entry<typeof row>) : []
  })
