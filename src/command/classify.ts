import { createReadStream } from 'node:fs'
import { classifyLine } from './classify-line.ts'
import { EXIT, type ExitStatus, sentenceOf } from './failure.ts'
import { readLines } from './input-lines.ts'
import { subcommand } from './subcommand.ts'
import type { Terminal } from './terminal.ts'

const answerAll = async (input: AsyncIterable<Uint8Array>, terminal: Terminal): Promise<void> => {
  for await (const lines of readLines(input)) await terminal.write(`${lines.map(classifyLine).join('\n')}\n`)
}

const classifyFiles = async (files: readonly string[], terminal: Terminal): Promise<ExitStatus> => {
  let status: ExitStatus = EXIT.done
  for (const file of files) {
    if (file === '-' && terminal.interactive) terminal.warn('Reading messages from the terminal; Ctrl-D ends them.')
    try {
      await answerAll(file === '-' ? terminal.input : createReadStream(file), terminal)
    } catch (error) {
      terminal.warn(`error: reading ${file}: ${sentenceOf(error)}`)
      status = EXIT.failed
    }
  }
  return status
}

export const classifyCommand = subcommand(
  {
    name: 'classify',
    synopsis: '[FILE...] [options]',
    text:
      'Reads JSON lines {"reason": …, "message": …} from files or standard input and writes the same lines, in order, ' +
      'with "cause" and "row" added. Other fields stay. A line that does not begin with { is taken as a message. ' +
      'A line that cannot be read is answered with cause Unknown and an "error". No cluster is asked.',
    examples: [
      'kubectl mend classify < messages.jsonl',
      `kubectl get events -A -o json | jq -c '.items[] | {reason, message}' | kubectl mend classify`,
    ],
  },
  { output: { type: 'string', short: 'o', choices: ['json'], help: 'JSON lines are all there is' } },
  ({ positionals }, terminal) => classifyFiles(positionals.length > 0 ? positionals : ['-'], terminal),
)
