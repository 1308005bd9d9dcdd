import { folderOf, type SourceFile, type Tree } from './source.ts'

export interface Sizes {
  readonly files: number
  readonly lines: number
  readonly code: number
  readonly medianLines: number
  readonly under40: number
  readonly largest: { readonly file: string; readonly lines: number }
}

const SMALL = 40

export const sizes = (tree: Tree): Sizes => {
  const files = [...tree.values()].toSorted((a, b) => a.lines - b.lines)
  const sum = (of: (file: SourceFile) => number): number => files.reduce((total, file) => total + of(file), 0)
  const middle = Math.floor(files.length / 2)
  const at = (index: number): number => files[index]?.lines ?? 0
  const last = files.at(-1)
  return {
    files: files.length,
    lines: sum(({ lines }) => lines),
    code: sum(({ code }) => code),
    medianLines: files.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2,
    under40: files.filter(({ lines }) => lines < SMALL).length,
    largest: { file: last?.path ?? '', lines: last?.lines ?? 0 },
  }
}

/** Groups of files that need each other (Tarjan), types included. */
export const circles = (tree: Tree): readonly (readonly string[])[] => {
  const found: string[][] = []
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const visit = (path: string): void => {
    index.set(path, index.size)
    low.set(path, index.get(path) ?? 0)
    stack.push(path)
    for (const next of tree.get(path)?.needs ?? []) {
      if (!tree.has(next)) continue
      if (!index.has(next)) {
        visit(next)
        low.set(path, Math.min(low.get(path) ?? 0, low.get(next) ?? 0))
      } else if (stack.includes(next)) low.set(path, Math.min(low.get(path) ?? 0, index.get(next) ?? 0))
    }
    if (low.get(path) !== index.get(path)) return
    const group = stack.splice(stack.indexOf(path))
    if (group.length > 1 || tree.get(path)?.needs.has(path)) found.push(group.toSorted())
  }
  for (const path of tree.keys()) if (!index.has(path)) visit(path)
  return found
}

/**
 * Imports of a file whose folder comes later. `order`: groups of folders, first to last; folders of one group may import
 * each other, and a folder that is in none is not judged. A file may stand there by its path as well.
 */
export const orderViolations = (tree: Tree, order: readonly (readonly string[])[]): readonly string[] => {
  const rank = (path: string): number =>
    order.findIndex((group) => group.includes(path) || group.includes(folderOf(path)))
  return [...tree.values()].flatMap(({ path, imports }) =>
    [...new Set(imports.filter(({ isType }) => !isType).map(({ file }) => file))]
      .filter((other) => tree.has(other) && rank(path) >= 0 && rank(other) > rank(path))
      .map((other) => `${path} imports ${other}`),
  )
}

export interface Injected {
  readonly file: string
  readonly function: string
  readonly type: string
  readonly members: number
}

/** Text from the bracket at `start` to the one that closes it, without both. */
const inBrackets = (text: string, start: number): string => {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    if ('([{'.includes(text.charAt(at))) depth += 1
    if (')]}'.includes(text.charAt(at)) && (depth -= 1) === 0) return text.slice(start + 1, at)
  }
  return text.slice(start + 1)
}

/** Members at the first level of an object type's body; nested brackets are taken out from within. */
const countMembers = (body: string): number => {
  let flat = body
  for (let before = ''; before !== flat; ) {
    before = flat
    flat = flat.replace(/\([^()[\]{}]*\)|\[[^()[\]{}]*\]|\{[^()[\]{}]*\}/g, '_')
  }
  return flat.split(/[\n;,]/).filter((line) => /^\s*(?:readonly )?\w+\??\s*(?::|_)/.test(line)).length
}

/** The declared type of the first parameter, as text; undefined where the function takes none. */
const firstParameterType = (text: string): string | undefined => {
  const open = text.search(/\((?=\s*[\w{[)])/)
  const parameters = open < 0 ? '' : inBrackets(text, open).trimStart()
  const rest =
    '{['.includes(parameters.charAt(0)) && parameters !== ''
      ? parameters.slice(inBrackets(parameters, 0).length + 2)
      : parameters.replace(/^\w+\??/, '')
  return /^\s*:\s*([\s\S]+)$/.exec(rest)?.[1]
}

/** Members of a named or inline object type; what it extends within the tree counts as well. */
const membersOf = (tree: Tree, file: SourceFile, type: string): number => {
  if (type.startsWith('{')) return countMembers(inBrackets(type, 0))
  const name = /^\w+/.exec(type)?.[0] ?? ''
  const own = file.declarations.get(name)?.text
  if (own === undefined) {
    const from = file.imports.find(({ local }) => local === name)
    const other = from && tree.get(from.file)
    return other ? membersOf(tree, other, from.name) : 0
  }
  const body = own.indexOf('{')
  if (body < 0 || !/^(?:export )?(?:interface|type) /.test(own)) return 0
  const parents = /^[^{]*\bextends ([\w, ]+)\{/.exec(own)?.[1]?.split(',') ?? []
  return (
    countMembers(inBrackets(own, body)) + parents.reduce((sum, parent) => sum + membersOf(tree, file, parent.trim()), 0)
  )
}

/**
 * What is handed to functions that wire something, by the members of its object type, largest first: the first parameter
 * of each exported function named `create…`, and every parameter of an exported function whose type is named `…Deps`.
 */
export const injected = (tree: Tree): readonly Injected[] =>
  [...tree.values()]
    .flatMap((file) =>
      [...file.declarations.values()].flatMap(({ name, isExported, text }): readonly Injected[] => {
        const isFunction = /^export (?:const \w+ =\s*(?:async )?[(<]|(?:async )?function)/.test(text)
        if (!isExported || !isFunction) return []
        const first = /^create[A-Z]/.test(name) ? firstParameterType(text) : undefined
        const deps = [...text.matchAll(/: (\w*Deps)\b/g)].map(([, type = '']) => type)
        const types = [first ?? [], deps].flat().map((type) => /^\w+/.exec(type)?.[0] ?? type)
        return [...new Set(types)].map((type) => ({
          file: file.path,
          function: name,
          type: type.startsWith('{') ? '{…}' : type,
          members: membersOf(tree, file, type),
        }))
      }),
    )
    .toSorted((a, b) => b.members - a.members)
