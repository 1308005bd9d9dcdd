/** The tree as text: files, what each imports, and what each of its top-level declarations names. No compiler, no types. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'

export interface Import {
  /** File of the tree, relative to its root. */
  readonly file: string
  /** Name in the importing file and in the imported one. */
  readonly local: string
  readonly name: string
  readonly isType: boolean
}

export interface Declaration {
  readonly name: string
  readonly text: string
  readonly isExported: boolean
}

export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string
  readonly lines: number
  /** Lines that are neither blank nor only a comment. */
  readonly code: number
  readonly imports: readonly Import[]
  /** Files of the tree that it imports in any way: values, types, `import()`, re-exports. */
  readonly needs: ReadonlySet<string>
  /** Without comments and the contents of plain strings. */
  readonly declarations: ReadonlyMap<string, Declaration>
}

export type Tree = ReadonlyMap<string, SourceFile>

const COMMENT_OR_STRING = /\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'/g
const COMMENT_OR_QUOTED = /\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*|('(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)/g

/** Text without comments; strings stay. */
const withoutComments = (text: string): string =>
  text.replace(COMMENT_OR_QUOTED, (found: string, quoted?: string) => quoted ?? found.replace(/[^\n]/g, ''))

/** Neither comments nor what plain strings say. */
const withoutProse = (text: string): string =>
  text.replace(COMMENT_OR_STRING, (found) => (found.startsWith("'") ? "''" : ''))

/** Prose of a template literal names nothing; what it interpolates does. */
const withoutTemplateText = (text: string): string =>
  text.replace(/`(?:[^`\\]|\\.)*`/g, (literal) => (literal.match(/\$\{[^`]*?\}/g) ?? []).join(' '))

const IMPORT = /^(?:import|export) (type )?(?:\{([^}]*)\}|\* as (\w+)|(\w+)) from '(\.[^']+)'/gm
const LOADED = /import\('(\.[^']+)'\)/g
const DECLARATION =
  /^(export )?(?:default )?(?:declare )?(?:async )?(?:const|let|function\*?|class|interface|type) (\w+)/

const resolved = (from: string, specifier: string): string =>
  normalize(join(dirname(from), specifier))
    .split(sep)
    .join('/')

const importsOf = (path: string, text: string): readonly Import[] =>
  [...text.matchAll(IMPORT)].flatMap(([, wholeType, list, star, single, specifier = '']) => {
    const file = resolved(path, specifier)
    if (list === undefined) return [{ file, local: star ?? single ?? '', name: '*', isType: wholeType !== undefined }]
    return list
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
      .map((one) => {
        const [, type, name = '', local = name] = /^(type )?(\w+)(?: as (\w+))?$/.exec(one) ?? []
        return { file, local, name, isType: wholeType !== undefined || type !== undefined }
      })
  })

/** Top-level declarations: Biome puts each at the first column, and nothing else of it but closing brackets. */
const declarationsOf = (text: string): ReadonlyMap<string, Declaration> => {
  const found = new Map<string, Declaration>()
  let name: string | undefined
  let lines: string[] = []
  let isExported = false
  const end = (): void => {
    if (name !== undefined) found.set(name, { name, isExported, text: lines.join('\n') })
  }
  for (const line of text.split('\n')) {
    const start = DECLARATION.exec(line)
    if (start) {
      end()
      name = start[2]
      isExported = start[1] !== undefined
      lines = []
    } else if (/^(?:import|export) /.test(line)) {
      end()
      name = undefined
    }
    lines.push(line)
  }
  end()
  return found
}

export const parseSource = (path: string, text: string): SourceFile => {
  const bare = withoutComments(text)
  const imports = importsOf(path, bare)
  const loaded = [...bare.matchAll(LOADED)].map(([, specifier = '']) => resolved(path, specifier))
  const all = text.split('\n')
  return {
    path,
    lines: text.endsWith('\n') ? all.length - 1 : all.length,
    code: bare.split('\n').filter((line) => line.trim() !== '').length,
    imports,
    needs: new Set([...imports.map(({ file }) => file), ...loaded]),
    declarations: declarationsOf(withoutTemplateText(withoutProse(text))),
  }
}

/** Every file under `root` that is no test. */
export const readTree = (root: string): Tree => {
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .toSorted()
  return new Map(paths.map((path) => [path, parseSource(path, readFileSync(join(root, path), 'utf8'))]))
}

/** Top-level folder; entries have none. */
export const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : 'entries')
