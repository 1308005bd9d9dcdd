import { alignmentOf, type BasicCode, parseSignature, parseSingle, type Type } from './signature.ts'
import type { Value } from './value.ts'

const FIRST_BYTES = 256

/** The bytes of values, little-endian, as if they began on a multiple of eight. Throws where a value is not of its type. */
export const marshal = (signature: string, values: readonly Value[]): Buffer => {
  const types = parseSignature(signature)
  if (types.length !== values.length) throw new Error(`signature ${signature}: ${values.length} values`)
  let bytes = Buffer.alloc(FIRST_BYTES)
  let at = 0

  const reserve = (count: number) => {
    if (at + count > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(Math.max(count, bytes.length))])
  }
  // What lies between is zero already, as it must be.
  const align = (to: number) => {
    const gap = (to - (at % to)) % to
    reserve(gap)
    at += gap
  }
  const unsigned = (value: number) => {
    align(4)
    reserve(4)
    at = bytes.writeUInt32LE(value, at)
  }
  const text = (value: string) => {
    if (value.includes('\0')) throw new Error('a string with a NUL in it')
    const length = Buffer.byteLength(value)
    reserve(length + 1)
    at += bytes.write(value, at)
    at += 1
  }

  const number = (code: BasicCode, value: number) => {
    reserve(8)
    switch (code) {
      case 'y':
        at = bytes.writeUInt8(value, at)
        return
      case 'n':
        at = bytes.writeInt16LE(value, at)
        return
      case 'q':
        at = bytes.writeUInt16LE(value, at)
        return
      case 'i':
        at = bytes.writeInt32LE(value, at)
        return
      case 'u':
      case 'h':
        at = bytes.writeUInt32LE(value, at)
        return
      case 'd':
        at = bytes.writeDoubleLE(value, at)
        return
      default:
        throw new Error(`type ${code}: a number`)
    }
  }

  const basic = (code: BasicCode, value: Value) => {
    if (typeof value === 'number') return number(code, value)
    if (typeof value === 'boolean' && code === 'b') return unsigned(value ? 1 : 0)
    if (typeof value === 'bigint' && (code === 'x' || code === 't')) {
      reserve(8)
      at = code === 'x' ? bytes.writeBigInt64LE(value, at) : bytes.writeBigUInt64LE(value, at)
      return
    }
    if (typeof value === 'string' && (code === 's' || code === 'o')) {
      unsigned(Buffer.byteLength(value))
      return text(value)
    }
    if (typeof value === 'string' && code === 'g') {
      reserve(1)
      at = bytes.writeUInt8(Buffer.byteLength(value), at)
      return text(value)
    }
    throw new Error(`type ${code}: a ${typeof value}`)
  }

  const members = (of: readonly Type[], value: Value) => {
    if (!Array.isArray(value) || value.length !== of.length) throw new Error(`not ${of.length} members`)
    for (const [index, type] of of.entries()) write(type, value[index])
  }

  const items = (of: Type, value: Value) => {
    unsigned(0)
    const lengthAt = at - 4
    align(alignmentOf(of))
    const from = at
    if (Buffer.isBuffer(value)) {
      reserve(value.length)
      at += value.copy(bytes, at)
    } else {
      if (!Array.isArray(value)) throw new Error(`an array: a ${typeof value}`)
      for (const each of value) write(of, each)
    }
    bytes.writeUInt32LE(at - from, lengthAt)
  }

  const write = (type: Type, value: Value) => {
    align(alignmentOf(type))
    switch (type.kind) {
      case 'basic':
        return basic(type.code, value)
      case 'array':
        return items(type.of, value)
      case 'struct':
      case 'entry':
        return members(type.of, value)
      case 'variant': {
        if (typeof value !== 'object' || !('signature' in value)) throw new Error('not a variant')
        basic('g', value.signature)
        return write(parseSingle(value.signature), value.value)
      }
    }
  }

  members(types, values)
  return bytes.subarray(0, at)
}
