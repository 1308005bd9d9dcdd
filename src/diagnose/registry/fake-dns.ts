import { createSocket } from 'node:dgram'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For tests: a DNS server on loopback, and a `resolv.conf` and a hosts file that lead to it. */
export interface FakeDns {
  readonly resolvConf: string
  readonly hostsFile: string
  /** Names that were asked for, in order, once for each type. */
  readonly asked: readonly string[]
  readonly close: () => Promise<void>
}

/** Addresses of a name, of both families; `silent` never answers. A name without an entry does not exist. */
export type Zone = (name: string) => readonly string[] | 'silent' | undefined

const TYPE_A = 1
const TYPE_AAAA = 28
const NXDOMAIN = 3

interface Query {
  readonly name: string
  readonly type: number
  /** The question as it was sent, which an answer repeats. */
  readonly question: Buffer
}

const parseQuery = (message: Buffer): Query => {
  const labels: string[] = []
  let at = 12
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('ascii', at + 1, at + 1 + length))
    at += 1 + length
  }
  return {
    name: labels.join('.').toLowerCase(),
    type: message.readUInt16BE(at + 1),
    question: message.subarray(12, at + 5),
  }
}

const bytesOf = (address: string): Buffer => {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string) => text.split(':').filter(Boolean)
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0')
  return Buffer.from(
    [...groups(head), ...zeros, ...groups(tail)].map((group) => group.padStart(4, '0')).join(''),
    'hex',
  )
}

const answerTo = (message: Buffer, { type, question }: Query, addresses: readonly string[] | undefined): Buffer => {
  const wanted = (addresses ?? []).filter((address) => address.includes(':') === (type === TYPE_AAAA))
  const records = wanted.map((address) => {
    const data = bytesOf(address)
    const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length])
    return Buffer.concat([record, data])
  })
  const flags = 0x8180 | (addresses === undefined ? NXDOMAIN : 0)
  const header = Buffer.alloc(12)
  message.copy(header, 0, 0, 2)
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question, ...records])
}

export const startFakeDns = async (
  zone: Zone,
  { search = '', hosts = '' }: { readonly search?: string; readonly hosts?: string } = {},
): Promise<FakeDns> => {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (message, { address, port }) => {
    const query = parseQuery(message)
    if (query.type === TYPE_A) asked.push(query.name)
    const addresses = zone(query.name)
    if (addresses !== 'silent') socket.send(answerTo(message, query, addresses), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const folder = await mkdtemp(join(tmpdir(), 'podmend-dns-'))
  const resolvConf = join(folder, 'resolv.conf')
  const hostsFile = join(folder, 'hosts')
  const searchLine = search === '' ? '' : `search ${search}\n`
  await writeFile(
    resolvConf,
    `# a comment\nnameserver 127.0.0.1:${socket.address().port}\n${searchLine}options ndots:5\n`,
  )
  await writeFile(hostsFile, hosts)
  return {
    resolvConf,
    hostsFile,
    asked,
    close: async () => {
      socket.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
