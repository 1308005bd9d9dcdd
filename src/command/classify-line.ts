import { classify } from '../catalogue/classify.ts'
import { type Line, MAX_LINE } from './input-lines.ts'

const answer = (reason: string, message: string): string => {
  const { cause, row } = classify({ reason, message })
  return `"cause":${JSON.stringify(cause)},"row":${JSON.stringify(row ?? null)}`
}

const refused = ({ number }: Line, why: string): string =>
  `"cause":"Unknown","row":null,"error":${JSON.stringify(`line ${number}: ${why}`)}`

/**
 * The object with members added at its end. What stood there is copied as it was written (numbers beyond 2^53
 * included), unless it already has one of these names: then ours takes its place.
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
    const said = error instanceof Error ? error.message.replace(/ \(line 1 column \d+\)$/, '') : 'it cannot be parsed'
    return { why: `not JSON: ${said}` }
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
