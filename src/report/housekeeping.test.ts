import { expect, test } from 'vitest'
import { chooseExpired, type Keeping } from './housekeeping.ts'
import { aRecord, iso, NOW } from './testing.ts'

const HOUR = 3_600_000
const finished = (name: string, agoMs: number, attemptsAgoMs: readonly number[] = []) =>
  aRecord({ phase: 'Succeeded', finishedAt: iso(-agoMs), attempts: attemptsAgoMs.map((ago) => iso(-ago)) }, { name })
const keeping = (words: Partial<Keeping> = {}): Keeping => ({ historyLimit: 100, cooldownMs: () => 0, ...words })

interface Row {
  readonly records: readonly ReturnType<typeof aRecord>[]
  readonly keeping: Keeping
  readonly expired: readonly string[]
}

const table: Readonly<Record<string, Row>> = {
  'a record that is past its time goes': {
    records: [finished('old', 2 * HOUR), finished('new', HOUR / 2)],
    keeping: keeping({ ttlMs: HOUR }),
    expired: ['old'],
  },
  'without a time to live only the limit counts': {
    records: [finished('a', 2_000 * HOUR)],
    keeping: keeping(),
    expired: [],
  },
  'the oldest beyond the limit go': {
    records: [finished('c', 3 * HOUR), finished('a', HOUR), finished('b', 2 * HOUR)],
    keeping: keeping({ historyLimit: 1 }),
    expired: ['b', 'c'],
  },
  'one whose attempts of the last day are still counted stays': {
    records: [finished('young', 2 * HOUR, [3 * HOUR]), finished('old', 25 * HOUR, [26 * HOUR])],
    keeping: keeping({ ttlMs: HOUR, historyLimit: 0 }),
    expired: ['old'],
  },
  'one that a longer cooldown still reads stays': {
    records: [finished('a', 30 * HOUR, [31 * HOUR])],
    keeping: keeping({ ttlMs: HOUR, cooldownMs: () => 48 * HOUR }),
    expired: [],
  },
  'one that is not finished stays': {
    records: [aRecord({ phase: 'Held' }), aRecord({})],
    keeping: keeping({ ttlMs: 0, historyLimit: 0 }),
    expired: [],
  },
}

test.each(Object.entries(table))('%s', (_, { records, keeping: how, expired }) => {
  expect(chooseExpired(records, NOW, how).map(({ metadata }) => metadata.name)).toEqual(expired)
})
