import {
  type Flag,
  number,
  oneOf,
  type ParseValue,
  parseValue,
  readArguments,
  splitList,
} from '../src/config/arguments.ts'
import { FAULT_NAMES } from './disturbances.ts'
import { WORKLOADS } from './workloads.ts'

export interface Options {
  /** Empty: all. */
  readonly workloads: readonly string[]
  /** Empty: all. */
  readonly faults: readonly string[]
  /** The request or line of a watch; undefined: each. */
  readonly at: string | undefined
  readonly seed: number
  /** Places at which each fault is played on each workload, chosen by the seed. */
  readonly places: number
  /** Runs that are played side by side. */
  readonly lanes: number
  readonly json: boolean
}

const FLAGS = {
  only: { type: 'string', value: 'WORKLOAD,…' },
  fault: { type: 'string', value: 'FAULT,…' },
  at: { type: 'string', value: 'PLACE' },
  seed: { type: 'string', value: 'N' },
  places: { type: 'string', value: 'N' },
  lanes: { type: 'string', value: 'N' },
  quick: { type: 'boolean' },
  output: { type: 'string', short: 'o', choices: ['table', 'json'] },
  help: { type: 'boolean', short: 'h' },
} as const satisfies Readonly<Record<string, Flag>>

const ALL_PLACES = 10_000

const names = WORKLOADS.map(({ name }) => name)

export const USAGE = `Usage: npm run faults -- [--only WORKLOAD,…] [--fault FAULT,…] [--at PLACE] [--seed N] [--quick] [-o json]

  Plays incidents on a real API server, each again and again, with one fault or one step of a person at another place
  each time, and judges from the API server's audit log and the final objects. Exit status 0 only if all passed.

  --only      workloads: ${names.join(', ')}
  --fault     ${FAULT_NAMES.filter((name) => !name.includes('+')).join(', ')};
              crash+STEP: that step of a person while no controller runs
  --at        where: a request, as in "patch deployments.apps#1", or a line of a watch, as in "watch pods 2"
  --places    at how many places each fault is played on each workload, chosen by the seed (default: all)
  --quick     the same as --places 1
  --seed      chooses places and their order (default 1)
  --lanes     runs that are played side by side (default 6)
  -o json     one JSON line for each run`

/** Undefined if help was asked for. Throws `UsageError`. */
export const readOptions = (args: readonly string[]): Options | undefined => {
  const { given } = readArguments(args, FLAGS, { positionals: false })
  if (given.has('help')) return undefined
  const read = <T>(name: keyof typeof FLAGS, parse: ParseValue<T>, otherwise: T): T => {
    const last = given.get(name)?.at(-1)
    return last ? parseValue(last.source, last.text, parse) : otherwise
  }
  const listOf =
    (known: readonly string[]): ParseValue<readonly string[]> =>
    (text) =>
      splitList(text).map(oneOf(known))
  const quick = given.get('quick')?.at(-1)?.text === 'true'
  return {
    workloads: read('only', listOf(names), []),
    faults: read('fault', listOf(FAULT_NAMES), []),
    at: read<string | undefined>('at', (text) => text, undefined),
    seed: read('seed', number({ min: 0, max: 2 ** 31 }), 1),
    places: read('places', number({ min: 1, max: ALL_PLACES }), quick ? 1 : ALL_PLACES),
    lanes: read('lanes', number({ min: 1, max: 32 }), 6),
    json: read('output', oneOf(['table', 'json']), 'table') === 'json',
  }
}
