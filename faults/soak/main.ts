/** `npm run soak -- [--minutes N] [--seed N] [--width N]`: random incidents and faults, and a judgement of all of it. */
import { type Flag, number, parseValue, readArguments, UsageError } from '../../src/config/arguments.ts'
import { describeError } from '../../src/runtime/log.ts'
import { makeFaultCluster } from '../cluster.ts'
import { soak, type SoakResult } from './soak.ts'

const FLAGS = {
  minutes: { type: 'string', value: 'N' },
  seed: { type: 'string', value: 'N' },
  width: { type: 'string', value: 'N' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies Readonly<Record<string, Flag>>

const USAGE = `Usage: npm run soak -- [--minutes N] [--seed N] [--width N]

  Breaks workloads on a real API server and plays faults by seed, one after another, on one controller. Fails when one
  is not repaired in time, when a write breaks a rule of the sweeps, or when memory or connections grow.

  --minutes   how long (default 10; growth is judged from 9 on)
  --seed      chooses workloads and faults (default 1)
  --width     incidents at the same time (default 3)`

const percentile = (values: readonly number[], share: number): string =>
  ((values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0) / 1_000).toFixed(1)

const textOf = (result: SoakResult, again: string): string => {
  const { incidents, faults, repairMs, usage, complaints } = result
  const played = Object.entries(faults).toSorted(([a], [b]) => a.localeCompare(b))
  return [
    `faults: ${played.map(([name, count]) => `${name} ${count}`).join(', ')}`,
    `repaired ${repairMs.length} of ${incidents}; p50 ${percentile(repairMs, 0.5)} s, p99 ${percentile(repairMs, 0.99)} s`,
    ...usage,
    ...complaints.map((complaint) => `FAILED ${complaint}`),
    complaints.length === 0 ? 'passed' : `failed; again: ${again}`,
  ].join('\n')
}

try {
  const { given } = readArguments(process.argv.slice(2), FLAGS, { positionals: false })
  const read = (name: keyof typeof FLAGS, max: number, otherwise: number): number => {
    const last = given.get(name)?.at(-1)
    return last ? parseValue(last.source, last.text, number({ min: 1, max })) : otherwise
  }
  if (given.has('help')) process.stdout.write(`${USAGE}\n`)
  else {
    const [minutes, seed, width] = [read('minutes', 1_440, 10), read('seed', 2 ** 31, 1), read('width', 16, 3)]
    const progress = (text: string): void => void process.stderr.write(`${text}\n`)
    const cluster = await makeFaultCluster(1, progress)
    try {
      const result = await soak(cluster, { durationMs: minutes * 60_000, seed, width, progress })
      const again = `npm run soak -- --minutes ${minutes} --seed ${seed} --width ${width}`
      process.stdout.write(`${textOf(result, again)}\n`)
      process.exitCode = result.complaints.length === 0 ? 0 : 1
    } finally {
      await cluster.down()
    }
  }
} catch (error) {
  process.stderr.write(`soak: ${describeError(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
