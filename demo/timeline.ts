/** The demo's time line: lines of text, or JSON lines. */
import { createPaint, type Paint } from '../src/cli/terminal.ts'

export type Who = 'demo' | 'you' | 'kubelet' | 'podmend' | 'registry'

export interface Entry {
  readonly who: Who
  /** One word: a phase, a reason, or a step of the demo. */
  readonly what: string
  /** `namespace/name` of the workload concerned. */
  readonly about?: string
  readonly text: string
  /** Only in JSON lines. */
  readonly data?: Readonly<Record<string, unknown>>
  readonly mood?: 'good' | 'bad'
}

export interface Timeline {
  say(entry: Entry): void
  /** Starts counting seconds; only the first call has an effect. */
  failureBegan(): void
  /** Shows this with the elapsed time on a terminal until the next entry. */
  waitFor(what: string | undefined): void
  /** Prints text as it is; nothing with JSON lines. */
  print(text: string): void
  /** From ms since the epoch to seconds since the first failure. */
  secondsAt(at: number): number
  close(): void
}

export interface TimelineOptions {
  readonly json: boolean
  readonly out: { write(text: string): unknown; readonly isTTY?: boolean }
  /** Whether the terminal shows colours and lines that are overwritten. */
  readonly colour: boolean
  readonly now?: () => number
}

const WIDTH = 100
const TIME = 7
const WHO = 10
const INDENT = TIME + 2 + WHO

/** Wraps text at spaces; breaks a word that is longer than a line. */
export const wrapped = (text: string, width: number): string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter(Boolean)) {
    let rest = word
    if (line !== '' && line.length + 1 + rest.length > width) {
      lines.push(line)
      line = ''
    }
    while (rest.length > width) {
      lines.push(rest.slice(0, width))
      rest = rest.slice(width)
    }
    line = line === '' ? rest : `${line} ${rest}`
  }
  return line === '' ? lines : [...lines, line]
}

const painterOf = (paint: Paint, { who, mood }: Entry): ((text: string) => string) => {
  if (mood === 'good') return paint.green
  if (mood === 'bad') return paint.red
  if (who === 'you') return paint.bold
  if (who === 'podmend') return paint.cyan
  return who === 'registry' ? paint.yellow : paint.dim
}

/** An entry as lines of at most 100 columns, colour codes not counted. Pure. */
export const entryText = (entry: Entry, seconds: number | undefined, paint: Paint): string => {
  const { who, about, text } = entry
  const time = (seconds === undefined ? '' : `${seconds.toFixed(1)}s`).padStart(TIME)
  const [first = '', ...rest] = wrapped(about === undefined ? text : `${about}: ${text}`, WIDTH - INDENT)
  const lines = [`${paint.dim(time)}  ${painterOf(paint, entry)(who.padEnd(WHO))}${first}`]
  return [...lines, ...rest.map((line) => `${' '.repeat(INDENT)}${line}`)].join('\n')
}

const CLEAR = '\r\u001b[2K'

export const createTimeline = ({ json, out, colour, now = Date.now }: TimelineOptions): Timeline => {
  const paint = createPaint(colour)
  const live = colour && !json
  let zero: number | undefined
  let waiting: string | undefined
  const seconds = (): number | undefined => (zero === undefined ? undefined : (now() - zero) / 1000)

  const tick = (): void => {
    const at = seconds()
    if (waiting === undefined || at === undefined) return
    const text = `${`${at.toFixed(0)}s`.padStart(TIME)}  … ${waiting}`
    out.write(`${CLEAR}${paint.dim(text.slice(0, WIDTH - 1))}`)
  }
  const timer = live ? setInterval(tick, 500) : undefined
  timer?.unref()
  const write = (text: string): void => void out.write(`${live ? CLEAR : ''}${text}\n`)

  return {
    say: (entry) => {
      const at = seconds()
      if (!json) return write(entryText(entry, at, paint))
      const { mood: _, data, ...fields } = entry
      const rounded = at === undefined ? null : Math.round(at * 1000) / 1000
      write(JSON.stringify({ time: new Date(now()).toISOString(), seconds: rounded, ...fields, ...data }))
    },
    failureBegan: () => {
      zero ??= now()
    },
    waitFor: (what) => {
      waiting = what
    },
    print: (text) => {
      if (!json) write(text)
    },
    secondsAt: (at) => (at - (zero ?? at)) / 1000,
    close: () => {
      clearInterval(timer)
      if (live) out.write(CLEAR)
    },
  }
}
