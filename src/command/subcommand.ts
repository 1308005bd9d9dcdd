import type { ExitStatus } from './failure.ts'
import { type Options, type Parsed, parseFlags } from './flags.ts'
import { helpOf } from './help-text.ts'
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
