import { alignmentOf, type BasicCode, parseSignature, parseSingle, type Type } from './signature.ts'
import type { Value } from './value.ts'

/** Containers within each other, variants counted, as the specification allows. */
const DEEPEST = 64

interface Unmarshalled {
  readonly values: readonly Value[]
  /** How many bytes they took. */
  readonly size: number
}

/**
 * Values out of bytes that begin on a multiple of eight. Whoever sent them may be hostile: each length is held against
 * what is there before anything is made of it. Throws where they are not of that signature.
 */
export const unmarshal = (signature: string, bytes: Buffer, little: boolean): Unmarshalled => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0

  /** Where the next `count` bytes begin; they are there. */
  const take = (count: number): number => {
    if (count > bytes.length - at) throw new Error('a value ends early')
    const from = at
    at += count
    return from
  }
  const align = (to: number) => take((to - (at % to)) % to)
  const unsigned = () => view.getUint32(take(4), little)
  const text = (length: number): string => {
    const from = take(length + 1)
    if (bytes[at - 1] !== 0) throw new Error('a string without an end')
    return bytes.toString('utf8', from, at - 1)
  }
  const bool = (): boolean => {
    const value = unsigned()
    if (value > 1) throw new Error(`a boolean of ${value}`)
    return value === 1
  }

  const basic = (code: BasicCode): Value => {
    switch (code) {
      case 'y':
        return view.getUint8(take(1))
      case 'b':
        return bool()
      case 'n':
        return view.getInt16(take(2), little)
      case 'q':
        return view.getUint16(take(2), little)
      case 'i':
        return view.getInt32(take(4), little)
      case 'u':
      case 'h':
        return unsigned()
      case 'x':
        return view.getBigInt64(take(8), little)
      case 't':
        return view.getBigUint64(take(8), little)
      case 'd':
        return view.getFloat64(take(8), little)
      case 's':
      case 'o':
        return text(unsigned())
      case 'g':
        return text(view.getUint8(take(1)))
    }
  }

  const items = (of: Type, depth: number): Value => {
    const length = unsigned()
    align(alignmentOf(of))
    const from = take(length)
    if (of.kind === 'basic' && of.code === 'y') return Buffer.from(bytes.subarray(from, at))
    const end = at
    at = from
    const values: Value[] = []
    // Each value takes a byte at least: this ends.
    while (at < end) values.push(read(of, depth))
    if (at !== end) throw new Error('an array ends within a value')
    return values
  }

  const read = (type: Type, depth: number): Value => {
    if (depth > DEEPEST) throw new Error('values too deep in each other')
    align(alignmentOf(type))
    switch (type.kind) {
      case 'basic':
        return basic(type.code)
      case 'array':
        return items(type.of, depth + 1)
      case 'struct':
      case 'entry':
        return type.of.map((each) => read(each, depth + 1))
      case 'variant': {
        const signature = text(view.getUint8(take(1)))
        return { signature, value: read(parseSingle(signature), depth + 1) }
      }
    }
  }

  const values = parseSignature(signature).map((type) => read(type, 0))
  return { values, size: at }
}
