/** Says how a long piece of work goes: one line that renews itself on a terminal, a line now and then in a log. */
export interface Progress {
  /** The latest word; shown at once on a terminal, at the next interval in a log. */
  update(text: string): void
  /** A line that stays. */
  line(text: string): void
  end(): void
}

const LOG_EVERY_MS = 10_000
const TERMINAL_EVERY_MS = 200

const elapsed = (since: number): string => {
  const seconds = Math.floor((Date.now() - since) / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
}

/** Writes to stderr, so that stdout stays a program's result. */
export const showProgress = (subject: string, out: NodeJS.WriteStream = process.stderr): Progress => {
  const started = Date.now()
  const terminal = out.isTTY === true && !process.env['CI']
  let latest = ''
  let shown = ''
  const show = (): void => {
    if (!latest || (!terminal && latest === shown)) return
    shown = latest
    const text = `${subject}: ${latest} (${elapsed(started)})`
    out.write(terminal ? `\r\x1b[2K${text.slice(0, (out.columns || 120) - 1)}` : `${text}\n`)
  }
  const timer = setInterval(show, terminal ? TERMINAL_EVERY_MS : LOG_EVERY_MS)
  timer.unref()
  return {
    update: (text) => {
      latest = text
    },
    line: (text) => {
      out.write(`${terminal ? '\r\x1b[2K' : ''}${subject}: ${text} (${elapsed(started)})\n`)
    },
    end: () => {
      clearInterval(timer)
      if (terminal) out.write('\r\x1b[2K')
    },
  }
}
