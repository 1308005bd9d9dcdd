/**
 * User-provided patterns: RE2 regular expressions and image globs. Matching takes time linear in the text,
 * whatever the pattern; length, program and text are bounded, so that one policy cannot slow the others down.
 * Syntax: github.com/google/re2/wiki/Syntax
 */
import { RE2JS } from 're2js'

/** Longest pattern, glob or replacement, in characters. */
const MAX_SOURCE = 512
/** Largest compiled program, in instructions: matching costs at most text × program. Any literal of full length fits. */
const MAX_PROGRAM = 520
/** Longest text that is matched, in characters; the rest is ignored. */
const MAX_TEXT = 4096

export interface Pattern {
  readonly ok: true
  readonly source: string
  /** Whether the pattern occurs anywhere in the text. `^` and `$` are its beginning and end, `.` is not a newline. */
  readonly test: (text: string) => boolean
  /** The first match and its groups, `undefined` for groups that took no part; undefined without a match. */
  readonly exec: (text: string) => readonly (string | undefined)[] | undefined
  /** A replacement for the first match; see {@link compileReplacement}. */
  readonly replacement: (template: string) => Replacement | Refusal
}

export interface Replacement {
  readonly ok: true
  /** The text with the first match replaced; undefined where the pattern does not match. */
  readonly replace: (text: string) => string | undefined
}

export interface Glob {
  readonly ok: true
  readonly source: string
  /** Whether the glob covers the whole text. */
  readonly test: (text: string) => boolean
}

/** Why a source is invalid: a sentence for its author. */
export interface Refusal {
  readonly ok: false
  readonly sentence: string
}

const refused = (what: string, source: string, why: string): Refusal => {
  const shown = source.length > 60 ? `${source.slice(0, 60)}…` : source
  return { ok: false, sentence: `${what} ${JSON.stringify(shown)} cannot be used: ${why}` }
}

const tooLong = (source: string): string | undefined =>
  source.length > MAX_SOURCE ? `it has ${source.length} characters, at most ${MAX_SOURCE} are allowed` : undefined

/** Common syntax of other dialects, with a hint for each. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/\(\?<?[=!]/, 'RE2 has no look-ahead and no look-behind; match the text itself, or use message.exclude'],
  [/\\[1-9]|\\k[<{']|\(\?P=/, 'RE2 has no back references'],
  [/\(\?>/, 'RE2 has no atomic groups; leave out "?>", RE2 never backtracks'],
  [/[*+?}]\+/, 'RE2 has no possessive quantifiers; leave out the second "+", RE2 never backtracks'],
  [/\\Z/, 'RE2 writes the end of the text as "\\z"'],
  [/\(\?(?:\(|R|&|\d)/, 'RE2 has no conditions and no recursion'],
  [/\(\?#/, 'RE2 has no comments in patterns'],
]

const sentenceOf = (source: string, error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const detail = text.replace(/^error parsing regexp: /, '')
  const unescaped = source.replaceAll('\\\\', '')
  const foreign = FOREIGN.find(([form]) => form.test(unescaped))
  return foreign ? `${foreign[1]} (${detail})` : detail
}

/** Compiles an RE2 pattern. Never throws: returns a sentence if RE2 does not support it. */
export const compilePattern = (source: string): Pattern | Refusal => {
  const long = tooLong(source)
  if (long !== undefined) return refused('pattern', source, long)
  let re: RE2JS
  try {
    re = RE2JS.compile(source)
  } catch (error) {
    return refused('pattern', source, sentenceOf(source, error))
  }
  if (re.programSize() > MAX_PROGRAM) {
    return refused('pattern', source, `it is too large once compiled; use fewer or smaller repetitions such as {1,100}`)
  }
  return {
    ok: true,
    source,
    test: (text) => re.test(bounded(text)),
    exec: (text) => (re.exec(bounded(text)) as RegExpExecArray | null) ?? undefined,
    replacement: (template) => compileReplacement(re, template),
  }
}

const bounded = (text: string): string => (text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text)

/** Part of a replacement: text as it is, or the group of that number. */
type Piece = string | number

const REFERENCE = /\$\$|\\\\|\$\{(\w{1,64})\}|\$(\d{1,2})|\\(\d)|[$\\]/g

/**
 * Compiles a replacement. `$1` or `\1` is the first group, `${1}` the same before a digit, `${name}` a named group,
 * `$0` the whole match; `$$` is a dollar sign, `\\` a backslash. A group that the pattern lacks is refused here,
 * so a rule never writes half an image. Groups that took no part in the match are empty.
 */
const compileReplacement = (re: RE2JS, template: string): Replacement | Refusal => {
  const long = tooLong(template)
  if (long !== undefined) return refused('replacement', template, long)
  const names = re.namedGroups()
  const groups = re.groupCount()
  const pieces: Piece[] = []
  let at = 0
  for (const match of template.matchAll(REFERENCE)) {
    pieces.push(template.slice(at, match.index))
    at = match.index + match[0].length
    if (match[0] === '$$' || match[0] === '\\\\') {
      pieces.push(match[0].slice(1))
      continue
    }
    const name = match[1] ?? match[2] ?? match[3]
    if (name === undefined) {
      return refused(
        'replacement',
        template,
        `"${match[0]}" must be followed by a group; write "${match[0].repeat(2)}"`,
      )
    }
    const group = /^\d+$/.test(name) ? Number(name) : Object.hasOwn(names, name) ? names[name] : undefined
    if (group === undefined || group > groups) {
      return refused('replacement', template, `the pattern has no group "${name}"`)
    }
    pieces.push(group)
  }
  pieces.push(template.slice(at))
  return {
    ok: true,
    replace: (text) => {
      const match = text.length > MAX_TEXT ? null : (re.exec(text) as RegExpExecArray | null)
      if (!match) return undefined
      const filled = pieces.map((piece) => (typeof piece === 'string' ? piece : (match[piece] ?? ''))).join('')
      return text.slice(0, match.index) + filled + text.slice(match.index + (match[0] ?? '').length)
    },
  }
}

/**
 * Compiles a glob on image references: `*` matches any characters, including `/` and none; `?` matches exactly one; others match themselves.
 * The whole text must be covered. Greedy with one point of return, so the cost is at most text × glob.
 */
export const compileGlob = (source: string): Glob | Refusal => {
  const long = tooLong(source)
  if (long !== undefined) return refused('glob', source, long)
  if (source === '') return refused('glob', source, 'it is empty; "*" matches any image')
  const glob = source.replace(/\*+/g, '*')
  return { ok: true, source, test: (text) => covers(glob, text) }
}

const covers = (glob: string, text: string): boolean => {
  if (text.length > MAX_TEXT) return false
  let g = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++
      resume = t
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++
      t++
    } else if (star >= 0) {
      g = star + 1
      t = ++resume
    } else {
      return false
    }
  }
  return g === glob.length || (g === glob.length - 1 && glob[g] === '*')
}
