import { forbidden, notFound } from '../../kube/errors.ts'
import { sentenceOf } from '../errors.ts'

/** One line of `doctor`. */
export interface Check {
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  /** What was found, in a sentence. */
  readonly says: string
  /** What to do about it. */
  readonly todo?: string
}

export const ok = (check: string, says: string): Check => ({ check, state: 'ok', says })
export const warn = (check: string, says: string, todo: string): Check => ({ check, state: 'warn', says, todo })
export const fail = (check: string, says: string, todo: string): Check => ({ check, state: 'fail', says, todo })

// How the looks of `doctor` take what cannot be read.

/** A check on something that this user may not read. Other errors are thrown. */
export const unreadable =
  (check: string) =>
  (error: unknown): Check => {
    if (!forbidden(error)) throw error
    return warn(check, sentenceOf(error), 'ask somebody with that right')
  }

/** For what may be absent. Errors other than that are thrown. */
export const orUndefined = (error: unknown): undefined => {
  if (!notFound(error)) throw error
  return undefined
}
