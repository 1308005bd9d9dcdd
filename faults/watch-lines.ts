/** Faults of a watch, played on its lines. */
import { createInterface } from 'node:readline'
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface WatchStream {
  /** Passes a line on. */
  write(line: string): void
  /** Passes bytes on that are no whole line. */
  writeRaw(text: string): void
  /** Ends the answer as the API server does. */
  end(): void
  /** Cuts the connection. */
  cut(): void
}

/** Is given each line of one watch, from 1, instead of the client. */
export type LineFault = (line: string, at: number, stream: WatchStream) => void

/** Plays a fault on one watch; resolves when the watch is over. */
export const followLines = (answer: IncomingMessage, response: ServerResponse, fault: LineFault): Promise<void> =>
  new Promise((resolve) => {
    const stream: WatchStream = {
      write: (line) => void response.write(`${line}\n`),
      writeRaw: (text) => void response.write(text),
      end: () => {
        response.end()
        answer.destroy()
      },
      cut: () => {
        response.socket?.destroy()
        answer.destroy()
      },
    }
    let count = 0
    const lines = createInterface(answer)
    lines.on('line', (line) => {
      count += 1
      if (!response.destroyed) fault(line, count, stream)
    })
    lines.once('close', () => {
      response.end()
      resolve()
    })
    lines.once('error', () => resolve())
  })
