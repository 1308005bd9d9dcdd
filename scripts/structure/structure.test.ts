import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { circles, injected, orderViolations, sizes } from './count.ts'
import { readTree, type Tree } from './source.ts'
import { followWay } from './way.ts'

const made: string[] = []

afterEach(() => made.splice(0).forEach((root) => rmSync(root, { recursive: true })))

/** A tree of these files, read from a folder of its own. */
const treeOf = (files: Readonly<Record<string, string>>): Tree => {
  const root = mkdtempSync(join(tmpdir(), 'structure-'))
  made.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return readTree(root)
}

describe('sizes', () => {
  test('tests are left out, and comments and blank lines are no code', () => {
    const tree = treeOf({
      'a.ts': "/** Doc.\n * More.\n */\nexport const a = 'no // comment'\n\n// why\nexport const b = 1 // here\n",
      'x/b.ts': 'export const c = 1\n',
      'x/c.ts': 'export const d = 1\n'.repeat(40),
      'x/b.test.ts': 'export const t = 1\n'.repeat(90),
      'x/data.json': '{}',
    })
    expect(sizes(tree)).toEqual({
      files: 3,
      lines: 48,
      code: 43,
      medianLines: 7,
      under40: 2,
      largest: { file: 'x/c.ts', lines: 40 },
    })
  })
})

describe('circles', () => {
  test('types, re-exports and import() close a circle; a tree and a diamond are none', () => {
    const tree = treeOf({
      'a.ts': "import type { B } from './x/b.ts'\nexport type A = B\n",
      'x/b.ts': "export { c } from './c.ts'\nexport type B = 1\n",
      'x/c.ts': "export const c = () => import('../a.ts')\n",
      'd.ts': "import { e } from './e.ts'\nimport { f } from './f.ts'\nexport const d = [e, f]\n",
      'e.ts': "import { f } from './f.ts'\nexport const e = f\n",
      'f.ts': 'export const f = 1\n',
    })
    expect(circles(tree)).toEqual([['a.ts', 'x/b.ts', 'x/c.ts']])
  })
})

describe('order of folders', () => {
  test('an import of a later folder is one against the order; of the same group, or of a folder without one, is not', () => {
    const tree = treeOf({
      'low/a.ts': "import { b } from '../high/b.ts'\nimport { o } from '../other/o.ts'\nexport const a = [b, o]\n",
      'low/c.ts': "import { d } from '../peer/d.ts'\nexport const c = d\n",
      'peer/d.ts': 'export const d = 1\n',
      'high/b.ts': "import { d } from '../peer/d.ts'\nexport const b = d\n",
      'other/o.ts': "import { b } from '../high/b.ts'\nexport const o = b\n",
    })
    expect(orderViolations(tree, [['low', 'peer'], ['high']])).toEqual(['low/a.ts imports high/b.ts'])
  })
})

describe('injected interfaces', () => {
  test('members of named, imported, extended and inline types are counted, their own members are not', () => {
    const tree = treeOf({
      'types.ts': [
        'export interface Base {\n  readonly now: () => number\n}\n',
        'export interface Deps extends Base {',
        '  readonly run: (',
        '    key: string,',
        '    options: { a: 1; b: 2 },',
        '  ) => void',
        '  readonly names?: readonly { readonly x: 1 }[]',
        '  read(path: string): void',
        '}\n',
      ].join('\n'),
      'a.ts': "import type { Deps } from './types.ts'\nexport const createA = ({ run, now }: Deps) => [run, now]\n",
      'b.ts': 'export const createB = (options: { readonly a: 1; readonly b: 2 }) => options\n',
      'c.ts': [
        "import type { Deps } from './types.ts'",
        'export const act = (plan: string, deps: Deps) => [plan, deps]',
        'const createHidden = (deps: Deps) => deps',
        'export const createNothing = () => createHidden\n',
      ].join('\n'),
    })
    expect(injected(tree)).toEqual([
      { file: 'a.ts', function: 'createA', type: 'Deps', members: 4 },
      { file: 'c.ts', function: 'act', type: 'Deps', members: 4 },
      { file: 'b.ts', function: 'createB', type: '{…}', members: 2 },
    ])
  })
})

describe('the way', () => {
  const files = {
    'in/start.ts': [
      "import { helper, unused } from '../lib/helper.ts'",
      "import type { T } from '../types/t.ts'",
      "import { word } from '../words/word.ts'",
      "import { ROWS } from './rows.ts'",
      'const own = (t: T) => [helper(t), ...ROWS]',
      "export const start = () => own(`unused ${word} `) // 'unused'",
      'export const other = () => unused\n',
    ].join('\n'),
    'in/rows.ts': 'export const ROWS = [1]\n',
    'lib/helper.ts': "import { deep } from './deep.ts'\nexport const helper = () => deep\nexport const unused = 1\n",
    'lib/deep.ts': 'export const deep = 1\n',
    'types/t.ts': 'export type T = 1\n',
    'words/word.ts': 'export const word = 1\n',
    'out/end.ts': "import { ROWS } from '../in/rows.ts'\nexport const end = ROWS\n",
    'out/pass.ts': "import { deep } from '../lib/deep.ts'\nexport const pass = deep\n",
  }

  test('opens what a waypoint names as a value, once, in order, and reads no further', () => {
    expect(followWay(treeOf(files), ['in/start.ts:start', 'out/end.ts:end']).files).toEqual([
      'in/start.ts',
      'lib/helper.ts',
      'in/rows.ts',
      'words/word.ts',
      'out/end.ts',
    ])
  })

  test('counts changes of folder between files as they are opened, those of words left out', () => {
    const waypoints = ['in/start.ts:start', 'out/end.ts:end']
    expect(followWay(treeOf(files), waypoints).folderChanges).toBe(4)
    expect(followWay(treeOf(files), waypoints, ['words']).folderChanges).toBe(3)
  })

  test('a file without a name is passed through', () => {
    expect(followWay(treeOf(files), ['out/pass.ts', 'out/end.ts:end']).files).toEqual([
      'out/pass.ts',
      'out/end.ts',
      'in/rows.ts',
    ])
  })

  test.each(['in/gone.ts', 'in/gone.ts:start', 'in/start.ts:gone'])('%s, which is gone, is an error', (waypoint) => {
    expect(() => followWay(treeOf(files), [waypoint])).toThrow('correct the list of waypoints')
  })
})
