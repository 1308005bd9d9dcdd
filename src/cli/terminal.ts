import { stringify } from 'yaml'
import { printable } from '../model/printable.ts'

/** All that a subcommand sees of the process around it; tests put their own in its place. */
export interface Terminal {
  /** Standard input as it arrives. */
  readonly input: AsyncIterable<Uint8Array>
  /** Whether a person would have to type the input. */
  readonly interactive: boolean
  /** Whether standard output shows colours. */
  readonly colour: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Writes to standard output; resolves once it takes more. */
  readonly write: (text: string) => Promise<void>
  /** Writes unchanged to standard error: a question that is answered on the same line. */
  readonly prompt: (text: string) => void
  /** Writes a line to standard error. */
  readonly warn: (line: string) => void
}

/** The terminal of a process. A reader that went away (`| head`) ends the process quietly, as it ends every filter. */
export const processTerminal = (process: NodeJS.Process): Terminal => {
  const { stdin, stdout, stderr, env } = process
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  return {
    input: stdin as AsyncIterable<Buffer>,
    // Undefined, not false, where it is no terminal.
    interactive: stdin.isTTY === true,
    colour: stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    environment: env,
    write: (text) =>
      new Promise((resolve) => {
        if (stdout.write(text)) resolve()
        else stdout.once('drain', resolve)
      }),
    prompt: (text) => void stderr.write(text),
    // Errors quote records and answers of servers.
    warn: (line) => void stderr.write(`${printable(line)}\n`),
  }
}

/** As kubectl names them; text where none is named. */
export const FORMATS = ['json', 'yaml', 'wide'] as const

/** Data as JSON or YAML; undefined where a text for people is wanted. */
export const formatData = (data: unknown, format: string | undefined): string | undefined => {
  if (format === 'json') return `${JSON.stringify(data, undefined, 2)}\n`
  // Without anchors: the same object twice is written twice.
  if (format === 'yaml') return stringify(data, { aliasDuplicateObjects: false, lineWidth: 0 })
  return undefined
}

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

export type Paint = Readonly<Record<keyof typeof CODES, (text: string) => string>>

/** Colours, or none. */
export const createPaint = (colour: boolean): Paint => {
  const with_ = (name: keyof typeof CODES) => (text: string) =>
    colour ? `\u001b[${CODES[name][0]}m${text}\u001b[${CODES[name][1]}m` : text
  return {
    bold: with_('bold'),
    dim: with_('dim'),
    red: with_('red'),
    green: with_('green'),
    yellow: with_('yellow'),
    cyan: with_('cyan'),
  }
}

/** A unified diff in the usual colours. */
export const paintDiff = (diff: string, { red, green, cyan, bold }: Paint): string =>
  diff
    .split('\n')
    .map((line) => {
      if (/^(---|\+\+\+) /.test(line)) return bold(line)
      if (line.startsWith('@@')) return cyan(line)
      if (line.startsWith('-')) return red(line)
      return line.startsWith('+') ? green(line) : line
    })
    .join('\n')
