import { failed, refused } from './answers.ts'
import type { Verb } from './verb.ts'

/** A verb that is switched on and lacks what it would look at: refused, for unknown holds. `why` is a sentence's part. */
export const createBlind = (why: string): Verb => ({
  before: async () => refused('CannotSee', why),
  run: async () => refused('CannotSee', why),
  // Its predecessor may have been allowed more.
  found: async () => failed('Interrupted', `begun, then interrupted: what became of it cannot be seen, for ${why}`),
})
