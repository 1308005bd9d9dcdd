import { forbidden, notFound } from '../../kube/errors.ts'
import { sentenceOf } from '../subcommand.ts'
import type { Paint } from '../terminal.ts'

/** One line of `doctor`. */
export interface Check {
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  /** What was found, in a sentence. */
  readonly message: string
  /** What to do about it. */
  readonly todo?: string
}

export const ok = (check: string, message: string): Check => ({ check, state: 'ok', message })
export const warn = (check: string, message: string, todo: string): Check => ({ check, state: 'warn', message, todo })
export const fail = (check: string, message: string, todo: string): Check => ({ check, state: 'fail', message, todo })

// How `doctor` treats what cannot be read.

/** A check on something that this user may not read. Other errors are thrown. */
export const unreadable =
  (check: string) =>
  (error: unknown): Check => {
    if (!forbidden(error)) throw error
    return warn(check, sentenceOf(error), 'ask an administrator for this right')
  }

/** For what may be absent. Errors other than that are thrown. */
export const orUndefined = (error: unknown): undefined => {
  if (!notFound(error)) throw error
  return undefined
}

const LABELS = { ok: ' ok ', warn: 'warn', fail: 'FAIL' } as const

/** Checks as lines, what to do under each that is not well. */
export const formatChecks = (checks: readonly Check[], paint: Paint): string => {
  const colours = { ok: paint.green, warn: paint.yellow, fail: paint.red }
  const width = Math.max(...checks.map(({ check }) => check.length))
  return checks
    .flatMap(({ check, state, message, todo }) => [
      `${colours[state](LABELS[state])}  ${check.padEnd(width)}  ${message}\n`,
      ...(todo === undefined ? [] : [`      ${''.padEnd(width)}  ${paint.dim(`→ ${todo}`)}\n`]),
    ])
    .join('')
}
