/** How the three programs parse flags and variables. Imports nothing large, because the agent must stay small. */
import { isIP } from 'node:net'
import { parseArgs } from 'node:util'
import { parseDuration } from '../model/duration.ts'

/** Wrong usage of the program; the message names the argument, what was found and what was expected. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Throws an error whose message completes "expected …". */
export type ParseValue<T> = (text: string) => T

/** Parses a text from `source`, a flag or a variable. Throws `UsageError`. */
export const parseValue = <T>(source: string, text: string, parse: ParseValue<T>): T => {
  try {
    return parse(text)
  } catch (cause) {
    const expected = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`${source}: found "${text.slice(0, 80)}", expected ${expected}`, { cause })
  }
}

export const matching =
  (pattern: RegExp, expected: string): ParseValue<string> =>
  (text) => {
    if (!pattern.test(text)) throw new Error(expected)
    return text
  }

export const text = matching(/\S/, 'some text')
export const namespaceName = matching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'the name of a namespace')
export const absolutePath = matching(/^\/\S*$/, 'an absolute path')

export const boolean: ParseValue<boolean> = (given) => {
  if (given !== 'true' && given !== 'false') throw new Error('true or false')
  return given === 'true'
}

interface Range {
  readonly min: number
  readonly max: number
  readonly integer?: boolean
  /** Unit of the number, e.g. `seconds`. */
  readonly unit?: string
}

export const number = ({ min, max, integer = true, unit }: Range): ParseValue<number> => {
  const expected = `${unit ?? (integer ? 'a whole number' : 'a number')} from ${min} to ${max}`
  return (given) => {
    const value = /^\d+(\.\d+)?$/.test(given) ? Number(given) : Number.NaN
    if (!(value >= min && value <= max) || (integer && !Number.isInteger(value))) throw new Error(expected)
    return value
  }
}

/** Parses durations such as `30s` to milliseconds, within two such bounds. */
export const duration = (min: string, max: string): ParseValue<number> => {
  const expected = `a duration from ${min} to ${max}, such as 30s, 5m or 1h30m`
  return (given) => {
    let ms: number
    try {
      ms = parseDuration(given)
    } catch (cause) {
      throw new Error(expected, { cause })
    }
    if (ms < parseDuration(min) || ms > parseDuration(max)) throw new Error(expected)
    return ms
  }
}

export const oneOf =
  <T extends string>(choices: readonly T[]): ParseValue<T> =>
  (given) => {
    const found = choices.find((choice) => choice === given)
    if (found === undefined) throw new Error(`one of ${choices.join(', ')}`)
    return found
  }

export const cidr: ParseValue<string> = (given) => {
  const [address = '', bits = '', ...rest] = given.split('/')
  const family = isIP(address)
  const fits = /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
  if (family === 0 || !fits || rest.length > 0)
    throw new Error('addresses in CIDR form, such as 10.0.0.0/8 or fd00::/8')
  return given
}

/** A JSON object with no other members than these, each a string, as in a pod's security context. */
export const textMembers = (names: readonly string[]): ParseValue<Readonly<Record<string, string>>> => {
  const expected = `a JSON object of texts, with ${names.join(', ')}`
  return (given) => {
    let value: unknown
    try {
      value = JSON.parse(given)
    } catch (cause) {
      throw new Error(expected, { cause })
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(expected)
    const entries = Object.entries(value as Record<string, unknown>)
    if (!entries.every(([name, member]) => names.includes(name) && typeof member === 'string'))
      throw new Error(expected)
    return value as Readonly<Record<string, string>>
  }
}

/** Splits the comma-separated list of a flag or variable. */
export const splitList = (given: string): readonly string[] => given.split(',').map((part) => part.trim())

/** A flag as the command line is split; its values are parsed later. */
export interface Flag {
  /** `--name` of type boolean alone means true, `--no-name` false. */
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** The only values that it accepts. */
  readonly choices?: readonly string[]
  /** Placeholder of its value in the help, e.g. `FILE`. */
  readonly value?: string
}

export interface Arguments {
  /** The unparsed values of each flag, in order, each with the flag as it was written. */
  readonly given: ReadonlyMap<string, readonly { readonly source: string; readonly text: string }[]>
  readonly positionals: readonly string[]
}

/** What a flag accepts, to complete "expected …". */
export const expectedOf = ({ choices, value }: Flag): string =>
  choices ? `one of ${choices.join(', ')}` : (value ?? 'a value')

const MAX_LISTED = 16

/**
 * Splits a command line: flags anywhere, `--name=value`, `-nvalue`, `-n=value`, `--switch=false`, `--no-switch`. A program
 * that takes no positional arguments also accepts `--switch false`. `--help` ends parsing, so that errors after it do not prevent
 * the help. Throws `UsageError`.
 */
export const readArguments = (
  args: readonly string[],
  flags: Readonly<Record<string, Flag>>,
  { positionals: takesPositionals }: { readonly positionals: boolean },
): Arguments => {
  const flagNamed = (name: string): Flag | undefined => (Object.hasOwn(flags, name) ? flags[name] : undefined)
  const seeHelp = flagNamed('help') ? '; see --help' : ''
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(flags).map(([name, { type, short }]) => [name, { type, ...(short !== undefined && { short }) }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  /** `parseArgs` assumes that switches have no value. */
  const isSwitchValue = (value: string, before: (typeof tokens)[number] | undefined): boolean =>
    !takesPositionals &&
    (value === 'true' || value === 'false') &&
    before?.kind === 'option' &&
    before.value === undefined &&
    flagNamed(before.name)?.type === 'boolean'

  const given = new Map<string, readonly { readonly source: string; readonly text: string }[]>()
  const positionals: string[] = []
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (isSwitchValue(token.value, tokens[at - 1])) continue
      if (!takesPositionals) throw new UsageError(`found the argument "${token.value}", expected only flags${seeHelp}`)
      positionals.push(token.value)
      continue
    }
    const { rawName: source, inlineValue = false } = token
    const negated = token.name.startsWith('no-') ? token.name.slice(3) : undefined
    const name = flagNamed(token.name) === undefined && negated !== undefined ? negated : token.name
    const flag = flagNamed(name)
    if (!flag || (name === negated && flag.type !== 'boolean')) {
      const known = Object.keys(flags).map((one) => `--${one}`)
      const hint = known.length > MAX_LISTED ? seeHelp : `; expected one of ${known.join(', ')}`
      throw new UsageError(`${source} is not a flag${hint}`)
    }
    if (name === 'help' && token.value === undefined)
      return { given: new Map([[name, [{ source, text: 'true' }]]]), positionals }
    const next = tokens[at + 1]
    const after = next?.kind === 'positional' && isSwitchValue(next.value, token) ? next.value : undefined
    const read = (): string => {
      if (flag.type === 'boolean') return name === negated ? 'false' : (token.value ?? after ?? 'true')
      const { value } = token
      if (value === undefined || (!inlineValue && value.length > 1 && value.startsWith('-'))) {
        const before = value === undefined ? '' : ` before "${value}"`
        throw new UsageError(`${source}: found no value, expected ${expectedOf(flag)}${before}`)
      }
      // `-n=web`, as in kubectl.
      return !source.startsWith('--') && inlineValue && value.startsWith('=') ? value.slice(1) : value
    }
    given.set(name, [...(given.get(name) ?? []), { source, text: read() }])
  }
  return { given, positionals }
}
