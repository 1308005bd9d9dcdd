/** Longest message looked at, in characters; old-style events have no limit of their own. */
const MAX_MESSAGE = 4096

export interface NormalForm {
  /** Lower case, on one line with single spaces, without escaped quotes, gRPC wrapping and prefixes. */
  readonly text: string
  /** gRPC status codes that wrapped it, outermost first, in lower case. */
  readonly codes: readonly string[]
}

const PREFIX = /^(?:\(combined from similar events\): ?)?(?:error: )?/i
/** `rpc error: code = Unknown desc = `, at any depth. Every repetition is bounded, so this is linear. */
const RPC = /rpc error: code = (\w{1,24}) desc = ?/gi
/** Control characters and every kind of space. */
const BLANKS = /[\s\p{Cc}\p{Zs}]+/gu
const CURLY = /[\u2018\u2019\u201c\u201d]/g

/** Brings a message into the form that rows are written for. Any input, any size: the cost is bounded by 4 KiB. */
export const normalise = (message: string): NormalForm => {
  const codes: string[] = []
  const text = message
    .slice(0, MAX_MESSAGE)
    .replace(PREFIX, '')
    // Nested errors quote one another: \" \\\" \\\\\\\" are all a quote, \n and \\n a line's end.
    .replace(/\\+/g, '\\')
    .replace(/\\(["'nrt])/g, (_, char: string) => (char === '"' || char === "'" ? char : ' '))
    .replace(CURLY, (char) => (char < '\u201c' ? "'" : '"'))
    .replace(BLANKS, ' ')
    .replace(RPC, (_, code: string) => {
      codes.push(code.toLowerCase())
      return ''
    })
    .trim()
    .toLowerCase()
  return { text, codes }
}
