import { globSync, readFileSync } from 'node:fs'
import { createContext, Script } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { findMutants, instrument } from './mutants.ts'
import { PROBE } from './protocol.ts'
import { parseTypeScript } from './syntax.ts'

/** `before → after` of each mutant. */
const changesOf = (text: string): readonly string[] =>
  findMutants('a.ts', text).map(({ before, after }) => `${before} → ${after}`)

describe('mutators', () => {
  test.each<readonly [text: string, ...changes: readonly string[]]>([
    ['f = a < b', 'a < b → (a) <= (b)', 'a < b → (a) >= (b)'],
    ['f = a === b', 'a === b → (a) !== (b)'],
    ['f = (a ?? b) !== c', '(a ?? b) !== c → ((a ?? b)) === (c)', 'a ?? b → (a) && (b)'],
    ['f = a && b', 'a && b → (a) || (b)'],
    ['f = a || b', 'a || b → (a) && (b)'],
    ['f = a + b * c', 'a + b * c → (a) - (b * c)', 'b * c → (b) / (c)'],
    ['f = !a', '!a → a'],
    ['f = a ? b : c', 'a ? b : c → b', 'a ? b : c → c'],
    ['f = true', 'true → false'],
    ['f = 7', '7 → (8)', '7 → (6)'],
    ["f = ''", "'' → 'mutant'"],
    ["f = a ?? ''", "a ?? '' → (a) && ('')"],
    ["f = 'Held'", "'Held' → ''"],
    ['f = []'],
    ['f = [a]', '[a] → []'],
    ['f = a.every(b)', 'a.every(b) → a.some(b)'],
    ['f = Math.max(a, b)', 'Math.max(a, b) → Math.min(a, b)'],
    ['f = (a).filter(b)', '(a).filter(b) → (a)'],
    ['f = a?.b', 'a?.b → a.b'],
    ['f = a?.[b]', 'a?.[b] → a[b]'],
    ['f = a.b?.(c)', 'a.b?.(c) → a.b(c)'],
  ])('%s', (text, ...changes) => {
    expect(changesOf(`const ${text}`)).toEqual(changes)
  })

  test('statements that act, and returns but the last, are left out', () => {
    const body = 'if (a) return b\nfor (const c of d) { if (c) continue\n throw e }\n g()\n return h'
    expect(changesOf(`const f = () => { ${body} }`)).toEqual([
      'a → !(a)',
      'return b → {}',
      'c → !(c)',
      'continue → {}',
      'throw e → {}',
      'g() → {}',
    ])
  })

  test.each([
    "import { a } from 'a'",
    "export { a } from 'a'",
    "type A = 'a' | 1 | true",
    "const f = (a: 'a'): a is 'a' => a as 'a'",
    "const f = { 'a': b }",
    "const f = 'it holds'",
    // oxlint-disable-next-line no-template-curly-in-string -- the text of a program.
    'const f = `${a ? 1 : 2} of ${b.filter(c)}`',
    // oxlint-disable-next-line no-template-curly-in-string -- the text of a program.
    "const f = a && b ? `: ${c === 1}` : ''",
    "const f = a < b ? 'it holds' : c ? 'it waits' : 'it acts'",
    'const { a, b: [c] } = d',
  ])('nothing is changed in types, names, addresses and sentences: %s', (text) => {
    expect(changesOf(text)).toEqual([])
  })

  test('an operand of a comparison has no mutants beside those of the comparison', () => {
    expect(changesOf("const f = a === 'Held'")).toEqual(["a === 'Held' → (a) !== ('Held')"])
    expect(changesOf('const f = a > 0')).toEqual(['a > 0 → (a) >= (0)', 'a > 0 → (a) <= (0)'])
  })
})

describe('the switched file', () => {
  /** Runs `text`, which assigns to `result`, with one mutant on; 0: none. */
  const run = (text: string, on: number): unknown => {
    const mutants = findMutants('a.ts', text).map((mutant, index) => ({ id: index + 1, mutant }))
    const context = createContext({ [PROBE]: (id: number) => id === on })
    return new Script(`let result\n${instrument(text, mutants)}\nresult`).runInContext(context)
  }

  test('does what the file does while no mutant is on, and what one mutant does while that is on', () => {
    const text = 'const a = 1\nconst b = { c: { d: [3] } }\nresult = b?.c?.d.filter((e) => e > a).map((e) => e * 2)'
    const results = findMutants('a.ts', text).map(({ before, after }, index) => [
      `${before} → ${after}`,
      run(text, index + 1),
    ])
    expect(run(text, 0)).toEqual([6])
    expect(Object.fromEntries(results)).toMatchObject({
      '1 → (2)': [6],
      'e > a → (e) <= (a)': [],
      'e * 2 → (e) / (2)': [1.5],
      '[3] → []': [],
      'result = b?.c?.d.filter((e) => e > a).map((e) => e * 2) → {}': undefined,
    })
  })

  test('a line that begins with a mutant does not continue the line before it', () => {
    const text = 'const f = () => 1\nresult = f\na() || b()\nfunction a() { return true }\nfunction b() {}'
    expect(run(text, 0)).toBeTypeOf('function')
  })

  test('an if without braces keeps its else', () => {
    const text = 'const f = (a) => {\n if (a) return 1\n else return 2\n}\nresult = [f(true), f(false)]'
    const removed = findMutants('a.ts', text).findIndex(({ before }) => before === 'return 1') + 1
    expect(run(text, 0)).toEqual([1, 2])
    expect(run(text, removed)).toEqual([undefined, 2])
  })

  test('a switch inside a chain does not cut it: what follows is skipped with the link that is missing', () => {
    const text = 'let a\nresult = a?.b.filter((c) => c).d'
    expect(findMutants('a.ts', text).map((_, index) => index + 1)).not.toEqual([])
    expect(run(text, 0)).toBeUndefined()
  })
})

describe('every mutant of the pure files', () => {
  const files = globSync(['src/decide/**/*.ts', 'src/remedies/**/*.ts']).filter(
    (file) => !/test(ing.*)?\.ts$/.test(file),
  )

  test.each(files)('%s stays a program with all of them', (file) => {
    const text = readFileSync(file, 'utf8')
    const mutants = findMutants(file, text)
    const all = mutants.map((mutant, index) => ({ id: index + 1, mutant }))
    expect(() => parseTypeScript(instrument(text, all))).not.toThrow()
  })
})
