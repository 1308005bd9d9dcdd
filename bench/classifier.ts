/** P11: how fast messages are classified, compared with a loop over the same rows; and the slowest pattern that a policy may have. */
import { readFileSync } from 'node:fs'
import { admitPolicy } from '../src/api/policy/compile.ts'
import { classify } from '../src/catalogue/classify.ts'
import type { Piece } from '../src/catalogue/row.ts'
import { ROWS } from '../src/catalogue/rows.ts'
import { compilePattern } from '../src/model/pattern.ts'
import { patternPolicy } from './objects.ts'
import type { P11 } from './results.ts'

export const POLICIES = 400
const FOR_MS = 3_000
const LONGEST_TEXT = 4_096

interface Message {
  readonly reason: string
  readonly message: string
}

/** The samples of the rows and the held-out messages: short and long, known and unknown. */
const messages = (): readonly Message[] => {
  const file = new URL('../src/catalogue/testdata/held-out.jsonl', import.meta.url)
  const lines = readFileSync(file, 'utf8').split('\n')
  return [
    ...ROWS.map(({ sample }) => sample),
    ...lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Message),
  ]
}

/** Messages per second, over whole passes that together take at least `FOR_MS`. */
const rate = (all: readonly Message[], answer: (message: Message) => unknown): number => {
  for (const message of all) answer(message)
  const began = performance.now()
  let done = 0
  do {
    for (const message of all) answer(message)
    done += all.length
  } while (performance.now() - began < FOR_MS)
  return (done * 1_000) / (performance.now() - began)
}

/** The simplest implementation: tries one row after the other, with JavaScript's own regular expressions. */
const loop = (): ((message: Message) => unknown) => {
  const has = (piece: Piece) => {
    if (typeof piece === 'string') return (text: string) => text.includes(piece)
    const pattern = new RegExp(piece.re)
    return (text: string) => pattern.test(text)
  }
  const rows = ROWS.map(({ cause, all = [], any = [], not = [] }) => ({
    cause,
    all: all.map(has),
    any: any.map(has),
    not: not.map(has),
  }))
  return ({ message }) => {
    const text = message.toLowerCase()
    return rows.find(
      ({ all, any, not }) =>
        all.every((fits) => fits(text)) &&
        (any.length === 0 || any.some((fits) => fits(text))) &&
        !not.some((fits) => fits(text)),
    )?.cause
  }
}

/** Policies with a pattern of their own each. */
const policies = () =>
  Array.from({ length: POLICIES }, (_, i) => {
    const { metadata, ...rest } = patternPolicy(i)
    const admission = admitPolicy({ ...rest, metadata: { ...metadata, uid: `u-${i}`, resourceVersion: '1' } } as never)
    if (!admission.ok) throw new Error(admission.sentences.join('; '))
    return admission.policy
  })

/** Patterns that are hard for some engine, as large as a policy may have them. */
const HARD = [
  '(a|b|ab)*c',
  '(.*)(.*)(.*)(.*)(.*)x$',
  '(a?){60}a{60}',
  '[ab]*a[ab]{120}x',
  '(\\w+\\s?)*!',
  '\\b(\\w+)\\b.*(\\w+).*\\d{3}$',
  '([a-z ]*a){10}[0-9]',
]
const TEXTS = ['ab', 'a', 'word '].map((part) => part.repeat(LONGEST_TEXT).slice(0, LONGEST_TEXT))

/** Compiles the pattern for each text: what an engine caches from an earlier match must not help it. */
const slowest = (): P11['slowest'] => {
  const timed = (source: string, text: string): readonly P11['slowest'][] => {
    const pattern = compilePattern(source)
    if (!pattern.ok) return []
    const began = performance.now()
    pattern.test(text)
    return [{ source, ms: performance.now() - began }]
  }
  const all = () => HARD.flatMap((source) => TEXTS.flatMap((text) => timed(source, text)))
  all()
  const [worst] = all().toSorted((a, b) => b.ms - a.ms)
  if (!worst) throw new Error('none of the patterns is admitted')
  return worst
}

export const classifierOf = (): Omit<P11, 'pods' | 'sync'> => {
  const all = messages()
  const inForce = policies()
  const reaching = ({ message }: Message) => inForce.filter(({ matches }) => matches.message(message)).length
  return {
    messages: all.length,
    rows: ROWS.length,
    classified: rate(all, classify),
    loop: rate(all, loop()),
    policies: POLICIES,
    matched: rate(all, reaching),
    slowest: slowest(),
  }
}
