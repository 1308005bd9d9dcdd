/** How much of a message is read or kept, in characters; Events of the old API have no limit of their own. */
export const MAX_MESSAGE = 4096

export interface NormalForm {
  /** Lower case, on one line with single spaces, without escaped quotes, gRPC wrapping and prefixes. */
  readonly text: string
  /** gRPC status codes that wrapped it, outermost first, in lower case. */
  readonly codes: readonly string[]
}

const PREFIX = /^(?:\(combined from similar events\): ?|error: )*/
/** `rpc error: code = Unknown desc = `, at any depth. Every repetition is bounded, so this is linear. */
const RPC = /rpc error: code = (\w{1,24}) desc = ?/g
/** Whatever is no visible character and no plain space: control characters and the other kinds of space. */
const BLANK = /[^\P{C}\p{Cs}\p{Cn}]|[\t-\r\u00a0\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu
/** Dockershim's clean-up after a failure, which fails as well: its message is a consequence, not the cause. */
const CLEAN_UP = /, failed to clean up sandbox container .*$/
const CURLY = /[\u2018\u2019\u201c\u201d]/g

/** Brings a message into the form that rows are written for. Any input, any size: the cost is bounded by 4 KiB. */
export const normalise = (message: string): NormalForm => {
  const codes: string[] = []
  const text = unescape(message.slice(0, MAX_MESSAGE).toLowerCase().replace(PREFIX, ''))
    .replace(CURLY, (char) => (char < '\u201c' ? "'" : '"'))
    .replace(BLANK, ' ')
    .replace(/ {2,}/g, ' ')
    .replace(CLEAN_UP, '')
    .replace(RPC, (_, code: string) => {
      codes.push(code)
      return ''
    })
    .trim()
  return { text, codes }
}

/** Nested errors quote one another: `\"`, `\\\"` and `\\\\\\\"` are all a quote, `\n` and `\\n` a line's end. */
const unescape = (text: string): string =>
  text.includes('\\')
    ? text
        .replace(/\\{2,}/g, '\\')
        .replace(/\\["'nrt]/g, (pair) => (pair === '\\"' || pair === "\\'" ? pair.slice(1) : ' '))
    : text
