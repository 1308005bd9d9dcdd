/** What the script and the runner in vitest's worker say to each other, by two files in a folder that the environment names. */

/** Name of the variable that holds the folder. */
export const FOLDER = 'MUTANTS_FOLDER'
export const ORDER_FILE = 'order.json'
export const EVENTS_FILE = 'events.jsonl'

/** Name of the global function that says whether a mutant is on. Their numbers begin at 1. */
export const PROBE = '__isMutant'

export type Order =
  /** Each test runs once as it is, then with each of these mutants that it reached. */
  | {
      readonly mode: 'Each'
      readonly live: readonly number[]
      /** Only these tests are repeated; undefined: all. */
      readonly tests?: readonly string[] | undefined
    }
  /** One mutant is on from the first import. More calls of the probe than `maxCalls` are an endless loop. */
  | { readonly mode: 'One'; readonly mutant: number; readonly maxCalls: number }

export type Event =
  | { readonly kind: 'Started'; readonly pid: number }
  /** Followed by another event; else the process hangs in that mutant. */
  | { readonly kind: 'Trying'; readonly mutant: number }
  | { readonly kind: 'Survived' }
  | { readonly kind: 'Killed'; readonly mutant: number; readonly test: string }
  /** To repeat the test for all that it reaches would take this long: it waits until fewer mutants are alive. */
  | { readonly kind: 'Costly'; readonly test: string; readonly seconds: number }
  /** The test does not pass twice in one process; these mutants need one of their own. */
  | { readonly kind: 'Once'; readonly test: string; readonly mutants: readonly number[] }
  /** At the end: the mutants reached in tests, and by code outside of them. */
  | {
      readonly kind: 'Ended'
      readonly inTests: readonly number[]
      readonly outside: readonly number[]
      /** Of the probe, without a mutant. */
      readonly calls: number
    }
