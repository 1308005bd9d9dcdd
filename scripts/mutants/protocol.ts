/** What the script and the runner in vitest's worker say to each other, by two files in a folder that the environment names. */

/** Name of the variable that holds the folder. */
export const FOLDER = 'MUTANTS_FOLDER'
export const ORDER_FILE = 'order.json'
export const EVENTS_FILE = 'events.jsonl'

/** Name of the global function that says whether a mutant is on. Their numbers begin at 1. */
export const PROBE = '__isMutant'

export type Order =
  /** Each test runs once as it is, then with each of these mutants that it reached. */
  | { readonly mode: 'Each'; readonly live: readonly number[] }
  /** One mutant is on from the first import. More calls of the probe than `maxCalls` are an endless loop. */
  | { readonly mode: 'One'; readonly mutant: number; readonly maxCalls: number }

export type Event =
  | { readonly kind: 'Started'; readonly pid: number }
  /** Followed by another event; else the process hangs in that mutant. */
  | { readonly kind: 'Trying'; readonly mutant: number }
  | { readonly kind: 'Survived' }
  | { readonly kind: 'Killed'; readonly mutant: number; readonly test: string }
  /** A test that is too slow to repeat, or does not pass twice in one process. */
  | { readonly kind: 'Once'; readonly test: string; readonly why: string }
  /** At the end: the mutants reached in tests, and those that have to be on from the start, as code outside reaches them. */
  | {
      readonly kind: 'Ended'
      readonly inTests: readonly number[]
      readonly outside: readonly number[]
      /** Of the probe, without a mutant. */
      readonly calls: number
    }
