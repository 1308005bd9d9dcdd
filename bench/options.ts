import { parseArgs } from 'node:util'

export const ROWS = ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9', 'P10', 'P11', 'P12', 'P13', 'P15'] as const
export type Row = (typeof ROWS)[number]

export interface Options {
  /** Healthy pods beside the broken ones. */
  readonly healthy: number
  /** Healthy pods of P3 and P4. */
  readonly many: number
  /** Workloads to break, for each contender. */
  readonly incidents: number
  /** Workloads to break per second. */
  readonly perSecond: number
  /** Number of rounds into which they are split; the contenders take turns. */
  readonly turns: number
  /** Workloads to break one after the other, to count the requests of one remediation. */
  readonly lone: number
  /** Workloads that break at once. */
  readonly surge: number
  /** Incidents that are held. */
  readonly held: number
  /** How long a process is left idle before its memory is read. */
  readonly stabilizationMs: number
  /** How long idle processes, traffic and held incidents are observed. */
  readonly observeMs: number
  /** Number of idle node agents, and how long they are observed. */
  readonly agents: number
  readonly agentsRestMs: number
  readonly rows: readonly Row[]
  readonly json: boolean
  /** Whether docs/benchmarks.md is updated. */
  readonly write: boolean
}

export const USAGE = `Usage: npm run bench -- [flags]

  --healthy N     healthy pods beside the broken ones (default 10000)
  --many N        healthy pods of P3 and P4 (default 5 times --healthy)
  --incidents N   workloads to break, for each contender (default 200; P2 500, P15 250)
  --rate N        workloads to break per second (default 10)
  --only P1,P3    measure only these of ${ROWS.join(', ')}
  --quick         500 healthy pods, 40 incidents: a functional check, not a measurement
  -o json         print the figures as JSON
  --write         update docs/benchmarks.md; with --only, only these rows of it

P14 (crash at every write, fault and step of the outside world) is npm run faults.`

const QUICK = {
  healthy: 500,
  incidents: 40,
  turns: 1,
  lone: 3,
  surge: 60,
  held: 30,
  stabilizationMs: 3_000,
  observeMs: 15_000,
  agents: 2,
  agentsRestMs: 20_000,
}
const USUAL = {
  healthy: 10_000,
  incidents: 200,
  turns: 2,
  lone: 8,
  surge: 500,
  held: 250,
  stabilizationMs: 10_000,
  observeMs: 45_000,
  agents: 8,
  agentsRestMs: 45_000,
}

const positive = (name: string, given: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(given))
    throw new Error(`--${name} is "${given.slice(0, 80)}"; expected a whole number from 1 to 999999`)
  return Number(given)
}

const rowsIn = (given: string): readonly Row[] =>
  given.split(',').map((name) => {
    const row = ROWS.find((each) => each === name.trim())
    if (row === undefined) throw new Error(`--only is "${given.slice(0, 80)}"; expected some of ${ROWS.join(',')}`)
    return row
  })

/** Undefined if help was asked for. Throws a sentence that names the wrong option. */
export const readOptions = (args: readonly string[]): Options | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      healthy: { type: 'string' },
      many: { type: 'string' },
      incidents: { type: 'string' },
      rate: { type: 'string', default: '10' },
      only: { type: 'string', default: ROWS.join(',') },
      quick: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o', default: 'table' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  if (!['json', 'table'].includes(values.output))
    throw new Error(`-o is "${values.output.slice(0, 80)}"; expected json or table`)
  const usual = values.quick ? QUICK : USUAL
  const healthy = values.healthy === undefined ? usual.healthy : positive('healthy', values.healthy)
  const incidents = values.incidents === undefined ? undefined : positive('incidents', values.incidents)
  return {
    ...usual,
    ...(incidents !== undefined && { incidents, surge: incidents, held: incidents }),
    healthy,
    many: values.many === undefined ? healthy * 5 : positive('many', values.many),
    perSecond: positive('rate', values.rate),
    rows: rowsIn(values.only),
    json: values.output === 'json',
    write: values.write,
  }
}
