/**
 * Measures the catalogue on messages whose cause is known.
 *
 *   npm run accuracy [-- FILE...]
 *
 * FILE holds one JSON object a line with `reason`, `message` and `cause`; without it the messages that the rows were not
 * written from are used, and the corpus beside the checkout where it is there. Each is measured by itself. Exit status 1
 * where accuracy falls below the recorded figure in one of them.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { classify } from '../src/catalogue/classify.ts'
import type { Cause } from '../src/model/causes.ts'

/** Least share of right answers, for any file. */
const RECORDED = 0.97
/** Causes that lead to an action: taking something else for one of these does harm, so none may be wrong. */
const ACTED_ON: ReadonlySet<Cause> = new Set<Cause>([
  'ProjectNotFound',
  'RepositoryNotFoundOrDenied',
  'ManifestNotFound',
  'Unauthorized',
  'IptablesChainMissing',
  'SandboxStale',
  'MountHelperMissing',
])

interface Answer {
  readonly expected: Cause
  readonly got: Cause
  readonly row: string
  readonly message: string
}

const HELD_OUT = fileURLToPath(new URL('../src/catalogue/testdata/held-out.jsonl', import.meta.url))
const CORPUS = fileURLToPath(new URL('../../shared/corpus/messages.jsonl', import.meta.url))

const answersOf = (path: string): readonly Answer[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const known = JSON.parse(line) as { reason: string; message: string; cause: Cause }
      const { cause, row } = classify(known)
      return { expected: known.cause, got: cause, row: row ?? '-', message: known.message }
    })

const percent = (part: number, whole: number): string => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`)

/** A line a cause: how many there are, how many of the answers with this name are right, how many of the cause were told. */
const tableOf = (answers: readonly Answer[]): string => {
  const causes = [...new Set(answers.flatMap(({ expected, got }) => [expected, got]))].toSorted()
  const rows = causes.map((cause) => {
    const known = answers.filter(({ expected }) => expected === cause)
    const said = answers.filter(({ got }) => got === cause)
    const right = known.filter(({ got }) => got === cause).length
    return [cause, String(known.length), percent(right, said.length), percent(right, known.length)]
  })
  return [['cause', 'count', 'precision', 'recall'], ...rows]
    .map(([cause = '', ...numbers]) => [cause.padEnd(28), ...numbers.map((text) => text.padStart(10))].join(''))
    .join('\n')
}

/** Whether the answers on one file are as good as they were. */
const measure = (path: string): boolean => {
  const answers = answersOf(path)
  console.log(`${path}\n`)
  const wrong = answers.filter(({ expected, got }) => expected !== got)
  const harmful = wrong.filter(({ got }) => ACTED_ON.has(got))
  const right = answers.length - wrong.length
  console.log(`${tableOf(answers)}\n`)
  for (const { expected, got, row, message } of wrong) {
    console.log(`${expected} taken for ${got} (${row}): ${message.replace(/\s+/g, ' ').slice(0, 160)}`)
  }
  console.log(`${right} of ${answers.length} right: ${percent(right, answers.length)}; harmful: ${harmful.length}\n`)
  const fails = harmful.length > 0 || right / Math.max(answers.length, 1) < RECORDED
  if (fails) console.error(`below the recorded figure: ${percent(RECORDED, 1)} and nothing harmful`)
  return !fails
}

try {
  const named = process.argv.slice(2)
  const files = named.length > 0 ? named : [HELD_OUT, CORPUS].filter((path) => existsSync(path))
  process.exitCode = files.map(measure).every((good) => good) ? 0 : 1
} catch (error) {
  console.error(`measuring accuracy: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 2
}
