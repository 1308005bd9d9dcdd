import { createReadStream } from 'node:fs'
import { classifyLine } from './classify-line.ts'
import { EXIT, type ExitStatus, sentenceOf } from './failure.ts'
import { readLines } from './input-lines.ts'
import { type Pasted, pastedAs, type Said, saidInDescription, saidInJson } from './pasted.ts'
import { subcommand } from './subcommand.ts'
import type { Terminal } from './terminal.ts'

/** What is pasted as a whole is read as a whole, and no cluster's events come near this. */
const MAX_PASTED = 256 * 2 ** 20

const saidIn = (form: Pasted, lines: readonly string[]): readonly Said[] | undefined => {
  if (form === 'Describe') return saidInDescription(lines)
  try {
    return saidInJson(lines.join('\n'))
  } catch {
    return undefined
  }
}

/** What is no whole after all is answered line by line, so that nothing is lost. */
const answerPasted = (form: Pasted, lines: readonly string[]): string => {
  const texts = saidIn(form, lines)?.map((one) => JSON.stringify(one)) ?? lines
  return texts.map((text, i) => `${classifyLine({ number: i + 1, text, cut: false })}\n`).join('')
}

const answerAll = async (input: AsyncIterable<Uint8Array>, terminal: Terminal): Promise<void> => {
  let form: Pasted | undefined
  let first = true
  let size = 0
  const pasted: string[] = []
  for await (const lines of readLines(input)) {
    if (first) form = pastedAs(lines[0]?.text ?? '')
    first = false
    if (form === undefined) {
      await terminal.write(`${lines.map(classifyLine).join('\n')}\n`)
      continue
    }
    for (const { text } of lines) {
      size += text.length
      if (size > MAX_PASTED) throw new Error(`it is longer than ${MAX_PASTED} characters`)
      pasted.push(text)
    }
  }
  if (form !== undefined) await terminal.write(answerPasted(form, pasted))
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
      'A line that cannot be read is answered with cause Unknown and an "error". All of kubectl get events -o json, or a ' +
      'kubectl describe pod, may be given as it is: a line for each Event and container state comes out. No cluster is asked.',
    examples: [
      'kubectl mend classify < messages.jsonl',
      'kubectl get events -A -o json | kubectl mend classify',
      'kubectl describe pod web-0 | kubectl mend classify',
    ],
  },
  { output: { type: 'string', short: 'o', choices: ['json'], help: 'JSON lines are all there is' } },
  ({ positionals }, terminal) => classifyFiles(positionals.length > 0 ? positionals : ['-'], terminal),
)
