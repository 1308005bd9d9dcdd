import { describe, expect, it } from 'vitest'
import { normalise } from './matcher.ts'

describe('the normal form', () => {
  it.each([
    ['lower case', 'Back-Off', 'back-off'],
    ['the mark of aggregation', '(combined from similar events): Failed', 'failed'],
    ['kubelet\'s "Error: "', 'Error: secret "a" not found', 'secret "a" not found'],
    ['both', '(combined from similar events): Error: x', 'x'],
    ['gRPC wrapping at any depth', 'a: rpc error: code = Unknown desc = b: rpc error: code = 2 desc = c', 'a: b: c'],
    ['escaped quotes', 'a \\"b\\" \\\\\\"c\\\\\\"', 'a "b" "c"'],
    ['escaped line ends', 'a\\nb\\\\nc', 'a b c'],
    ['lines and runs of spaces', 'a\n\t  b\r\nc\u00a0\u2003d', 'a b c d'],
    ['curly quotes', '\u2018a\u2019 \u201cb\u201d', '\'a\' "b"'],
    ['control characters', 'a\u0000\u001bb', 'a b'],
    ['what stands around it', '  a  ', 'a'],
    ['other letters are kept', 'ÜBER 漢字', 'über 漢字'],
  ])('%s', (_, message, text) => {
    expect(normalise(message).text).toBe(text)
  })

  it('keeps the codes of the wrapping, outermost first', () => {
    const message = 'x: rpc error: code = Internal desc = y: rpc error: code = NotFound desc = z'
    expect(normalise(message).codes).toEqual(['internal', 'notfound'])
  })

  it('looks at 4 KiB and no more', () => {
    expect(normalise('a'.repeat(1_000_000)).text).toHaveLength(4096)
  })

  it('comes out the same when done twice', () => {
    const once = normalise('(combined from similar events): Error: a \\\\"b\\\\"  rpc error: code = X desc = c').text
    expect(normalise(once).text).toBe(once)
  })
})
