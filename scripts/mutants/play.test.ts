import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { findMutants } from './mutants.ts'
import { play, type Played } from './play.ts'

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const file = 'scripts/mutants/testdata/limit.ts'

describe('mutants of a file, played against its tests', () => {
  const text = readFileSync(`${root}/${file}`, 'utf8')
  let played: Played = { results: [], once: [] }

  beforeAll(async () => {
    const mutants = findMutants(file, text)
    played = await play({ root, mutants, tests: ['scripts/mutants/testdata/*.checks.ts'], progress: () => undefined })
  })

  const resultOf = (before: string, after: string) =>
    played.results.find(({ mutant }) => mutant.before === before && mutant.after === after)

  test('one that a test notices dies by that test', () => {
    expect(resultOf('n > MOST', '(n) >= (MOST)')?.killedBy).toMatch(/above$/)
  })

  test('one that no test notices survives, though tests reach it', () => {
    expect(resultOf('n < MOST', '(n) <= (MOST)')).toMatchObject({ killedBy: undefined, isReached: true })
  })

  test('one that no test reaches survives, and is told apart', () => {
    expect(resultOf('a && b', '(a) || (b)')).toMatchObject({ killedBy: undefined, isReached: false })
  })

  test('one that never ends dies', () => {
    expect(resultOf('i += 1', '{}')?.killedBy).toMatch(/sum$/)
  })

  test('one in a constant dies where it is on before the first import', () => {
    expect(resultOf('3', '(2)')?.killedBy).toMatch(/from its start/)
    expect(resultOf('3', '(4)')).toMatchObject({ killedBy: undefined, isReached: true })
  })

  test('a test that passes only once in a process kills in a process of its own', () => {
    expect(resultOf('seen.includes(name)', '!(seen.includes(name))')?.killedBy).toMatch(/from its start/)
    expect(played.once).toEqual([expect.stringMatching(/new, which it is only once: it does not pass twice/)])
  })

  test('the file is as it was', () => {
    expect(readFileSync(`${root}/${file}`, 'utf8')).toBe(text)
  })
})
