/** One line of input. */
export interface Line {
  /** From 1. */
  readonly number: number
  /** Without its end (LF or CRLF); cut at `MAX_LINE` bytes. */
  readonly text: string
  /** Whether it was cut. */
  readonly cut: boolean
}

/** No failure message comes near it: a line without end must not fill the memory. */
export const MAX_LINE = 4 * 2 ** 20
const [LF, CR] = [10, 13]

/**
 * Lines of one chunk after another, blank ones too, the last also where its end is missing; in batches, one a chunk,
 * so that whoever answers can write as often as there was something to read.
 */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[], void, undefined> {
  let pieces: Uint8Array[] = []
  let kept = 0
  let cut = false
  let number = 0

  const keep = (piece: Uint8Array): void => {
    const fitting = piece.subarray(0, MAX_LINE - kept)
    if (fitting.length < piece.length) cut = true
    if (fitting.length > 0) pieces.push(fitting)
    kept += fitting.length
  }
  const finish = (): Line => {
    const bytes = Buffer.concat(pieces, kept)
    const text = bytes.toString('utf8', 0, bytes.at(-1) === CR ? kept - 1 : kept)
    number += 1
    const line = { number, text: number === 1 ? text.replace(/^\uFEFF/, '') : text, cut }
    pieces = []
    kept = 0
    cut = false
    return line
  }

  for await (const chunk of input) {
    const lines: Line[] = []
    let from = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, from)) {
      keep(chunk.subarray(from, end))
      lines.push(finish())
      from = end + 1
    }
    // A copy: the stream may use the chunk's memory again.
    if (from < chunk.length) keep(Buffer.from(chunk.subarray(from)))
    if (lines.length > 0) yield lines
  }
  if (kept > 0) yield [finish()]
}
