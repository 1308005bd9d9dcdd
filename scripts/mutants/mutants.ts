/** All mutants of a file, and the file with all of them behind a switch. */
import { type Edit, isText, MUTATORS } from './mutators.ts'
import { PROBE } from './protocol.ts'
import { childrenOf, type Node, parseTypeScript, runningChildren } from './syntax.ts'

export interface Mutant {
  /** Relative to the root of the repository. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** The text of that line, without the space around it. */
  readonly source: string
  readonly mutator: string
  /** The changed part before and after, on one line each. */
  readonly before: string
  readonly after: string
  /** What is replaced: an expression, or a statement with its block. */
  readonly host: { readonly kind: 'expression' | 'statement'; readonly start: number; readonly end: number }
  /** In place of the host. */
  readonly text: string
}

interface Visit {
  readonly node: Node
  readonly parent: Node | undefined
  readonly key: string
  readonly isLast: boolean
  /** The whole chain of `?.` that the node is a link of: a switch inside a chain would cut it. */
  readonly chain: Node | undefined
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

const applied = (text: string, start: number, end: number, edits: readonly Edit[]): string => {
  const [first] = edits
  if (!first) return text.slice(start, end)
  return text.slice(start, first.start) + first.text + text.slice(first.end, end)
}

/** Links of a chain, not what stands in the arguments or the brackets of one. */
const isLink = (node: Node, key: string): boolean =>
  (key === 'object' && node.type === 'MemberExpression') ||
  (key === 'callee' && node.type === 'CallExpression') ||
  (key === 'expression' && (node.type === 'ChainExpression' || node.type === 'TSNonNullExpression'))

const FUNCTIONS = new Set(['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration'])

const lastOfBody = (node: Node, parent: Node | undefined): Node | undefined =>
  node.type === 'BlockStatement' && parent && FUNCTIONS.has(parent.type) ? childrenOf(node, 'body').at(-1) : undefined

/** A pattern's names and an assignment's left side are not read; the defaults in them are. */
const isWritten = (node: Node, key: string): boolean =>
  (key === 'left' && (node.type === 'AssignmentExpression' || node.type.startsWith('For'))) ||
  (key === 'argument' && (node.type === 'UpdateExpression' || node['operator'] === 'delete'))

const mutantsOf = (file: string, text: string, visit: Visit): readonly Mutant[] => {
  const { node, chain } = visit
  const changes = MUTATORS.flatMap((mutator) => mutator(node, { text, ...visit }))
  return changes.map(({ mutator, edits, removes }): Mutant => {
    const { start, end } = chain ?? node
    const position = edits[0]?.start ?? node.start
    const lineStart = text.lastIndexOf('\n', position - 1) + 1
    return {
      file,
      line: text.slice(0, position).split('\n').length,
      source: (text.slice(lineStart).split('\n', 1)[0] ?? '').trim(),
      mutator,
      before: oneLine(text.slice(node.start, node.end)),
      after: oneLine(applied(text, node.start, node.end, edits)),
      host: { kind: removes ? 'statement' : 'expression', start, end },
      text: applied(text, start, end, edits),
    }
  })
}

/** In the order of the text. Throws where `text` is not TypeScript. */
export const findMutants = (file: string, text: string): readonly Mutant[] => {
  const found: Mutant[] = []
  const walk = (visit: Visit): void => {
    const { node, parent, chain } = visit
    if (isText(node)) return
    found.push(...mutantsOf(file, text, visit))
    const last = lastOfBody(node, parent)
    for (const { key, node: child } of runningChildren(node)) {
      if (isWritten(node, key)) continue
      const inChain = isLink(node, key) ? (node.type === 'ChainExpression' ? node : chain) : undefined
      walk({ node: child, parent: node, key, isLast: child === last, chain: inChain })
    }
  }
  walk({ node: parseTypeScript(text), parent: undefined, key: '', isLast: false, chain: undefined })
  const distinct = new Map(found.map((one) => [`${one.host.start}:${one.host.end}:${one.text}`, one] as const))
  return [...distinct.values()].toSorted((a, b) => a.host.start - b.host.start || b.host.end - a.host.end)
}

interface Numbered {
  readonly id: number
  readonly mutant: Mutant
}

interface Group {
  readonly kind: 'expression' | 'statement'
  readonly start: number
  readonly end: number
  readonly mutants: Numbered[]
}

/** Each goes into braces: without semicolons, a line that now begins with `(` would continue the line before it. */
const expressionStatements = (text: string): readonly Node[] => {
  const found: Node[] = []
  const walk = (node: Node): void => {
    if (node.type === 'ExpressionStatement' && typeof node['directive'] !== 'string') found.push(node)
    for (const child of runningChildren(node)) walk(child.node)
  }
  walk(parseTypeScript(text))
  return found
}

/** Outer before inner; a statement before an expression of the same extent. */
const groupsOf = (text: string, mutants: readonly Numbered[]): readonly Group[] => {
  const groups = new Map<string, Group>()
  const groupAt = ({ kind, start, end }: Mutant['host']): Group => {
    const key = `${start}:${end}:${kind}`
    const group = groups.get(key) ?? { kind, start, end, mutants: [] }
    groups.set(key, group)
    return group
  }
  for (const { start, end } of expressionStatements(text)) groupAt({ kind: 'statement', start, end })
  for (const one of mutants) groupAt(one.mutant.host).mutants.push(one)
  return [...groups.values()].toSorted(
    (a, b) => a.start - b.start || b.end - a.end || (a.kind === b.kind ? 0 : a.kind === 'statement' ? -1 : 1),
  )
}

const switched = ({ kind, mutants }: Group, original: string): string => {
  const probe = ({ id }: Numbered): string => `globalThis.${PROBE}(${id})`
  if (kind === 'expression')
    return `(${mutants.map((one) => `${probe(one)} ? (${one.mutant.text}) : `).join('')}(${original}))`
  return mutants.length === 0 ? `{ ${original} }` : `{ if (!(${mutants.map(probe).join(' || ')})) { ${original} } }`
}

/** The file with all of these mutants, each behind `PROBE(id)`; while none is on it does what it did. */
export const instrument = (text: string, mutants: readonly Numbered[]): string => {
  const groups = groupsOf(text, mutants)
  let next = 0
  const render = (start: number, end: number): string => {
    let result = ''
    let position = start
    for (let group = groups[next]; group !== undefined && group.end <= end; group = groups[next]) {
      next += 1
      result += text.slice(position, group.start)
      result += switched(group, render(group.start, group.end))
      position = group.end
    }
    return result + text.slice(position, end)
  }
  return render(0, text.length)
}
