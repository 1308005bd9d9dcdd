/** `npm run bench`: podmend, a reference controller and a bare loop on one real API server, in one run. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../src/runtime/log.ts'
import { makeCluster } from './cluster.ts'
import { documentOf } from './document.ts'
import { emit } from './launches.ts'
import { describeMachine } from './machine.ts'
import { measure } from './measure.ts'
import { type Options, readOptions, ROWS, USAGE } from './options.ts'
import type { Results } from './results.ts'
import { tablesOf } from './tables.ts'
import { alignTables } from './terminal.ts'

const began = performance.now()
const progress = (text: string): void =>
  void process.stderr.write(`${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`)

const run = async (options: Options): Promise<number> => {
  progress('emitting JavaScript')
  await emit()
  progress('starting a control plane')
  const cluster = await makeCluster(Math.min(options.incidents, 300))
  const end = (signal: NodeJS.Signals): void => {
    progress(`ended by ${signal}`)
    void cluster.plane.down().finally(() => process.exit(130))
  }
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    const results: Results = {
      date: new Date().toISOString().slice(0, 10),
      machine: await describeMachine(cluster.loader),
      healthy: options.healthy,
      incidents: options.incidents,
      perSecond: options.perSecond,
      ...(await measure(cluster, options, progress)),
    }
    process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : alignTables(tablesOf(results)))
    if (options.write) {
      const file = join(import.meta.dirname, '..', 'docs', 'benchmarks.md')
      const isPart = options.rows.length < ROWS.length && existsSync(file)
      writeFileSync(file, documentOf(results, isPart ? readFileSync(file, 'utf8') : undefined))
    }
    const unbounded = results.p5?.flatMap(({ podmend }) => podmend.unbounded) ?? []
    for (const path of unbounded) process.stderr.write(`podmend listed without a bound: ${path}\n`)
    return unbounded.length === 0 ? 0 : 1
  } finally {
    await cluster.plane.down()
  }
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) process.stdout.write(`${USAGE}\n`)
  process.exitCode = options === undefined ? 0 : await run(options)
} catch (error) {
  process.stderr.write(`bench: ${describeError(error)}
`)
  process.exitCode = 1
}
