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
  /** Writes to standard error, as it is: a question whose answer stands beside it. */
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
    warn: (line) => void stderr.write(`${line}\n`),
  }
}
