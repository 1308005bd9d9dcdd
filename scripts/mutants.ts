/**
 * `npm run mutants [-- --only PATH,… --tests PATH,… --sample N --seed N -o json]`: how many small faults in the pure files the unit tests
 * notice. Each mutant is one change of one place: another operator, a negated condition, a removed statement, a number that
 * is off by one, an empty list (scripts/mutants/mutators.ts has them all). Types, imports and sentences stay.
 *
 * All mutants of a file are compiled into it at once, each behind a switch (scripts/mutants/mutants.ts), and vitest loads
 * that text in place of the file, which nothing changes. Each test runs once, then again for each mutant that it reached
 * (scripts/mutants/runner.ts). What code outside of a test reaches, as a constant, is tried once more from its import on. A
 * mutant that does not come to an end counts as killed.
 *
 * Exit status 1 if fewer than `GOAL` of the mutants are killed, or an entry of scripts/mutants/equivalent.ts is wrong.
 */
import { globSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRandom } from '../faults/soak/random.ts'
import { UsageError } from '../src/config/arguments.ts'
import { describeError } from '../src/runtime/log.ts'
import { EQUIVALENT, reasonFor, staleEntries } from './mutants/equivalent.ts'
import { findMutants, type Mutant } from './mutants/mutants.ts'
import { type Options, readOptions, USAGE } from './mutants/options.ts'
import { play } from './mutants/play.ts'
import { GOAL, type Judged, lineOf, needlessOf, scoreOf, survivorOf, tableOf } from './mutants/table.ts'

/** No clock, no reads: the verdict, and what plans, continues and verifies a step. */
const PURE = ['src/decide/**/*.ts', 'src/remedies/text.ts', 'src/remedies/*/{plan,resume,verify,text}.ts']

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

const filesOf = ({ only }: Options): readonly string[] => {
  const pure = globSync(PURE, { cwd: root, exclude: ['**/*.test.ts', '**/testing*.ts'] }).toSorted()
  if (only.length === 0) return pure
  const files = only.flatMap((path) => {
    const found = statSync(`${root}/${path}`, { throwIfNoEntry: false })?.isFile()
      ? [path]
      : pure.filter((file) => file.startsWith(`${path}/`))
    if (found.length === 0) throw new UsageError(`--only: ${path} is neither a file nor a folder with pure files`)
    return found
  })
  return [...new Set(files)]
}

/** So many of them, in their order. */
const sampleOf = (mutants: readonly Mutant[], { sample = mutants.length, seed }: Options): readonly Mutant[] => {
  const random = createRandom(seed)
  const chosen = mutants
    .map((mutant, index) => ({ mutant, index, lot: random() }))
    .toSorted((a, b) => a.lot - b.lot)
    .slice(0, sample)
  return chosen.toSorted((a, b) => a.index - b.index).map(({ mutant }) => mutant)
}

/** One line that changes on a terminal; elsewhere a line where the text changes. */
const createProgress = (): { readonly show: (text: string) => void; readonly end: () => void } => {
  const { stderr } = process
  const began = performance.now()
  let last = ''
  return {
    show: (text) => {
      if (text === last) return
      last = text
      const line = `${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${text}`
      stderr.write(stderr.isTTY ? `\r\u001B[K${line.slice(0, stderr.columns - 1)}` : `${line}\n`)
    },
    end: () => void (stderr.isTTY && stderr.write('\r\u001B[K')),
  }
}

const run = async (options: Options): Promise<number> => {
  const files = filesOf(options)
  const all = files.flatMap((file) => findMutants(file, readFileSync(`${root}/${file}`, 'utf8')))
  const stale = staleEntries(EQUIVALENT, files, all)
  const mutants = sampleOf(all, options)
  const began = performance.now()
  const progress = createProgress()
  const tests = options.tests.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.test.ts`))
  const { results, once } = await play({ root, mutants, tests, progress: progress.show }).finally(progress.end)
  const judged = results.map((result): Judged => ({ ...result, why: reasonFor(EQUIVALENT, result.mutant) }))
  const wrong = [...stale, ...needlessOf(judged)]
  const score = scoreOf(judged)
  const survivors = judged.filter(({ killedBy, why }) => killedBy === undefined && why === undefined)
  if (options.json) process.stdout.write(judged.map((one) => `${lineOf(one)}\n`).join(''))
  else {
    const minutes = (performance.now() - began) / 60_000
    process.stdout.write(
      [
        ...survivors.map(survivorOf),
        ...wrong.map((entry) => `WRONG ENTRY ${entry}`),
        ...once.map((test) => `not repeated: ${test}`),
        '',
        tableOf(judged),
        '',
        `${judged.length} mutants in ${minutes.toFixed(1)} min, ${(judged.length / minutes).toFixed(0)} a minute`,
        `${score.killed} killed, ${score.survived} survived; the goal is ${GOAL * 100} %`,
        '',
      ].join('\n'),
    )
  }
  return score.share >= GOAL && wrong.length === 0 ? 0 : 1
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) process.stdout.write(`${USAGE}\n`)
  process.exitCode = options === undefined ? 0 : await run(options)
} catch (error) {
  process.stderr.write(`mutants: ${describeError(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
