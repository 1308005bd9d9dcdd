/** `npm run bench`: podmend, other controllers and a bare loop on one real API server, in one run. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../src/runtime/log.ts'
import { makeBench } from './bench.ts'
import { makeCluster } from './cluster.ts'
import { documentOf, summaryOf } from './document.ts'
import { betterThan, goalsOf, isMet } from './goals.ts'
import { emit } from './launches.ts'
import { describeMachine } from './machine.ts'
import { measure } from './measure.ts'
import { type Options, readOptions, type Row, USAGE } from './options.ts'
import { findPrograms } from './programs.ts'
import type { Results } from './results.ts'
import { tablesOf } from './tables.ts'
import { alignTables } from './terminal.ts'

const MEASURED = join(import.meta.dirname, 'measured.json')
const DOCUMENT = join(import.meta.dirname, '..', 'docs', 'benchmarks.md')

/** podmend alone, or beside what comes with this project. */
const ALONE: ReadonlySet<Row> = new Set(['P5', 'P10', 'P11', 'P15'])

const began = performance.now()
const progress = (text: string): void =>
  void process.stderr.write(`${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`)

/** The rows that were not measured now keep their figures, each with its date. */
const write = (now: Results): void => {
  const before = existsSync(MEASURED) ? (JSON.parse(readFileSync(MEASURED, 'utf8')) as Results) : {}
  const all = { ...before, ...now }
  writeFileSync(MEASURED, `${JSON.stringify(all, null, 2)}\n`)
  writeFileSync(DOCUMENT, documentOf(all))
}

const run = async (options: Options): Promise<number> => {
  progress('emitting JavaScript')
  await emit()
  progress('starting a control plane')
  const cluster = await makeCluster(Math.min(Math.max(options.incidents, options.surge), 500))
  const end = (signal: NodeJS.Signals): void => {
    progress(`ended by ${signal}`)
    void cluster.plane.down().finally(() => process.exit(130))
  }
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  try {
    const programs = options.rows.some((row) => !ALONE.has(row)) ? await findPrograms(progress) : {}
    const when = { date: new Date().toISOString().slice(0, 10), machine: await describeMachine(cluster.loader) }
    let results: Results = {}
    const errors = await measure(makeBench(cluster, options, programs, progress), (row, figures, tookS) => {
      results = { ...results, [row]: { ...when, tookS, figures } }
      // An interrupted run leaves what it has measured.
      if (options.write) write(results)
    })
    const goals = goalsOf(results)
    if (options.json) {
      const judged = goals.map((goal) => ({ ...goal, met: isMet(goal), lostTo: betterThan(goal) }))
      process.stdout.write(`${JSON.stringify({ results, goals: judged }, null, 2)}\n`)
    } else {
      process.stdout.write(`${alignTables(tablesOf(results))}\n${summaryOf(goals)}\n`)
    }
    const unbounded = results.P5?.figures.flatMap(({ podmend }) => podmend.unbounded) ?? []
    for (const path of unbounded) process.stderr.write(`podmend listed without a bound: ${path}\n`)
    for (const error of errors) process.stderr.write(`bench: ${describeError(error)}\n`)
    return unbounded.length === 0 && errors.length === 0 ? 0 : 1
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
