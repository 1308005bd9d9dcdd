import { describe, expect, it } from 'vitest'
import { check, stringsIn } from './check-english.ts'

const phrases = (path: string, text: string) => check(path, text).map(({ line, phrase }) => `${line}: ${phrase}`)

describe('a document', () => {
  it('is refused for each phrase, with its line and what to write instead', () => {
    const [finding, ...others] = check('docs/x.md', '# X\n\nThe policy that answers\nto it acts.\n')
    expect(finding).toEqual({
      path: 'docs/x.md',
      line: 3,
      phrase: 'answers to',
      instead: expect.stringContaining('matches'),
    })
    expect(others).toEqual([])
  })
  it('is refused for an old term, also as code', () => {
    expect(phrases('docs/x.md', 'Set `--settle-for`.\nNobody is told.')).toEqual([
      '2: Nobody',
      '2: is told',
      '1: --settle-for',
    ])
  })
  it('may show what programs print', () => {
    expect(
      phrases('docs/x.md', '```\nis told\n```\n<!-- generated: y -->\nis told\n<!-- /generated -->\nis told'),
    ).toEqual(['7: is told'])
  })
  it('may use words that only contain a phrase', () => {
    expect(phrases('docs/x.md', 'It understands in time, and is a stand-in-line for goods.')).toEqual([])
  })
})

describe('a program', () => {
  it('is refused for its strings and templates, not for its comments, patterns and keys', () => {
    const code = [
      '// somebody',
      '/* nobody */',
      "const a = { 'for good': /anybody's/ }",
      'const b = `Somebody ${c ? `x ${nobody} for good` : "anybody"} looks again`',
    ].join('\n')
    expect(phrases('src/x.ts', code).toSorted()).toEqual(['4: Somebody', '4: anybody', '4: for good', '4: looks again'])
  })
  it('keeps the samples of other programs in the catalogue', () => {
    const row =
      "  {\n    id: 'x',\n    all: ['for good'],\n    source: 'y',\n    explain:\n      'It is gone for good.',\n  },"
    expect(phrases('src/catalogue/rows/x.ts', row)).toEqual(['6: for good'])
  })
  it('is read on after a quote in a pattern or a comment', () => {
    expect(stringsIn("a(/'/, 'x') // it's\nb('y')").map(({ text }) => text)).toEqual(['x', 'y'])
  })
})
