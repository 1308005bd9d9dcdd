import type { LookupAddress, LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { callbackify } from 'node:util'
import type { ResolveName } from './names.ts'

/**
 * Addresses that no image reference may lead us to: this host itself, link-local (where clouds serve credentials), their
 * other metadata addresses, multicast and reserved ranges. Private networks are allowed: that is where registries live.
 * RFC 6890; 168.63.129.16 is Azure's, 100.100.100.200 Alibaba's, fd00:ec2::254 AWS's, fd20:ce::254 Google's,
 * fd00:42::42 Scaleway's, 192.0.0.192 Oracle's.
 */
const RESERVED_V4 = ['0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4']
const HOST_V4 = ['127.0.0.0/8', '169.254.0.0/16']
const METADATA_V4 = ['100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32']
const FORBIDDEN_V6 = ['::/96', 'fe80::/10', 'fec0::/10', 'ff00::/8']
const METADATA_V6 = ['fd00:ec2::254/128', 'fd20:ce::254/128', 'fd00:42::42/128']
const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

const blockList = (ranges: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    if (prefix === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(prefix), familyOf(address))
  }
  return list
}

const RESERVED = blockList(RESERVED_V4)
const FORBIDDEN = blockList([...RESERVED_V4, ...HOST_V4, ...METADATA_V4, ...FORBIDDEN_V6, ...METADATA_V6])

/** The eight groups of an IPv6 address. */
const groupsOf = (address: string): readonly number[] => {
  // The URL parser writes every form, also one that ends in an IPv4 address, in hexadecimal groups with at most one "::".
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const numbers = (text: string) => text.split(':').flatMap((group) => (group === '' ? [] : Number.parseInt(group, 16)))
  const [first, last] = [numbers(head), numbers(tail)]
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
}

const ipv4 = (high = 0, low = 0): string => [high >> 8, high & 255, low >> 8, low & 255].join('.')

/** 16 bits that begin in the middle of a group. */
const across = (a = 0, b = 0): number => ((a & 255) << 8) | (b >> 8)

/**
 * IPv4 addresses to which packets for an IPv6 address may be translated or tunnelled: mapped and compatible (RFC 4291),
 * translated (RFC 2765), NAT64 with the well-known prefix (RFC 6052) and, wherever its prefix may end, with the local one
 * (RFC 8215), 6to4 (RFC 3056), Teredo's server and client (RFC 4380), ISATAP (RFC 5214). Empty for any other. A
 * translation prefix of the network's own cannot be told from an ordinary one.
 */
const embeddedIn = (address: string): readonly string[] => {
  const [a, b, c, d, e, f, g, h] = groupsOf(address) as [number, number, number, number, number, number, number, number]
  const last = ipv4(g, h)
  if (a === 0 && b === 0 && c === 0 && d === 0 && (e === 0 || e === 0xffff) && (f === 0 || f === 0xffff)) return [last]
  if (a === 0x64 && b === 0xff9b && c === 1) {
    const byLength = [
      ipv4(d, across(e, f)),
      ipv4(((d & 255) << 8) | (e & 255), f),
      ipv4(across(e, f), across(f, g)),
      last,
    ]
    // Three of them are guesses, and most guesses are parts of a prefix or zeros behind the address.
    return byLength.filter((guess) => !RESERVED.check(guess))
  }
  if (a === 0x64 && b === 0xff9b) return [last]
  if (a === 0x2002) return [ipv4(b, c)]
  if (a === 0x2001 && b === 0) return [ipv4(c, d), ipv4(g ^ 0xffff, h ^ 0xffff)]
  return f === 0x5efe && (e & ~0x200) === 0 ? [last] : []
}

/** Says whether an address may be connected to. */
export type AddressRule = (address: string) => boolean

/** Everything, for hosts that the operator's own configuration names. */
export const anyAddress: AddressRule = () => true

/**
 * All but the forbidden ranges, in whatever form they are written; `allowed` (addresses or CIDRs) are exceptions. Throws
 * on a range that is none.
 */
export const guardedAddresses = (allowed: readonly string[] = []): AddressRule => {
  for (const range of allowed) {
    if (isIP(range.split('/')[0] ?? '') === 0) throw new Error(`"${range}" is not an address or a CIDR`)
  }
  const exceptions = blockList(allowed)
  const permits = (address: string): boolean => {
    const family = familyOf(address)
    if (exceptions.check(address, family)) return true
    return !FORBIDDEN.check(address, family) && (family === 'ipv4' || embeddedIn(address).every(permits))
  }
  return (address) => {
    const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
    return isIP(plain) !== 0 && permits(plain)
  }
}

/** The name resolves to nothing that may be connected to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

type Callback = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/**
 * Makes `lookup` functions for `node:net` that leave out what a rule forbids, so that the address that is checked is the
 * one that is connected to, whatever the name resolves to next time.
 */
export const createLookups =
  (resolveName: ResolveName) =>
  (rule: AddressRule) =>
  (hostname: string, options: LookupOptions, callback: Callback): void => {
    const answer = (found: readonly LookupAddress[]): void => {
      const family = Number(options.family ?? 0)
      const usable = found.filter((each) => family === 0 || each.family === family)
      const allowed = usable.filter(({ address }) => rule(address))
      const [first] = allowed
      if (first === undefined) {
        const addresses = usable.map(({ address }) => address).join(', ') || `no address of family ${family}`
        return callback(
          new AddressRefused(`${hostname} resolves to ${addresses}, where connections are not allowed`),
          [],
        )
      }
      if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    }
    callbackify(resolveName)(hostname, (error, found) => (error ? callback(error, []) : answer(found)))
  }
