import { asVariant, marshal, unmarshal, type Value, variant } from './codec.ts'

/** Far more than systemd ever answers here; the specification would allow 128 MiB. */
export const LONGEST_MESSAGE = 1024 * 1024

const TYPES = ['invalid', 'call', 'return', 'error', 'signal'] as const
export type MessageType = (typeof TYPES)[number]

/** One message; of its header, what is read here. */
export interface Message {
  readonly type: MessageType
  readonly serial: number
  readonly path?: string | undefined
  readonly interface?: string | undefined
  readonly member?: string | undefined
  readonly errorName?: string | undefined
  readonly replySerial?: number | undefined
  readonly destination?: string | undefined
  readonly sender?: string | undefined
  readonly signature?: string | undefined
  readonly body: readonly Value[]
}

const FIELDS = [
  { code: 1, name: 'path', signature: 'o' },
  { code: 2, name: 'interface', signature: 's' },
  { code: 3, name: 'member', signature: 's' },
  { code: 4, name: 'errorName', signature: 's' },
  { code: 5, name: 'replySerial', signature: 'u' },
  { code: 6, name: 'destination', signature: 's' },
  { code: 7, name: 'sender', signature: 's' },
  { code: 8, name: 'signature', signature: 'g' },
] as const

/** Byte order, type, flags, version, length of the body, serial; then the array of fields. */
const FIXED = 'yyyyuu'
const HEADER = `${FIXED}a(yv)`
const FIXED_BYTES = 16
const LITTLE = 'l'.charCodeAt(0)
const BIG = 'B'.charCodeAt(0)

const padded = (size: number) => Math.ceil(size / 8) * 8

/** The bytes of a message. */
export const encodeMessage = (message: Message): Buffer => {
  const body = marshal(message.signature ?? '', message.body)
  const fields = FIELDS.flatMap(({ code, name, signature }) => {
    const value = message[name]
    return value === undefined || value === '' ? [] : [[code, variant(signature, value)]]
  })
  const fixed = [LITTLE, TYPES.indexOf(message.type), 0, 1, body.length, message.serial]
  const header = marshal(HEADER, [...fixed, fields])
  const bytes = Buffer.alloc(padded(header.length) + body.length)
  header.copy(bytes)
  body.copy(bytes, padded(header.length))
  return bytes
}

/** How long the message is that begins here; undefined where too little of it is there to tell. Throws on nonsense. */
export const messageSize = (bytes: Buffer): number | undefined => {
  if (bytes.length < FIXED_BYTES) return undefined
  if (bytes[0] !== LITTLE && bytes[0] !== BIG) throw new Error('a message in no byte order')
  const unsigned = (at: number) => (bytes[0] === LITTLE ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const size = padded(FIXED_BYTES + unsigned(12)) + unsigned(4)
  if (size > LONGEST_MESSAGE) throw new Error(`a message of ${size} bytes`)
  return size
}

type Fields = { -readonly [name in (typeof FIELDS)[number]['name']]?: string | number }

const fieldsOf = (list: Value | undefined): Fields => {
  const fields: Fields = {}
  for (const each of Array.isArray(list) ? list : []) {
    const [code, value]: readonly Value[] = Array.isArray(each) ? each : []
    const known = FIELDS.find((field) => field.code === code)
    // Fields that are not known are to be ignored.
    if (known === undefined) continue
    const { signature, value: content } = asVariant(value, `header field ${known.name}`)
    if (signature !== known.signature || (typeof content !== 'string' && typeof content !== 'number')) {
      throw new Error(`header field ${known.name} of signature ${signature}`)
    }
    fields[known.name] = content
  }
  return fields
}

/** A whole message out of its bytes. Throws where it is not well formed. */
export const decodeMessage = (bytes: Buffer): Message => {
  const little = bytes[0] === LITTLE
  const { values, size } = unmarshal(HEADER, bytes, little)
  const [, type, , version, , serial, list] = values
  if (version !== 1) throw new Error(`a message of version ${Number(version)}`)
  const fields = fieldsOf(list)
  const body = unmarshal(String(fields.signature ?? ''), bytes.subarray(padded(size)), little)
  return {
    ...(fields as Omit<Message, 'type' | 'serial' | 'body'>),
    // A type that is not known is to be ignored.
    type: TYPES[Number(type)] ?? 'invalid',
    serial: Number(serial),
    body: body.values,
  }
}
