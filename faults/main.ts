/** `npm run faults`: incidents on a real API server, with a fault or a person's step at every place, and a judgement of each. */
import { UsageError } from '../src/config/arguments.ts'
import { describeError } from '../src/runtime/log.ts'
import { makeFaultCluster } from './cluster.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { type Result, sweep } from './sweep.ts'
import { failureOf, summaryOf, tableOf } from './table.ts'

const began = performance.now()
const progress = (text: string): void =>
  void process.stderr.write(`${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`)

const run = async (options: Options): Promise<number> => {
  const cluster = await makeFaultCluster(options.lanes, progress)
  const results: Result[] = []
  const end = (): void => void cluster.down().finally(() => process.exit(130))
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    progress('playing')
    await sweep(cluster, options, (result) => {
      results.push(result)
      const { workload, fault, at, verdict, tookMs } = result
      progress(`${verdict.padEnd(11)} ${workload}  ${fault}  ${at}  (${(tookMs / 1_000).toFixed(1)} s)`)
      if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
      else if (verdict === 'failed') process.stdout.write(`${failureOf(result)}\n`)
    })
  } finally {
    await cluster.down()
  }
  if (!options.json) process.stdout.write(`\n${tableOf(results)}\n${summaryOf(results)}\n`)
  return results.length > 0 && results.every(({ verdict }) => verdict !== 'failed') ? 0 : 1
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) process.stdout.write(`${USAGE}\n`)
  process.exitCode = options === undefined ? 0 : await run(options)
} catch (error) {
  process.stderr.write(`faults: ${describeError(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
