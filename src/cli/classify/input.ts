/** One line of input. */
export interface Line {
  /** From 1. */
  readonly number: number
  /** Without its end (LF or CRLF); cut at `MAX_LINE` bytes. */
  readonly text: string
  /** Whether it was cut. */
  readonly cut: boolean
}

/** No failure message comes near it: a line without end must not fill the memory. */
export const MAX_LINE = 4 * 2 ** 20
const [LF, CR] = [10, 13]

/**
 * Lines of one chunk after another, blank ones too, the last also where its end is missing; in batches, one a chunk,
 * so that results can be written as soon as a chunk was read.
 */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[], void, undefined> {
  let pieces: Uint8Array[] = []
  let kept = 0
  let cut = false
  let number = 0

  const keep = (piece: Uint8Array): void => {
    const fitting = piece.subarray(0, MAX_LINE - kept)
    if (fitting.length < piece.length) cut = true
    if (fitting.length > 0) pieces.push(fitting)
    kept += fitting.length
  }
  const finish = (): Line => {
    const bytes = Buffer.concat(pieces, kept)
    const text = bytes.toString('utf8', 0, bytes.at(-1) === CR ? kept - 1 : kept)
    number += 1
    const line = { number, text: number === 1 ? text.replace(/^\uFEFF/, '') : text, cut }
    pieces = []
    kept = 0
    cut = false
    return line
  }

  for await (const chunk of input) {
    const lines: Line[] = []
    let from = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, from)) {
      keep(chunk.subarray(from, end))
      lines.push(finish())
      from = end + 1
    }
    // A copy: the stream may use the chunk's memory again.
    if (from < chunk.length) keep(Buffer.from(chunk.subarray(from)))
    if (lines.length > 0) yield lines
  }
  if (kept > 0) yield [finish()]
}

/** Messages in the output of `kubectl get events -o json` or `kubectl describe pod`. Pure. */

export interface FailureMessage {
  readonly reason: string
  readonly message: string
}

export type KubectlOutput = 'Json' | 'Describe'

/** Detects the format from the first line: JSON lines never contain a lone brace, and only a description begins with a name. */
export const kubectlOutputAs = (first: string): KubectlOutput | undefined =>
  first.trim() === '{' ? 'Json' : /^Name: +\S/.test(first) ? 'Describe' : undefined

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

interface EventLike {
  readonly reason?: unknown
  readonly message?: unknown
  readonly note?: unknown
}

/** Reason and message of each object of a list, or of one; a message is a `note` in events.k8s.io. Throws on what is no JSON. */
export const messagesInJson = (text: string): readonly FailureMessage[] => {
  const value = JSON.parse(text) as { readonly items?: unknown } | null
  const items = Array.isArray(value?.items)
    ? (value.items as readonly (EventLike | null)[])
    : [value as EventLike | null]
  return items.map((item) => ({ reason: textOf(item?.reason), message: textOf(item?.message ?? item?.note) }))
}

/** `  Warning  Failed  5m (x2 over 8m)  kubelet  Failed to pull …`: columns are two spaces or more apart. */
const ROW = /^ {2,}(?:Normal|Warning) +(?<reason>\S+) +\S.*?(?: {2,})\S.*?(?: {2,})(?<message>\S.*)$/
/** `      Reason:       OOMKilled`, in the state of a container. */
const STATE = /^ +(?<label>Reason|Message): +(?<text>\S.*)$/

/** The failures of the containers in a description, then its Events; joins the lines of longer messages. */
export const messagesInDescription = (lines: readonly string[]): readonly FailureMessage[] => {
  const from = lines.findIndex((line) => line.startsWith('Events:'))
  const states: { reason: string; message: string }[] = []
  for (const line of from < 0 ? lines : lines.slice(0, from)) {
    const { label, text = '' } = STATE.exec(line)?.groups ?? {}
    if (label === 'Reason') states.push({ reason: text.trim(), message: '' })
    const last = states.at(-1)
    if (label === 'Message' && last?.message === '') last.message = text.trim()
  }
  const events: { reason: string; message: string }[] = []
  for (const line of from < 0 ? [] : lines.slice(from + 1)) {
    const { reason, message = '' } = ROW.exec(line)?.groups ?? {}
    const last = events.at(-1)
    if (reason !== undefined) events.push({ reason, message })
    else if (last && line.trim() !== '') last.message += `\n${line.trim()}`
  }
  return [...states, ...events]
}
