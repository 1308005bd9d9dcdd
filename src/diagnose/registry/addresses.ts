import { lookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import PQueue from 'p-queue'

/**
 * Addresses that no image reference may lead us to: this host itself, link-local (where clouds serve credentials), their
 * other metadata addresses, multicast and reserved ranges. Private networks are allowed: that is where registries live.
 * RFC 6890; 168.63.129.16 is Azure's, 100.100.100.200 Alibaba's, fd00:ec2::254 AWS's, fd20:ce::254 Google's,
 * fd00:42::42 Scaleway's, 192.0.0.192 Oracle's.
 */
const FORBIDDEN_V4 = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4']
const METADATA_V4 = ['100.100.100.200/32', '168.63.129.16/32', '192.0.0.192/32']
const FORBIDDEN_V6 = ['::/96', 'fe80::/10', 'fec0::/10', 'ff00::/8']
const METADATA_V6 = ['fd00:ec2::254/128', 'fd20:ce::254/128', 'fd00:42::42/128']
/** The same IPv4 ranges behind NAT64 (RFC 6052). */
const NAT64 = [
  '64:ff9b::7f00:0/104',
  '64:ff9b::a9fe:0/112',
  '64:ff9b::6464:64c8/128',
  '64:ff9b::a83f:8110/128',
  '64:ff9b::/104',
]

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

const FORBIDDEN = blockList([...FORBIDDEN_V4, ...METADATA_V4, ...FORBIDDEN_V6, ...METADATA_V6, ...NAT64])

/** Says whether an address may be connected to. */
export type AddressRule = (address: string) => boolean

/** Everything, for hosts that the operator's own configuration names. */
export const anyAddress: AddressRule = () => true

/** All but the forbidden ranges; `allowed` (addresses or CIDRs) are exceptions. Throws on a range that is none. */
export const guardedAddresses = (allowed: readonly string[] = []): AddressRule => {
  for (const range of allowed) {
    if (isIP(range.split('/')[0] ?? '') === 0) throw new Error(`"${range}" is not an address or a CIDR`)
  }
  const exceptions = blockList(allowed)
  return (address) => {
    const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
    if (isIP(plain) === 0) return false
    return exceptions.check(plain, familyOf(plain)) || !FORBIDDEN.check(plain, familyOf(plain))
  }
}

/** The name resolves to nothing that may be connected to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

type Callback = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/**
 * Names looked up at once. The system's resolver takes one thread of Node's four for each, for as long as it waits, and it
 * waits long where the cluster's DNS is what is down.
 */
const MAX_LOOKUPS = 2

/**
 * Makes `lookup` functions for `node:net` that leave out what a rule forbids, so that the address that is checked is the
 * one that is connected to, whatever the name resolves to next time.
 */
export const createLookups = () => {
  const inProgress = new PQueue({ concurrency: MAX_LOOKUPS })

  const resolveName = (
    hostname: string,
    options: LookupOptions,
    done: (error: Error | null, found: readonly LookupAddress[]) => void,
  ): void => {
    const find = () =>
      new Promise<void>((resolve) => {
        lookup(hostname, { ...options, all: true }, (error, found) => {
          resolve()
          done(error, found)
        })
      })
    void inProgress.add(find)
  }

  return (rule: AddressRule) =>
    (hostname: string, options: LookupOptions, callback: Callback): void => {
      resolveName(hostname, options, (error, addresses) => {
        if (error) return callback(error, [])
        const allowed = addresses.filter(({ address }) => rule(address))
        const [first] = allowed
        if (first === undefined) {
          const found = addresses.map(({ address }) => address).join(', ')
          return callback(new AddressRefused(`${hostname} resolves to ${found}, where connections are not allowed`), [])
        }
        if (options.all) callback(null, allowed)
        else callback(null, first.address, first.family)
      })
    }
}
