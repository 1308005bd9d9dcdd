/**
 * What is changed in an expression or a statement: each mutator takes a node and returns what would stand in its place.
 * Texts that only people read (strings and templates with a space, and choices between them) are left as they are, with all
 * that is inside them.
 */
import { bare, childOf, childrenOf, type Node } from './syntax.ts'

/** A text in place of a part of the node's own. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export interface Change {
  readonly mutator: string
  readonly edits: readonly Edit[]
  /** The whole statement is left out. */
  readonly removes?: true
}

export interface Place {
  readonly text: string
  readonly parent: Node | undefined
  /** Member of the parent that holds the node. */
  readonly key: string
  /** The last statement of a function's body: its return is no early one. */
  readonly isLast: boolean
}

export type Mutator = (node: Node, place: Place) => readonly Change[]

const source = (text: string, node: Node): string => text.slice(node.start, node.end)

const whole = (mutator: string, node: Node, text: string): Change => ({
  mutator,
  edits: [{ start: node.start, end: node.end, text }],
})

/** Another operator. Parentheses around the operands belong to no node: what is left of the operator is taken as it stands. */
const withOperator = (mutator: string, node: Node, text: string, to: string): readonly Change[] => {
  const left = childOf(node, 'left')
  const operator = node['operator']
  if (!left || typeof operator !== 'string') return []
  const start = text.indexOf(operator, left.end)
  // `a ?? b && c` may not be written without parentheses.
  const operands = [text.slice(node.start, start), text.slice(start + operator.length, node.end)]
  return [whole(mutator, node, operands.map((one) => `(${one.trim()})`).join(` ${to} `))]
}

const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
}

const comparison: Mutator = (node, { text }) =>
  node.type === 'BinaryExpression'
    ? (COMPARISONS[String(node['operator'])] ?? []).flatMap((to) => withOperator('comparison', node, text, to))
    : []

const LOGICAL: Readonly<Record<string, string>> = { '&&': '||', '||': '&&', '??': '&&' }

const logical: Mutator = (node, { text }) => {
  const to = node.type === 'LogicalExpression' ? LOGICAL[String(node['operator'])] : undefined
  return to === undefined ? [] : withOperator('logical', node, text, to)
}

const ARITHMETIC: Readonly<Record<string, string>> = { '+': '-', '-': '+', '*': '/', '/': '*', '%': '*' }

const arithmetic: Mutator = (node, { text }) => {
  const to = node.type === 'BinaryExpression' ? ARITHMETIC[String(node['operator'])] : undefined
  return to === undefined ? [] : withOperator('arithmetic', node, text, to)
}

const CONDITIONS = new Set(['IfStatement', 'WhileStatement', 'DoWhileStatement', 'ForStatement'])

/** A condition that has a mutant of its own, as a comparison or a `!`, is not negated once more. */
const negation: Mutator = (node, { text, parent, key }) => {
  if (node.type === 'UnaryExpression' && node['operator'] === '!') {
    const argument = childOf(node, 'argument')
    return argument ? [whole('negation', node, source(text, argument))] : []
  }
  const plain = bare(node)
  const hasOwn = (plain.type === 'UnaryExpression' && plain['operator'] === '!') || plain.type === 'BinaryExpression'
  if (key !== 'test' || parent === undefined || !CONDITIONS.has(parent.type) || hasOwn) return []
  return [whole('negation', node, `!(${source(text, node)})`)]
}

const ternary: Mutator = (node, { text }) => {
  if (node.type !== 'ConditionalExpression') return []
  return ['consequent', 'alternate'].flatMap((key) => {
    const branch = childOf(node, key)
    return branch ? [whole('ternary', node, source(text, branch))] : []
  })
}

const isProse = (node: Node): boolean => {
  if (node.type === 'Literal') return typeof node['value'] === 'string' && /\s/.test(node['value'])
  return (
    node.type === 'TemplateLiteral' &&
    childrenOf(node, 'quasis').some(({ value }) => /\s/.test((value as { readonly raw: string }).raw))
  )
}

const isEmptyText = (node: Node): boolean => node.type === 'Literal' && node['value'] === ''

/** A choice between sentences, or of whether a part of one is said. */
const isWording = (node: Node): boolean => {
  const branches = ['consequent', 'alternate'].flatMap((key) => childOf(node, key) ?? [])
  return (
    node.type === 'ConditionalExpression' &&
    branches.some((branch) => isText(branch)) &&
    branches.every((branch) => isText(branch) || isEmptyText(branch))
  )
}

/** Text for people: nothing in it is mutated. */
export const isText = (node: Node): boolean =>
  isProse(node) || isWording(node) || node.type === 'TaggedTemplateExpression'

/** An operand of a comparison has the comparison's mutants, among them the next number. */
const isCompared = ({ parent }: Place): boolean =>
  parent?.type === 'BinaryExpression' && COMPARISONS[String(parent['operator'])] !== undefined

const NO_EXPRESSION = new Set(['ExpressionStatement', 'ImportDeclaration', 'ExportAllDeclaration'])

const literal: Mutator = (node, place) => {
  if (node.type === 'TemplateLiteral') return [whole('text', node, '``')]
  if (node.type !== 'Literal' || (place.parent && NO_EXPRESSION.has(place.parent.type))) return []
  const { value } = node
  if (typeof value === 'boolean') return [whole('boolean', node, String(!value))]
  if (isCompared(place)) return []
  if (typeof value === 'number') return [value + 1, value - 1].map((to) => whole('number', node, `(${to})`))
  // After `??` it stands for what is missing: any text would do that is none of an object.
  if (typeof value !== 'string' || (value === '' && place.parent?.['operator'] === '??')) return []
  return [whole('text', node, value === '' ? "'mutant'" : "''")]
}

/** An empty list stays: the compiler would refuse most of what could be in it. */
const array: Mutator = (node) =>
  node.type === 'ArrayExpression' && childrenOf(node, 'elements').length > 0 ? [whole('array', node, '[]')] : []

const METHODS: Readonly<Record<string, string>> = {
  every: 'some',
  some: 'every',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  min: 'max',
  max: 'min',
}

/** They only leave out or order: what they are called on is of the same type. */
const REMOVED = new Set(['filter', 'toSorted', 'toReversed', 'slice', 'trim'])

const method: Mutator = (node, { text }) => {
  const callee = node.type === 'CallExpression' ? childOf(node, 'callee') : undefined
  const property =
    callee?.type === 'MemberExpression' && callee['computed'] !== true ? childOf(callee, 'property') : undefined
  const name = property?.['name']
  if (!property || typeof name !== 'string') return []
  const to = METHODS[name]
  if (to !== undefined) return [whole('method', property, to)]
  if (!REMOVED.has(name)) return []
  const dot = text.lastIndexOf('.', property.start - 1)
  return [{ mutator: 'method', edits: [{ start: text[dot - 1] === '?' ? dot - 1 : dot, end: node.end, text: '' }] }]
}

const optional: Mutator = (node, { text }) => {
  if (node['optional'] !== true) return []
  const before = childOf(node, node.type === 'CallExpression' ? 'callee' : 'object')
  if (!before) return []
  const start = text.indexOf('?.', before.end)
  const isName = node.type === 'MemberExpression' && node['computed'] !== true
  return [{ mutator: 'optional', edits: [{ start, end: start + 2, text: isName ? '.' : '' }] }]
}

const STATEMENTS = new Set(['ExpressionStatement', 'ThrowStatement', 'ContinueStatement'])

const statement: Mutator = (node, { isLast }) => {
  const isDirective = typeof node['directive'] === 'string'
  const removable = STATEMENTS.has(node.type) || (node.type === 'ReturnStatement' && !isLast)
  return removable && !isDirective ? [{ ...whole('statement', node, '{}'), removes: true }] : []
}

export const MUTATORS: readonly Mutator[] = [
  comparison,
  logical,
  arithmetic,
  negation,
  ternary,
  literal,
  array,
  method,
  optional,
  statement,
]
