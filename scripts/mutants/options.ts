import {
  type Flag,
  number,
  oneOf,
  type ParseValue,
  parseValue,
  readArguments,
  splitList,
} from '../../src/config/arguments.ts'

export interface Options {
  /** Files and folders, relative to the root; empty: all pure files. */
  readonly only: readonly string[]
  /** Test files and folders with tests, relative to the root. */
  readonly tests: readonly string[]
  /** Number of mutants, chosen by the seed; undefined: all. */
  readonly sample: number | undefined
  readonly seed: number
  readonly json: boolean
}

const FLAGS = {
  only: { type: 'string', value: 'PATH,…' },
  tests: { type: 'string', value: 'PATH,…' },
  sample: { type: 'string', value: 'N' },
  seed: { type: 'string', value: 'N' },
  output: { type: 'string', short: 'o', choices: ['table', 'json'] },
  help: { type: 'boolean', short: 'h' },
} as const satisfies Readonly<Record<string, Flag>>

export const USAGE = `Usage: npm run mutants -- [--only PATH,…] [--tests PATH,…] [--sample N] [--seed N] [-o json]

  Changes the pure files of src/decide/ and src/remedies/ in one place at a time, and runs the unit tests that reach the
  place. A change that no test notices survives. Exit status 0 only if the tests notice at least 90 % of the changes.

  --only      files, or folders with pure files in them (default: all pure files)
  --tests     only these unit tests, or those in these folders (default: src)
  --sample    so many mutants, chosen by the seed (default: all)
  --seed      chooses the sample (default 1)
  -o json     one JSON line for each mutant`

/** Undefined if help was asked for. Throws `UsageError`. */
export const readOptions = (args: readonly string[]): Options | undefined => {
  const { given } = readArguments(args, FLAGS, { positionals: false })
  if (given.has('help')) return undefined
  const read = <T>(name: keyof typeof FLAGS, parse: ParseValue<T>, otherwise: T): T => {
    const last = given.get(name)?.at(-1)
    return last ? parseValue(last.source, last.text, parse) : otherwise
  }
  const paths = (name: 'only' | 'tests'): readonly string[] =>
    (given.get(name) ?? []).flatMap(({ text }) => splitList(text)).map((path) => path.replace(/\/+$/, ''))
  return {
    only: paths('only'),
    tests: given.has('tests') ? paths('tests') : ['src'],
    sample: read<number | undefined>('sample', number({ min: 1, max: 100_000 }), undefined),
    seed: read('seed', number({ min: 0, max: 2 ** 31 }), 1),
    json: read('output', oneOf(['table', 'json']), 'table') === 'json',
  }
}
