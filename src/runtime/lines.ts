import type { Readable } from 'node:stream'

const NEWLINE = 10

const isPrematureClose = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'

/**
 * Lines of a response body as they arrive; a last line without end is given too. Throws when the connection breaks or
 * a line is longer than `maxBytes`; ends quietly when the reader closed the stream itself.
 */
export async function* splitLines(body: Readable, maxBytes: number): AsyncGenerator<string, void, undefined> {
  let rest: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      let from = 0
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
        const piece = chunk.subarray(from, end)
        const line = rest.length === 0 ? piece : Buffer.concat([...rest, piece])
        rest = []
        size = 0
        from = end + 1
        if (line.length > 0) yield line.toString('utf8')
      }
      if (from < chunk.length) {
        rest.push(chunk.subarray(from))
        size += chunk.length - from
        if (size > maxBytes) throw new Error(`a line of more than ${maxBytes} bytes`)
      }
    }
  } catch (error) {
    // Destroyed without an error: the reader closed it.
    if (!(body.destroyed && body.errored === null && isPrematureClose(error))) throw error
    return
  } finally {
    body.destroy()
  }
  if (size > 0) yield Buffer.concat(rest).toString('utf8')
}
