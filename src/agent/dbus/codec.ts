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

/** What D-Bus can say of a value, by its signature (D-Bus specification, "Type system"). */
export type Type =
  | { readonly kind: 'basic'; readonly code: BasicCode }
  | { readonly kind: 'variant' }
  | { readonly kind: 'array'; readonly of: Type }
  | { readonly kind: 'struct' | 'entry'; readonly of: readonly Type[] }

const BASIC = ['y', 'b', 'n', 'q', 'i', 'u', 'x', 't', 'd', 's', 'o', 'g', 'h'] as const
export type BasicCode = (typeof BASIC)[number]

/** Of the specification: a signature's length, and how deep arrays and structs may lie in each other. */
const LONGEST = 255
const SIGNATURE_DEEPEST = 32

const WIDTHS: Readonly<Record<BasicCode, 1 | 2 | 4 | 8>> = {
  y: 1,
  g: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  s: 4,
  o: 4,
  h: 4,
  x: 8,
  t: 8,
  d: 8,
}

/** On multiples of how many bytes a value begins. */
export const alignmentOf = (type: Type): 1 | 2 | 4 | 8 => {
  switch (type.kind) {
    case 'basic':
      return WIDTHS[type.code]
    case 'variant':
      return 1
    case 'array':
      return 4
    case 'struct':
    case 'entry':
      return 8
  }
}

const basicOf = (code: string | undefined): BasicCode | undefined => BASIC.find((each) => each === code)

/** The types that a signature lists. Throws where it is not well formed. */
export const parseSignature = (signature: string): readonly Type[] => {
  const wrong = (why: string) => new Error(`signature ${JSON.stringify(signature.slice(0, LONGEST))}: ${why}`)
  if (signature.length > LONGEST) throw wrong(`longer than ${LONGEST}`)
  let at = 0

  const untilClosed = (close: string, arrays: number, structs: number): readonly Type[] => {
    if (structs > SIGNATURE_DEEPEST) throw wrong('structs too deep')
    const types: Type[] = []
    while (signature[at] !== close) types.push(one(arrays, structs))
    at += 1
    return types
  }

  const one = (arrays: number, structs: number): Type => {
    const code = signature[at]
    at += 1
    const basic = basicOf(code)
    if (basic !== undefined) return { kind: 'basic', code: basic }
    if (code === 'v') return { kind: 'variant' }
    if (code === '(') {
      const of = untilClosed(')', arrays, structs + 1)
      if (of.length === 0) throw wrong('an empty struct')
      return { kind: 'struct', of }
    }
    if (code !== 'a') throw wrong(code === undefined ? 'it ends early' : `no type ${code}`)
    if (arrays >= SIGNATURE_DEEPEST) throw wrong('arrays too deep')
    if (signature[at] !== '{') return { kind: 'array', of: one(arrays + 1, structs) }
    at += 1
    const of = untilClosed('}', arrays + 1, structs + 1)
    if (of.length !== 2 || of[0]?.kind !== 'basic') throw wrong('a dictionary has a basic key and one value')
    return { kind: 'array', of: { kind: 'entry', of } }
  }

  const types: Type[] = []
  while (at < signature.length) types.push(one(0, 0))
  return types
}

/** The one type of a variant's signature. */
export const parseSingle = (signature: string): Type => {
  const [type, ...more] = parseSignature(signature)
  if (type === undefined || more.length > 0) throw new Error(`signature ${JSON.stringify(signature)}: not one type`)
  return type
}

/**
 * A value of D-Bus: integers up to 32 bits, file descriptors' indexes and doubles are numbers, 64-bit integers bigints,
 * `ay` a Buffer, structs and dictionary entries arrays of their members.
 */
export type Value = number | bigint | boolean | string | Buffer | Variant | readonly Value[]

/** A value that brings its own type. */
export interface Variant {
  readonly signature: string
  readonly value: Value
}

export const variant = (signature: string, value: Value): Variant => ({ signature, value })

/** A value that must be a string; throws, naming `what`, where it is another. */
export const asText = (value: Value | undefined, what: string): string => {
  if (typeof value !== 'string') throw new Error(`${what}: not a string`)
  return value
}

/** What lies in a variant; throws, naming `what`, where it is none. */
export const asVariant = (value: Value | undefined, what: string): Variant => {
  if (typeof value !== 'object' || !('signature' in value)) throw new Error(`${what}: not a variant`)
  return value
}
