import { parseArgs } from 'node:util'
import { UsageError } from './failure.ts'

/** One option of a subcommand; its help is made from the same words that parse it. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: true
  /** The only values it takes. */
  readonly choices?: readonly string[]
  /** What stands for its value in the help, e.g. `FILE`. */
  readonly value?: string
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

const booleanOf = (option: string, value: string | undefined): boolean => {
  if (value === undefined || value === 'true') return true
  if (value === 'false') return false
  throw new UsageError(`${option} is "${value}"; expected true or false`)
}

/** Parses arguments as kubectl does: options anywhere, `--name=value`, `-nvalue`, `--flag=false`. Throws `UsageError`. */
export const parseFlags = <const O extends Options>(
  args: readonly string[],
  options: O,
): Parsed<O> & { readonly help: boolean } => {
  const all = withHelp(options)
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(all).map(([name, { type, short }]) => [name, { type, ...(short !== undefined && { short }) }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const values: Record<string, boolean | string | string[]> = {}
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(all, token.name) ? all[token.name] : undefined
    if (!option) {
      const known = Object.keys(all).map((name) => `--${name}`)
      throw new UsageError(`unknown option "${token.rawName}"; expected one of ${known.join(', ')}`)
    }
    if (option.type === 'boolean') {
      values[token.name] = booleanOf(token.rawName, token.value)
      continue
    }
    const value = valueOf(token.rawName, token.value, token.inlineValue === true, option)
    if (option.multiple) values[token.name] = [...((values[token.name] as string[] | undefined) ?? []), value]
    else values[token.name] = value
  }
  const { help, ...others } = values
  return { values: others as Values<O>, positionals, help: help === true }
}

const valueOf = (rawName: string, raw: string | undefined, inline: boolean, { choices, value }: Option): string => {
  const expected = choices ? `one of ${choices.join(', ')}` : (value ?? 'a value')
  if (raw === undefined || (!inline && raw.length > 1 && raw.startsWith('-'))) {
    throw new UsageError(
      `${rawName} has no value${raw === undefined ? '' : ` ("${raw}" follows)`}; expected ${expected}`,
    )
  }
  // `-n=web`, as kubectl takes it.
  const text = !rawName.startsWith('--') && inline && raw.startsWith('=') ? raw.slice(1) : raw
  if (text === '') throw new UsageError(`${rawName} is empty; expected ${expected}`)
  if (choices && !choices.includes(text)) throw new UsageError(`${rawName} is "${text}"; expected ${expected}`)
  return text
}
