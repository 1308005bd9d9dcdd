import { run } from '../../src/cli/run.ts'
import type { ExitStatus } from '../../src/cli/subcommand.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

interface MendInput {
  readonly input?: string | readonly Buffer[] | AsyncIterable<Uint8Array>
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Whether a person types the input; default false. */
  readonly interactive?: boolean
}

async function* bytesOf(input: MendInput['input'] = ''): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof input === 'string') yield Buffer.from(input)
  else yield* input
}

const start = (args: readonly string[], { input, environment = {}, interactive = false }: MendInput = {}) => {
  let out = ''
  let err = ''
  const terminal: Terminal = {
    input: bytesOf(input),
    interactive,
    colour: false,
    environment,
    write: async (text) => void (out += text),
    prompt: (text) => void (err += text),
    warn: (line) => void (err += `${line}\n`),
  }
  return {
    output: () => out,
    finished: run(args, terminal).then((status: ExitStatus) => ({ status, out, err })),
  }
}

/** For tests: plays a terminal to the command and answers what it wrote and its exit status. */
export const runMend = Object.assign((args: readonly string[], played?: MendInput) => start(args, played).finished, {
  start,
})
