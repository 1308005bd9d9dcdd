import { describe, expect, test } from 'vitest'
import { type Equivalent, reasonFor, staleEntries } from './equivalent.ts'
import { findMutants } from './mutants.ts'
import { type Judged, needlessOf, scoreOf } from './table.ts'

const TEXT = 'const f = a < b'
const CHANGE = 'a < b → (a) <= (b)'
const entry = (...mutants: readonly string[]): Equivalent => ({ why: 'a is never b', mutants: { 'a.ts': mutants } })

const judge = (killedBy: string | undefined): readonly Judged[] =>
  findMutants('a.ts', TEXT).map((mutant) => {
    const why = reasonFor([entry(CHANGE)], mutant)
    return { mutant, killedBy: why === undefined ? 'a test' : killedBy, isReached: true, why }
  })

describe('the list of equivalent mutants', () => {
  const stale = (text: string, ...listed: readonly string[]): number =>
    staleEntries([entry(...listed)], ['a.ts'], findMutants('a.ts', text)).length

  test('an entry is about mutants that are there, as often as it is listed', () => {
    expect(stale(TEXT, CHANGE)).toBe(0)
    expect(stale('const f = a > b', CHANGE)).toBe(1)
    expect(stale(`${TEXT}\n${TEXT}`, CHANGE)).toBe(1)
    expect(stale(`${TEXT}\n${TEXT}`, CHANGE, CHANGE)).toBe(0)
  })

  test('an entry may name the line', () => {
    const named = `${CHANGE} in ${TEXT}`
    expect(stale(`${TEXT}\nconst g = a < b`, named)).toBe(0)
    expect(stale('const g = a < b', named)).toBe(1)
    const reasons = findMutants('a.ts', `${TEXT}\nconst g = a < b`).map((one) => reasonFor([entry(named)], one))
    expect(reasons.filter((why) => why !== undefined)).toEqual(['a is never b'])
  })

  test('an entry about a file that is not mutated this time is not judged', () => {
    expect(staleEntries([entry(CHANGE)], ['b.ts'], [])).toEqual([])
  })

  test('a listed mutant counts for nothing, and one that a test notices is a wrong entry', () => {
    expect(scoreOf(judge(undefined))).toEqual({ all: 2, killed: 1, explained: 1, survived: 0, share: 1 })
    expect(needlessOf(judge(undefined))).toEqual([])
    expect(needlessOf(judge('a test'))).toEqual(['a.ts:1  a < b → (a) <= (b) is listed, but fails a test'])
  })
})
