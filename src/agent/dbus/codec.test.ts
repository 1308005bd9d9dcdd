import { describe, expect, test } from 'vitest'
import { marshal, parseSignature, parseSingle, type Type, unmarshal, type Value, variant } from './codec.ts'
import { decodeMessage, encodeMessage, LONGEST_MESSAGE, messageSize } from './message.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('values of D-Bus', () => {
  // By hand from the specification, "Marshaling (Wire Format)".
  test.each<[string, readonly Value[], string]>([
    ['s', ['foo'], '03000000 666f6f 00'],
    ['ss', ['foo', '+'], '03000000 666f6f 00 01000000 2b 00'],
    ['as', [['a', 'bc']], '0f000000 01000000 61 00 0000 02000000 6263 00'],
    ['ay', [Buffer.from([1, 2, 3])], '03000000 010203'],
    ['ax', [[5n]], '08000000 00000000 0500000000000000'],
    ['yu', [7, 9], '07 000000 09000000'],
    ['b', [true], '01000000'],
    ['g', ['a{sv}'], '05 617b73767d 00'],
    ['v', [variant('u', 1)], '01 75 00 00 01000000'],
    ['a{sv}', [[['k', variant('s', 'v')]]], '12000000 00000000 01000000 6b 00 01 73 00 000000 01000000 76 00'],
    ['a(sb)', [[]], '00000000 00000000'],
    ['(yt)', [[1, 2n]], '01 00000000000000 0200000000000000'],
  ])('of signature %s are written as the specification says, and read again', (signature, values, bytes) => {
    const written = marshal(signature, values)
    expect(written.toString('hex')).toBe(hex(bytes).toString('hex'))
    expect(unmarshal(signature, written, true)).toEqual({ values, size: written.length })
  })

  test('are read in the other byte order too', () => {
    expect(unmarshal('ut', hex('00000102 00000000 0000000000000003'), false).values).toEqual([258, 3n])
  })

  test.each([
    'z',
    'a',
    '(',
    '()',
    ')',
    '(s',
    'a{sv',
    'a{s}',
    'a{vs}',
    'a{ssv}',
    '{sv}',
    'a'.repeat(33) + 'y',
    '('.repeat(33),
    'y'.repeat(256),
  ])('have no signature %s', (signature) => expect(() => parseSignature(signature)).toThrow('signature'))

  test.each<[string, Value]>([
    ['u', -1],
    ['u', 2 ** 32],
    ['u', 'one'],
    ['y', 256],
    ['s', 1],
    ['s', 'a\0b'],
    ['as', 'a'],
    ['(ss)', ['a']],
    ['v', 'a'],
    ['t', 1],
    ['b', 1],
  ])('are not written as %s where they are of another kind', (signature, value) => {
    expect(() => marshal(signature, [value])).toThrow()
  })

  test.each([
    ['a string longer than what is there', 's', 'ffffff7f 66'],
    ['a string without its end', 's', '01000000 66 66'],
    ['an array longer than what is there', 'au', 'f0ffffff 01000000'],
    ['an array that ends within a value', 'au', '06000000 01000000 02000000'],
    ['a boolean that is neither', 'b', '02000000'],
    ['a number cut short', 'u', '0100'],
    ['a variant of two types', 'v', '02 7575 00 01000000 01000000'],
    ['variants too deep in each other', 'v', '01 76 00'.repeat(80)],
    ['a variant of no type', 'v', '00 00'],
  ])('that lie are refused: %s', (_, signature, bytes) => {
    expect(() => unmarshal(signature, hex(bytes), true)).toThrow()
  })
})

/** The same sequence each time (mulberry32), so that what fails fails again. */
const randomFrom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const anySignature = (random: (below: number) => number, depth: number): string => {
  const basic = () => 'ybnqiuxtdsog'[random(12)] ?? 'y'
  const inner = () => anySignature(random, depth - 1)
  switch (depth <= 0 ? 0 : random(6)) {
    case 1:
      return `a${inner()}`
    case 2:
      return `(${inner()}${inner()})`
    case 3:
      return `a{${basic()}${inner()}}`
    case 4:
      return 'v'
    default:
      return basic()
  }
}

const anyValue = (type: Type, random: (below: number) => number, depth: number): Value => {
  switch (type.kind) {
    case 'variant': {
      const signature = anySignature(random, depth - 1)
      return variant(signature, anyValue(parseSingle(signature), random, depth - 1))
    }
    case 'array':
      if (type.of.kind === 'basic' && type.of.code === 'y') return Buffer.from([random(256), random(256)])
      return Array.from({ length: random(4) }, () => anyValue(type.of, random, depth - 1))
    case 'struct':
    case 'entry':
      return type.of.map((each) => anyValue(each, random, depth - 1))
    case 'basic':
      if ('sog'.includes(type.code))
        return ['', 'ä€😀', 'x'.repeat(random(300))][type.code === 'g' ? 0 : random(3)] ?? ''
      if ('xt'.includes(type.code)) return BigInt(random(2 ** 32)) * 1_000_003n
      if (type.code === 'b') return random(2) === 1
      return type.code === 'd' ? random(1000) / 7 : random(128)
  }
}

test('whatever is written is read as it was, and no cut or changed byte of it does worse than be refused', () => {
  const random = randomFrom(42)
  for (let round = 0; round < 2_000; round += 1) {
    const signature = anySignature(random, 4)
    const values = [anyValue(parseSingle(signature), random, 4)]
    const written = marshal(signature, values)
    expect(unmarshal(signature, written, true), signature).toEqual({ values, size: written.length })
    const broken = Buffer.from(written.subarray(0, random(written.length + 1)))
    if (broken.length > 0) broken[random(broken.length)] = random(256)
    try {
      unmarshal(signature, broken, true)
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
    }
  }
})

describe('a message', () => {
  const call = {
    type: 'call',
    serial: 7,
    path: '/a',
    interface: 'a.b',
    member: 'C',
    destination: 'd.e',
    signature: 'sa(sv)',
    body: ['x', [['n', variant('t', 1n)]]],
  } as const

  test('is read as it was written, and its length is known from its beginning', () => {
    const bytes = encodeMessage(call)
    expect(messageSize(bytes.subarray(0, 15))).toBeUndefined()
    expect(messageSize(bytes.subarray(0, 16))).toBe(bytes.length)
    expect(decodeMessage(bytes)).toEqual(call)
  })

  test('longer than any that is awaited is refused before it is read', () => {
    const bytes = encodeMessage(call)
    bytes.writeUInt32LE(LONGEST_MESSAGE, 4)
    expect(() => messageSize(bytes)).toThrow('bytes')
  })

  test.each([
    ['in no byte order', 0, 0x78],
    ['of another version', 3, 2],
  ])('%s is refused', (_, at, value) => {
    const bytes = encodeMessage(call)
    bytes[at] = value
    expect(() => (messageSize(bytes), decodeMessage(bytes))).toThrow()
  })

  test('of a kind that is not known is no answer to anything', () => {
    const bytes = encodeMessage(call)
    bytes[1] = 9
    expect(decodeMessage(bytes).type).toBe('invalid')
  })
})
