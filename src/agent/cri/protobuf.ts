import type { Sandbox } from '../host/host.ts'

/** As much of the protobuf encoding as the few messages of the CRI need: varints and what has a length. */

const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2
const FIXED32 = 5

/** One field of a message: a number for a varint, bytes for a string or a message. */
export type Field = readonly [number: number, value: bigint | Buffer]

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** A field with a string or a message in it; nothing where that is absent. */
export const field = (number: number, value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([varint(number * 8 + DELIMITED), varint(bytes.length), bytes])
}

/** A field with a number that is not negative, e.g. an enum. */
export const numberField = (number: number, value: number): Buffer =>
  Buffer.concat([varint(number * 8 + VARINT), varint(value)])

/** The fields of a message in their order; those of a fixed width are left out. Throws where it is not well formed. */
export const readFields = (bytes: Buffer): readonly Field[] => {
  const fields: Field[] = []
  let at = 0

  const readVarint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 64n; shift += 7n) {
      const byte = bytes[at]
      if (byte === undefined) throw new Error('a number ends early')
      at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new Error('a number of more than ten bytes')
  }
  const take = (count: number): Buffer => {
    if (count > bytes.length - at) throw new Error('a field ends early')
    at += count
    return bytes.subarray(at - count, at)
  }

  while (at < bytes.length) {
    const tag = Number(readVarint())
    const number = Math.floor(tag / 8)
    if (number === 0) throw new Error('a field without a number')
    switch (tag % 8) {
      case VARINT:
        fields.push([number, readVarint()])
        break
      case DELIMITED:
        fields.push([number, take(Number(readVarint()))])
        break
      case FIXED64:
        take(8)
        break
      case FIXED32:
        take(4)
        break
      default:
        throw new Error(`a field of wire type ${tag % 8}`)
    }
  }
  return fields
}

/** Every string or message of that number. */
export const allOf = (fields: readonly Field[], number: number): readonly Buffer[] =>
  fields.flatMap(([of, value]) => (of === number && typeof value !== 'bigint' ? [value] : []))

/** The string of that number; empty where it is absent, as protobuf has it. The last one counts. */
export const textOf = (fields: readonly Field[], number: number): string =>
  allOf(fields, number).at(-1)?.toString('utf8') ?? ''

/** The number of that number; zero where it is absent, as protobuf has it. The last one counts. */
export const numberOf = (fields: readonly Field[], number: number): number => {
  const found = fields.findLast(([of, value]) => of === number && typeof value === 'bigint')
  return Number(found?.[1] ?? 0n)
}

// The messages of the CRI that are used, by the field numbers of `runtime.v1` (cri-api, api.proto).

/** The kubelet's label on a pod's sandboxes. */
const POD_UID_LABEL = 'io.kubernetes.pod.uid'

const SANDBOX_READY = 0
const CONTAINER_RUNNING = 1

const NS_IN_MS = 1_000_000

export const versionRequest = (): Buffer => field(1, 'v1')

export const readVersion = (answer: Buffer): { readonly name: string; readonly version: string } => {
  const fields = readFields(answer)
  return { name: textOf(fields, 2), version: textOf(fields, 3) }
}

/** PodSandboxFilter.label_selector */
export const listSandboxesRequest = (podUid: string): Buffer =>
  field(1, field(3, Buffer.concat([field(1, POD_UID_LABEL), field(2, podUid)])))

const labelOf = (fields: readonly Field[], number: number, key: string): string | undefined => {
  const entry = allOf(fields, number)
    .map(readFields)
    .findLast((each) => textOf(each, 1) === key)
  return entry && textOf(entry, 2)
}

/** Sandboxes of that pod; any other that a runtime lists, deaf to the filter, is left out. */
export const readSandboxes = (answer: Buffer, podUid: string): readonly Sandbox[] =>
  allOf(readFields(answer), 1)
    .map(readFields)
    .filter((fields) => labelOf(fields, 5, POD_UID_LABEL) === podUid && textOf(fields, 1) !== '')
    .map((fields) => ({
      id: textOf(fields, 1),
      state: numberOf(fields, 3) === SANDBOX_READY ? 'ready' : 'notready',
      createdAt: Math.round(numberOf(fields, 4) / NS_IN_MS),
    }))

/** ContainerFilter.state and .pod_sandbox_id */
export const listRunningRequest = (sandboxId: string): Buffer =>
  field(1, Buffer.concat([field(2, numberField(1, CONTAINER_RUNNING)), field(3, sandboxId)]))

/** How many containers of that sandbox run; any other that a runtime lists, deaf to the filter, does not count. */
export const readRunning = (answer: Buffer, sandboxId: string): number =>
  allOf(readFields(answer), 1)
    .map(readFields)
    .filter((fields) => textOf(fields, 2) === sandboxId && numberOf(fields, 6) === CONTAINER_RUNNING).length

/** StopPodSandboxRequest and RemovePodSandboxRequest alike. */
export const sandboxRequest = (sandboxId: string): Buffer => field(1, sandboxId)
