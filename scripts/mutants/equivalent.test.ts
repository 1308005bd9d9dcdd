import { describe, expect, test } from 'vitest'
import { type Equivalent, isThis, staleEntries } from './equivalent.ts'
import { findMutants } from './mutants.ts'
import { type Judged, needlessOf, scoreOf } from './table.ts'

const entry: Equivalent = {
  file: 'a.ts',
  source: 'const f = a < b',
  before: 'a < b',
  after: '(a) <= (b)',
  why: 'a is never b',
}

const judge = (killedBy: string | undefined): readonly Judged[] =>
  findMutants('a.ts', entry.source).map((mutant) => ({
    mutant,
    killedBy: isThis(entry, mutant) ? killedBy : 'a test',
    isReached: true,
    why: isThis(entry, mutant) ? entry.why : undefined,
  }))

describe('the list of equivalent mutants', () => {
  const stale = (text: string): number => staleEntries([entry], ['a.ts'], findMutants('a.ts', text)).length

  test('an entry is about a mutant that is there, once, on that very line', () => {
    expect(stale('const f = a < b')).toBe(0)
    expect(stale('const f = a > b')).toBe(1)
    expect(stale('const g = a < b')).toBe(1)
    expect(stale('const f = a < b\nconst f = a < b')).toBe(1)
  })

  test('an entry about a file that is not mutated this time is not judged', () => {
    expect(staleEntries([entry], ['b.ts'], [])).toEqual([])
  })

  test('a listed mutant counts for nothing, and one that a test notices is a wrong entry', () => {
    expect(scoreOf(judge(undefined))).toEqual({ all: 2, killed: 1, explained: 1, survived: 0, share: 1 })
    expect(needlessOf(judge(undefined))).toEqual([])
    expect(needlessOf(judge('a test'))).toEqual(['a.ts:1  a < b → (a) <= (b) is listed, but fails a test'])
  })
})
