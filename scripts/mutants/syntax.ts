/** The syntax tree (ESTree with TypeScript's nodes) as far as the mutators need it: kinds, positions, children. */
import { parseAst } from 'vitest/node'

export interface Node {
  readonly type: string
  /** Position in the text, in UTF-16 units; `end` is exclusive. */
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'

/** The program of a TypeScript file; throws where the text is none. */
export const parseTypeScript = (text: string): Node => parseAst(text, { lang: 'ts' }) as unknown as Node

export const childOf = (node: Node, key: string): Node | undefined => {
  const child = node[key]
  return isNode(child) ? child : undefined
}

export const childrenOf = (node: Node, key: string): readonly Node[] => {
  const children = node[key]
  return Array.isArray(children) ? children.filter(isNode) : []
}

/** Types with an expression inside; all others whose name begins with TS hold nothing that runs. */
const TRANSPARENT = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression'])

const runs = (node: Node): boolean => !node.type.startsWith('TS') || TRANSPARENT.has(node.type)

/** Members that hold names, types or addresses of modules: nothing to mutate. */
const isName = (node: Node, key: string): boolean =>
  (key === 'key' && node['computed'] !== true) ||
  (key === 'property' && node['computed'] !== true) ||
  key === 'typeAnnotation' ||
  key === 'typeArguments' ||
  key === 'typeParameters' ||
  key === 'returnType' ||
  key === 'source' ||
  key === 'attributes'

export interface Child {
  readonly key: string
  readonly node: Node
}

/** The children that run, in no particular order. */
export const runningChildren = (node: Node): readonly Child[] =>
  Object.keys(node)
    .filter((key) => !isName(node, key))
    .flatMap((key) => {
      const value = node[key]
      const all: readonly unknown[] = Array.isArray(value) ? value : [value]
      return all.filter(isNode).map((child) => ({ key, node: child }))
    })
    .filter((child) => runs(child.node))

/** The expression without parentheses and assertions of types around it. */
export const bare = (node: Node): Node => {
  const inner =
    node.type === 'ParenthesizedExpression' || TRANSPARENT.has(node.type) ? childOf(node, 'expression') : undefined
  return inner === undefined ? node : bare(inner)
}
