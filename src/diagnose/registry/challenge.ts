/** One way of proving who asks, as a WWW-Authenticate header offers it. */
export interface Challenge {
  /** Lower case, e.g. `bearer`. */
  readonly scheme: string
  /** By lower-case name. */
  readonly params: Readonly<Record<string, string>>
}

const MAX_HEADER = 8_192
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const PARAM = /[!#$%&'*+.^_`|~0-9A-Za-z-]+(?=[ \t]*=)/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/y
const BARE = /[^\s,"]*/y

/**
 * Challenges of a WWW-Authenticate header, first to last (RFC 9110, 11.6.1): several in one header, quoted commas,
 * odd spaces and missing quotes included. What is no challenge is passed over. Never throws.
 */
export const parseChallenges = (header: string | readonly string[] | undefined): readonly Challenge[] => {
  const text = (typeof header === 'string' ? header : (header ?? []).join(', ')).slice(0, MAX_HEADER)
  const found: { scheme: string; params: Record<string, string> }[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match !== null) at = pattern.lastIndex
    return match
  }
  const skip = (pattern: RegExp) => void take(pattern)
  while (at < text.length) {
    skip(/[\s,]*/y)
    const name = found.length > 0 ? take(PARAM) : null
    if (name !== null) {
      skip(/[ \t]*=[ \t]*/y)
      const quoted = take(QUOTED)
      const value = quoted?.[1]?.replace(/\\(.)/g, '$1') ?? take(BARE)?.[0] ?? ''
      const current = found.at(-1)
      if (current) current.params[name[0].toLowerCase()] ??= value
      continue
    }
    const scheme = take(TOKEN)
    if (scheme === null) at += 1
    else found.push({ scheme: scheme[0].toLowerCase(), params: {} })
  }
  return found
}
