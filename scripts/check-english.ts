/**
 * Refuses phrases that a tired reader stumbles over, and terms that this project has replaced, in documents, in the chart and in the
 * strings of the programs. `npm run check:english` checks all of it; with paths, those files alone.
 */
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

type Rule = Readonly<{ phrase: RegExp; instead: string }>
export type Finding = Readonly<{ path: string; line: number; phrase: string; instead: string }>
/** A piece of text that a person reads, and the line on which it begins. */
type Prose = Readonly<{ text: string; line: number }>

const rule = (phrase: string, instead: string): Rule => ({
  phrase: new RegExp(`(?<![\\w-])(?:${phrase})(?![\\w-])`, 'gi'),
  instead,
})

/** What people read, and what to write in its place. A space in a phrase also matches a line break. */
const RULES: readonly Rule[] = [
  rule('somebody(?: else)?', 'who it is: a person, another user, a program; or the imperative'),
  rule('nobody', '“no one”, or the passive: “the plan was not decided in time”'),
  rule('anybody', '“anyone”, “anonymous”: “anonymous pull is denied”'),
  rule('(?:is|are) told', '“is set”, “is shown”, “is reported”; or say who does it'),
  rule('for good', '“permanently”; as a label “permanent fix”'),
  rule('answers to', '“matches”'),
  rule('stands? in', '“is in”, “is recorded in”'),
  rule('stand-ins?', '“fake”'),
  rule('l(?:ies|ie) with', '“is caused by”, “is a fault of”'),
  rule('made? anew|makes? (?:it|them) anew', '“recreated”, “recreates it”'),
  rule('asked anew', '“asked again”, “requested again”'),
  rule('looks? again', '“checks again”, “retries”'),
  rule('(?:is|was|are|were) under way', '“in progress”'),
  rule('(?:is|was|are|were) turned down', '“rejected”'),
  rule('housekeeping', '“garbage collection”'),
  rule('--settle-for', '--stabilization-window'),
  rule('--refuse-action', '--disable-action'),
  rule('nextLook', 'nextCheckTime'),
  rule('NotUnderstood', 'InvalidSpec'),
  rule('SameFailures', 'OverlappingMatch'),
  rule('LookingAgain', 'StaleRead'),
  rule('WaitingForProof', 'Verifying'),
]

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=[(,=:[!&|?{};]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+\/\w*|[`{}]/g

/** The string and template literals of TypeScript, without comments, patterns and the keys of objects. */
export const stringsIn = (code: string): readonly Prose[] => {
  const found: Prose[] = []
  /** Open braces: true where the brace is that of `${` in a template. */
  const braces: boolean[] = []
  const push = (text: string, at: number): void => {
    found.push({ text, line: code.slice(0, at).split('\n').length })
  }
  /** Reads on in a template from `from`; gives where code begins again. */
  const template = (from: number): number => {
    let at = from
    while (at < code.length && code[at] !== '`' && !code.startsWith('${', at)) at += code[at] === '\\' ? 2 : 1
    push(code.slice(from, at), from)
    if (code[at] !== '$') return at + 1
    braces.push(true)
    return at + 2
  }
  TOKEN.lastIndex = 0
  for (let hit = TOKEN.exec(code); hit; hit = TOKEN.exec(code)) {
    const [token] = hit
    if (token === '`') TOKEN.lastIndex = template(TOKEN.lastIndex)
    else if (token === '{') braces.push(false)
    else if (token === '}') {
      if (braces.pop() === true) TOKEN.lastIndex = template(TOKEN.lastIndex)
    } else if (token[0] === "'" || token[0] === '"') {
      const key = /[{,]\s*$/.test(code.slice(0, hit.index)) && /^\s*:/.test(code.slice(TOKEN.lastIndex))
      if (!key) push(token.slice(1, -1), hit.index)
    }
  }
  return found
}

/** Blanks parts of a text and keeps its lines. */
const without = (text: string, part: RegExp): string => text.replace(part, (match) => match.replace(/[^\n]/g, ' '))

/** A document without screens and tables that programs print: their words are checked where the programs have them. */
const proseOf = (path: string, text: string): readonly Prose[] => {
  if (path.endsWith('.ts')) {
    // What other programs say is quoted as they say it.
    const ours = path.includes('catalogue/rows/')
      ? without(text, /\b(?:sample|all|not|any|source):[\s\S]*?\n {4}(?=\w)/g)
      : text
    return stringsIn(ours)
  }
  if (!path.endsWith('.md')) return [{ text, line: 1 }]
  const fenced = without(text, /^( *)```[\s\S]*?^\1```/gm)
  return [{ text: without(fenced, /<!-- generated: [\s\S]*?<!-- \/generated -->/g), line: 1 }]
}

export const check = (path: string, text: string): readonly Finding[] =>
  proseOf(path, text).flatMap((prose) =>
    RULES.flatMap(({ phrase, instead }) => {
      const spaced = new RegExp(phrase.source.replaceAll(' ', '\\s+'), phrase.flags)
      return [...prose.text.matchAll(spaced)].map((match) => ({
        path,
        line: prose.line + prose.text.slice(0, match.index).split('\n').length - 1,
        phrase: match[0].replace(/\s+/g, ' '),
        instead,
      }))
    }),
  )

/** Everything that a person reads. Files that are written by a program repeat its strings, which are checked there. */
const EVERYTHING = [
  '*.md',
  'docs/**/*.md',
  'examples/**/*.yaml',
  'charts/**/*.{yaml,tpl,txt}',
  'src/**/*.ts',
  'demo/**/*.ts',
  'scripts/generate/**/*.ts',
]
const EXCLUDED = /\.test\.ts$|^charts\/[^/]+\/(?:files\/|templates\/rights\/roles\.yaml)|^docs\/benchmarks\.md$/

/** A file, or all files below a folder that people read. */
const filesBelow = (absolute: string, path: string): readonly string[] =>
  statSync(absolute).isDirectory()
    ? globSync('**/*.{md,yaml,tpl,txt,ts}', { cwd: absolute }).map((below) => join(path, below))
    : [path]

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const given = process.argv.slice(2)
  const paths = (
    given.length > 0 ? given.flatMap((path) => filesBelow(join(root, path), path)) : globSync(EVERYTHING, { cwd: root })
  ).filter((path) => !EXCLUDED.test(path))
  const findings = paths.toSorted().flatMap((path) => check(path, readFileSync(join(root, path), 'utf8')))
  for (const { path, line, phrase, instead } of findings) {
    console.error(`${path}:${line}: found “${phrase}”, expected ${instead}`)
  }
  console.log(`${paths.length} files, ${findings.length} phrases to rewrite.`)
  if (findings.length > 0) process.exitCode = 1
}
