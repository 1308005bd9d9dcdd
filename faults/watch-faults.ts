/** The faults that are played on one watch. */
import type { Stage } from './play.ts'
import type { LineFault } from './watch-lines.ts'

interface WatchFault {
  /** Of the watch that is disturbed first; later ones of the same resource are left alone. `at`: which line, from 1. */
  readonly play: (at: number, stage: Stage) => LineFault
  /** How much later than without it the end may come, in ms. */
  readonly delayMs?: number
}

const EXPIRED = JSON.stringify({
  type: 'ERROR',
  object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410, message: 'a fault' },
})

const isBookmark = (line: string): boolean => line.startsWith('{"type":"BOOKMARK"')

/** A watch that says nothing is checked after 75 s, and its change is given some seconds. */
const SILENT_MS = 120_000

export const WATCH_FAULTS: Readonly<Record<string, WatchFault>> = {
  'cut-in-line': {
    play: (wanted) => (line, at, stream) => {
      if (at !== wanted) return stream.write(line)
      stream.writeRaw(line.slice(0, Math.floor(line.length / 2)))
      stream.cut()
    },
  },
  'ended-in-line': {
    play: (wanted) => (line, at, stream) => {
      if (at !== wanted) return stream.write(line)
      stream.writeRaw(line.slice(0, Math.floor(line.length / 2)))
      stream.end()
    },
  },
  silent: {
    delayMs: SILENT_MS,
    play: (wanted) => (line, at, stream) => {
      if (at < wanted) stream.write(line)
    },
  },
  'half-open': {
    delayMs: SILENT_MS,
    play:
      (wanted, { controllers, index }) =>
      (line, at, stream) => {
        if (at === wanted) controllers.proxies[index]?.halfOpen()
        if (at < wanted) stream.write(line)
      },
  },
  '410': {
    play: (wanted) => (line, at, stream) => {
      if (at !== wanted) return stream.write(line)
      stream.write(EXPIRED)
      stream.end()
    },
  },
  duplicated: {
    play: () => (line, _, stream) => {
      stream.write(line)
      stream.write(line)
    },
  },
  reordered: {
    play: (wanted) => {
      let kept: string | undefined
      return (line, at, stream) => {
        if (at === wanted && !isBookmark(line)) {
          kept = line
          setTimeout(() => {
            if (kept !== undefined) stream.write(kept)
            kept = undefined
          }, 1_000)
          return
        }
        stream.write(line)
        if (kept !== undefined) stream.write(kept)
        kept = undefined
      }
    },
  },
  dropped: {
    delayMs: SILENT_MS,
    play: (wanted) => (line, at, stream) => {
      if (at !== wanted || isBookmark(line)) stream.write(line)
    },
  },
  'bookmarks-only': {
    delayMs: SILENT_MS,
    play: (wanted) => (line, at, stream) => {
      if (at < wanted || isBookmark(line)) stream.write(line)
    },
  },
}
