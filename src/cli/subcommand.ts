import { boolean, expectedOf, type Flag, oneOf, parseValue, readArguments } from '../config/arguments.ts'
import type { Terminal } from './terminal.ts'

/** What the help says of a subcommand. */
export interface Usage {
  readonly name: string
  /** Arguments, e.g. `(TYPE/NAME | TYPE NAME) [options]`. */
  readonly synopsis: string
  /** A short paragraph: what it does, what it needs, what it leaves alone. */
  readonly text: string
  readonly examples: readonly string[]
}

export interface Subcommand {
  readonly invoke: (args: readonly string[], terminal: Terminal) => Promise<ExitStatus>
}

/** A subcommand from its help, its options and what it does with them. `--help` never comes as far as `run`. */
export const subcommand = <const O extends Options>(
  usage: Usage,
  options: O,
  run: (parsed: Parsed<O>, terminal: Terminal) => Promise<ExitStatus>,
): Subcommand => ({
  invoke: async (args, terminal) => {
    const parsed = parseFlags(args, options)
    if (!parsed.help) return run(parsed, terminal)
    await terminal.write(helpOf(usage, options))
    return 0
  },
})

const WIDTH = 92

/** Breaks a paragraph into lines of at most `width` characters; a longer word gets its own line. */
export const wrap = (text: string, width = WIDTH): readonly string[] => {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const optionTerm = (name: string, { short, type, value, choices }: Option): string => {
  const argument = type === 'boolean' ? '' : ` ${choices?.join('|') ?? value ?? 'VALUE'}`
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${argument}`
}

/** Terms with their explanations beside them, in two columns. */
export const glossary = (entries: readonly (readonly [string, string])[]): readonly string[] => {
  const indent = Math.max(...entries.map(([term]) => term.length)) + 2
  return entries.flatMap(([term, text]) =>
    wrap(text, Math.max(40, WIDTH - indent)).map((line, i) => `  ${(i === 0 ? term : '').padEnd(indent)}${line}`),
  )
}

/** The help of one subcommand. */
export const helpOf = ({ name, synopsis, text, examples }: Usage, options: Options): string =>
  [
    `kubectl mend ${name} ${synopsis}`.trimEnd(),
    '',
    ...wrap(text),
    '',
    'Options:',
    ...glossary(Object.entries(withHelp(options)).map(([flag, option]) => [optionTerm(flag, option), option.help])),
    ...(examples.length > 0 ? ['', 'Examples:', ...examples.map((example) => `  ${example}`)] : []),
    '',
  ].join('\n')

/** One option of a subcommand, for parsing and for the help. */
export interface Option extends Flag {
  readonly multiple?: true
  readonly help: string
}

export type Options = Readonly<Record<string, Option>>

type ValueOf<O extends Option> = O['type'] extends 'boolean' ? boolean : O['multiple'] extends true ? string[] : string
export type Values<O extends Options> = { readonly [K in keyof O]?: ValueOf<O[K]> }

export interface Parsed<O extends Options> {
  readonly values: Values<O>
  readonly positionals: readonly string[]
}

const HELP: Option = { type: 'boolean', short: 'h', help: 'show this help' }

/** The options of a subcommand with `--help`, which each has. */
export const withHelp = (options: Options): Options => ({ ...options, help: HELP })

/** Parses arguments as kubectl does: options anywhere, `--name=value`, `-nvalue`, `--flag=false`. Throws `UsageError`. */
export const parseFlags = <const O extends Options>(
  args: readonly string[],
  options: O,
): Parsed<O> & { readonly help: boolean } => {
  const all = withHelp(options)
  const { given, positionals } = readArguments(args, all, { positionals: true })
  const values: Record<string, boolean | string | readonly string[]> = {}
  for (const [name, option] of Object.entries(all)) {
    const texts = given.get(name)
    if (!texts) continue
    const parsed = texts.map(({ source, text }) => parseValue<boolean | string>(source, text, parserOf(option)))
    const last = parsed.at(-1)
    if (option.multiple) values[name] = parsed.map(String)
    else if (last !== undefined) values[name] = last
  }
  const { help, ...others } = values
  return { values: others as Values<O>, positionals, help: help === true }
}

const parserOf = (option: Option) => (text: string) => {
  if (option.type === 'boolean') return boolean(text)
  if (option.choices) return oneOf(option.choices)(text)
  if (text === '') throw new Error(expectedOf(option))
  return text
}

/** Nothing is wrong with the command: the answer is no. The sentence says why. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** Exit status of a command that did what was asked, of one that could not or found something bad, of one called wrongly. */
export const EXIT = { done: 0, failed: 1, misused: 2 } as const

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

const MAX_CAUSES = 4

/** An error and its causes, on one line. Omits causes that the message already contains. */
export const sentenceOf = (error: unknown): string => {
  const parts: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth += 1) {
    const message = at.message || at.name
    if (!parts.some((part) => part.includes(message))) parts.push(message)
  }
  if (parts.length === 0) parts.push(typeof error === 'string' ? error : 'an unknown error')
  return parts.join(': ').replace(/\s*\n\s*/g, ' ')
}
