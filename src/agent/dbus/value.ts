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
