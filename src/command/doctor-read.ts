/** How the looks of `doctor` take what cannot be read. */
import { forbidden, notFound } from '../runtime/errors.ts'
import { type Check, warn } from './check.ts'
import { sentenceOf } from './failure.ts'

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
