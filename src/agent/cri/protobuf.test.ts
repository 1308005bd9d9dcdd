import { describe, expect, test } from 'vitest'
import { allOf, field, numberField, numberOf, readFields, textOf } from './protobuf.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('a protobuf message', () => {
  // From the documentation of the encoding: field 1 = 150; field 2 = "testing".
  test.each([
    ['a number', numberField(1, 150), '08 96 01'],
    ['a string', field(2, 'testing'), '12 07 74657374696e67'],
    ['a message within', field(3, numberField(1, 150)), '1a 03 08 96 01'],
    ['a field of two bytes of tag', field(16, 'a'), '82 01 01 61'],
    ['a long string', field(1, 'x'.repeat(300)), `0a ac 02 ${'78'.repeat(300)}`],
  ])('with %s is written as the format says', (_, written, expected) => {
    expect(written.toString('hex')).toBe(hex(expected).toString('hex'))
  })

  test('is read by the numbers of its fields, in whatever order they come, and what is not known is left out', () => {
    const fields = readFields(
      Buffer.concat([
        hex('09 0102030405060708'), // 64 bits
        field(2, 'b'),
        hex('1d 01020304'), // 32 bits
        numberField(3, 2 ** 40),
        field(2, 'ä'),
        field(900, 'later'),
      ]),
    )
    expect(textOf(fields, 2)).toBe('ä')
    expect(allOf(fields, 2)).toHaveLength(2)
    expect(numberOf(fields, 3)).toBe(2 ** 40)
    expect([textOf(fields, 7), numberOf(fields, 7)]).toEqual(['', 0])
  })

  test('reads a negative number, of ten bytes, without harm', () => {
    expect(numberOf(readFields(hex('20 ffffffffffffffffff01')), 4)).toBeGreaterThan(0)
  })

  test.each([
    ['a number that ends early', '08 96'],
    ['a number of more than ten bytes', '08 ffffffffffffffffffff01'],
    ['a string that ends early', '12 07 7465'],
    ['a length of many exabytes', '12 ffffffffffffffffff01 61'],
    ['field number zero', '00 01'],
    ['a group, which is no more', '0b'],
    ['a wire type that there is not', '0f'],
  ])('with %s is refused', (_, bytes) => {
    expect(() => readFields(hex(bytes))).toThrow()
  })
})
