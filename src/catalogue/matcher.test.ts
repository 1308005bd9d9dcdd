import { describe, expect, it } from 'vitest'
import { buildAutomaton } from './aho-corasick.ts'
import { buildMatcher, normalise } from './matcher.ts'
import type { Row } from './row.ts'

const row = (id: string, words: Pick<Row, 'all' | 'any' | 'not' | 'reasons' | 'during' | 'codes'>): Row => ({
  id,
  cause: 'DiskFull',
  sample: { reason: '', message: '' },
  source: 'none',
  explain: 'None.',
  ...words,
})

const found = (rows: readonly Row[], message: string, reason = ''): string | undefined =>
  buildMatcher(rows)(reason, normalise(message)).row?.id

describe('the automaton', () => {
  it.each([
    ['literals within literals', ['he', 'she', 'his', 'hers'], 'ushers', ['he', 'hers', 'she']],
    ['a literal that ends another', ['abcd', 'bc', 'c'], 'abc', ['bc', 'c']],
    ['overlapping ones', ['aba', 'bab'], 'ababab', ['aba', 'bab']],
    ['nothing', ['x'], 'aaa', []],
    ['across other alphabets', ['a b'], 'ü a b 漢', ['a b']],
  ])('finds %s', (_, literals, text, expected) => {
    const hits = buildAutomaton(literals).scan(text)
    expect(new Set(hits.map((hit) => literals[hit]))).toEqual(new Set(expected))
  })

  it('finds what a naive search finds', () => {
    const literals = ['a', 'ab', 'bab', 'bc', 'bca', 'c', 'caa', 'abcab']
    const automaton = buildAutomaton(literals)
    for (let seed = 1; seed < 300; seed++) {
      const text = Array.from({ length: 12 }, (_, i) => 'abc'[(seed * 7919 + i * i * seed) % 3]).join('')
      const expected = literals.flatMap((literal, i) => (text.includes(literal) ? [i] : []))
      expect(
        automaton.scan(text).toSorted((a, b) => a - b),
        text,
      ).toEqual(expected)
    }
  })

  it('refuses literals that no message in normal form can have', () => {
    expect(() => buildAutomaton(['ü'])).toThrow('not ASCII')
  })
})

describe('the matcher', () => {
  it('takes the first row that fits, whichever literal comes first in the message', () => {
    const rows = [row('second-word', { all: ['beta'] }), row('first-word', { all: ['alpha'] })]
    expect(found(rows, 'alpha beta')).toBe('second-word')
    expect(found(rows.toReversed(), 'alpha beta')).toBe('first-word')
  })

  it.each<readonly [string, Parameters<typeof row>[1], string, string, boolean]>([
    ['all are there', { all: ['a', 'b'] }, 'a b', '', true],
    ['one of all is missing', { all: ['a', 'b'] }, 'a', '', false],
    ['one of any is there', { any: ['a', 'b'] }, 'b', '', true],
    ['none of any is there', { all: ['c'], any: ['a', 'b'] }, 'c', '', false],
    ['any may be a pattern beside all', { all: ['c'], any: [{ re: 'x+y' }] }, 'c xxy', '', true],
    ['one of not is there', { all: ['a'], not: ['b'] }, 'a b', '', false],
    ['a pattern of not fits', { all: ['a'], not: [{ re: 'b+$' }] }, 'a bb', '', false],
    ['a pattern of all does not fit', { all: ['a', { re: '^b' }] }, 'a b', '', false],
    ['the reason is one of the row', { all: ['a'], reasons: ['Failed'] }, 'a', 'Failed', true],
    ['the reason is another', { all: ['a'], reasons: ['Failed'] }, 'a', 'BackOff', false],
    ['there is no reason', { all: ['a'], reasons: ['Failed'] }, 'a', '', true],
    ['the context is told by the reason', { all: ['a'], during: ['mount'] }, 'a', 'FailedMount', true],
    ['the context is told by words', { all: ['a'], during: ['mount'] }, 'MountVolume.SetUp a', '', true],
    ['the context is another', { all: ['a'], during: ['mount'] }, 'a', 'FailedCreatePodSandBox', false],
    ['the code is there', { all: ['a'], codes: ['aborted'] }, 'rpc error: code = Aborted desc = a', '', true],
    ['the code is another', { all: ['a'], codes: ['aborted'] }, 'rpc error: code = Internal desc = a', '', false],
    ['any code will do', { all: ['a'], codes: ['*'] }, 'rpc error: code = 13 desc = a', '', true],
    ['there is no code', { all: ['a'], codes: ['*'] }, 'a', '', false],
  ])('when %s', (_, words, message, reason, fits) => {
    expect(found([row('it', words)], message, reason)).toBe(fits ? 'it' : undefined)
  })

  it.each<readonly [string, Parameters<typeof row>[1], string]>([
    ['only patterns', { all: [{ re: 'a' }] }, 'needs a literal'],
    ['a pattern among any without all', { any: ['a', { re: 'b' }] }, 'needs a literal'],
    ['nothing', {}, 'needs a literal'],
    ['capitals, which never occur', { all: ['Denied'] }, 'lower case'],
    ['a pattern that RE2 refuses', { all: ['a', { re: '(?=a)' }] }, 'no look-ahead'],
  ])('refuses a row of %s', (_, words, part) => {
    expect(() => buildMatcher([row('it', words)])).toThrow(part)
  })
})
