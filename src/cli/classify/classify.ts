import { createReadStream } from 'node:fs'
import { classify } from '../../catalogue/classify.ts'
import { EXIT, type ExitStatus, sentenceOf, subcommand } from '../subcommand.ts'
import type { Terminal } from '../terminal.ts'
import {
  type FailureMessage,
  type KubectlOutput,
  kubectlOutputAs,
  type Line,
  MAX_LINE,
  messagesInDescription,
  messagesInJson,
  readLines,
} from './input.ts'

/** kubectl's output is read as a whole, and no cluster's Events come near this. */
const MAX_KUBECTL_OUTPUT = 256 * 2 ** 20

const messagesIn = (form: KubectlOutput, lines: readonly string[]): readonly FailureMessage[] | undefined => {
  if (form === 'Describe') return messagesInDescription(lines)
  try {
    return messagesInJson(lines.join('\n'))
  } catch {
    return undefined
  }
}

/** Output that cannot be parsed as a whole is answered line by line, so that nothing is lost. */
const answerKubectlOutput = (form: KubectlOutput, lines: readonly string[]): string => {
  const texts = messagesIn(form, lines)?.map((one) => JSON.stringify(one)) ?? lines
  return texts.map((text, i) => `${classifyLine({ number: i + 1, text, cut: false })}\n`).join('')
}

const answerAll = async (input: AsyncIterable<Uint8Array>, terminal: Terminal): Promise<void> => {
  let form: KubectlOutput | undefined
  let first = true
  let size = 0
  const kubectlOutput: string[] = []
  for await (const lines of readLines(input)) {
    if (first) form = kubectlOutputAs(lines[0]?.text ?? '')
    first = false
    if (form === undefined) {
      await terminal.write(`${lines.map(classifyLine).join('\n')}\n`)
      continue
    }
    for (const { text } of lines) {
      size += text.length
      if (size > MAX_KUBECTL_OUTPUT) throw new Error(`the input is longer than ${MAX_KUBECTL_OUTPUT} characters`)
      kubectlOutput.push(text)
    }
  }
  if (form !== undefined) await terminal.write(answerKubectlOutput(form, kubectlOutput))
}

const classifyFiles = async (files: readonly string[], terminal: Terminal): Promise<ExitStatus> => {
  let status: ExitStatus = EXIT.done
  for (const file of files) {
    if (file === '-' && terminal.interactive)
      terminal.warn('Reading messages from the terminal; press Ctrl-D to finish.')
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
      'Reads JSON lines {"reason": …, "message": …} from files or standard input and prints them in the same order ' +
      'with "cause" and "row" added; other fields are kept. A line that does not begin with { is treated as a ' +
      'message. A line that cannot be parsed gets cause Unknown and an "error". The complete output of kubectl get ' +
      'events -o json or kubectl describe pod works as well: one line is printed for each Event and container ' +
      'state. No cluster is contacted.',
    examples: [
      'kubectl mend classify < messages.jsonl',
      'kubectl get events -A -o json | kubectl mend classify',
      'kubectl describe pod web-0 | kubectl mend classify',
    ],
  },
  { output: { type: 'string', short: 'o', choices: ['json'], help: 'JSON lines are the only format' } },
  ({ positionals }, terminal) => classifyFiles(positionals.length > 0 ? positionals : ['-'], terminal),
)

const answer = (reason: string, message: string): string => {
  const { cause, row } = classify({ reason, message })
  return `"cause":${JSON.stringify(cause)},"row":${JSON.stringify(row ?? null)}`
}

const refused = ({ number }: Line, why: string): string =>
  `"cause":"Unknown","row":null,"error":${JSON.stringify(`line ${number}: ${why}`)}`

/**
 * Adds members at the end of an object. Copies the existing text unchanged (including numbers beyond 2^53), except for
 * members with the same names, which are replaced.
 */
const withMembers = (line: string, object: Readonly<Record<string, unknown>>, members: string): string => {
  const added = JSON.parse(`{${members}}`) as Record<string, unknown>
  if (Object.keys(added).some((name) => Object.hasOwn(object, name))) return JSON.stringify({ ...object, ...added })
  const end = line.lastIndexOf('}')
  return `${line.slice(0, end)}${Object.keys(object).length === 0 ? '' : ','}${members}}`
}

const found = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`

const parse = (text: string): { readonly object: Record<string, unknown> } | { readonly why: string } => {
  try {
    // Text that begins with a brace is an object or no JSON at all.
    return { object: JSON.parse(text) as Record<string, unknown> }
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/ \(line 1 column \d+\)$/, '') : 'it cannot be parsed'
    return { why: `not JSON: ${reason}` }
  }
}

/** The answer to one line, as one line of JSON. Never throws: a line that cannot be read is answered too. */
export const classifyLine = (line: Line): string => {
  const text = line.text.trim()
  if (line.cut) return `{${refused(line, `longer than ${MAX_LINE} bytes`)}}`
  if (text === '') return `{${refused(line, 'blank; expected a JSON object or a message')}}`
  if (!text.startsWith('{')) return `{"message":${JSON.stringify(text)},${answer('', text)}}`
  const parsed = parse(text)
  if ('why' in parsed) return `{${refused(line, parsed.why)}}`
  const { reason, message } = parsed.object
  if (typeof message !== 'string') {
    const what = message === undefined ? 'it is missing' : `found ${found(message)}`
    return withMembers(text, parsed.object, refused(line, `"message" must be a string; ${what}`))
  }
  return withMembers(text, parsed.object, answer(typeof reason === 'string' ? reason : '', message))
}
