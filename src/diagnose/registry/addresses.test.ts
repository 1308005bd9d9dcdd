import { assert, ipV6, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { guardedAddresses } from './addresses.ts'

const permits = guardedAddresses()

const hex = (a: number, b: number): string => ((a << 8) | b).toString(16)

const RESERVED: [number, number, number, number][] = [
  [0, 0, 0, 1],
  [224, 0, 0, 1],
  [255, 255, 255, 255],
]

/** Every way to write an IPv4 address as an IPv6 one to which packets are translated or tunnelled. */
const FORMS: Readonly<Record<string, (a: number, b: number, c: number, d: number) => string>> = {
  mapped: (...v4) => `::ffff:${v4.join('.')}`,
  'mapped, in hexadecimal': (a, b, c, d) => `::ffff:${hex(a, b)}:${hex(c, d)}`,
  compatible: (...v4) => `::${v4.join('.')}`,
  translated: (...v4) => `::ffff:0:${v4.join('.')}`,
  NAT64: (...v4) => `64:ff9b::${v4.join('.')}`,
  'NAT64, in hexadecimal': (a, b, c, d) => `64:ff9b::${hex(a, b)}:${hex(c, d)}`,
  'local NAT64, /96': (...v4) => `64:ff9b:1::${v4.join('.')}`,
  'local NAT64, /96 in a part': (...v4) => `64:ff9b:1:fffe::${v4.join('.')}`,
  'local NAT64, /64': (a, b, c, d) => `64:ff9b:1:5::${hex(0, a)}:${hex(b, c)}:${hex(d, 0)}:0`.replace('::', ':'),
  'local NAT64, /56': (a, b, c, d) => `64:ff9b:1:${hex(7, a)}:${hex(0, b)}:${hex(c, d)}:0:0`,
  'local NAT64, /48': (a, b, c, d) => `64:ff9b:1:${hex(a, b)}:${hex(0, c)}:${hex(d, 0)}::`,
  '6to4': (a, b, c, d) => `2002:${hex(a, b)}:${hex(c, d)}::1`,
  "Teredo's server": (a, b, c, d) => `2001:0:${hex(a, b)}:${hex(c, d)}:0:0:f5f5:f5f5`,
  "Teredo's client": (a, b, c, d) => `2001:0:505:505:0:0:${hex(a ^ 255, b ^ 255)}:${hex(c ^ 255, d ^ 255)}`,
  ISATAP: (a, b, c, d) => `2001:db8:1:2:0:5efe:${hex(a, b)}:${hex(c, d)}`,
  'ISATAP of a global address': (a, b, c, d) => `2001:db8:1:2:200:5efe:${hex(a, b)}:${hex(c, d)}`,
}

describe.each(Object.entries(FORMS))('an IPv4 address in the form %s', (name, write) => {
  test.each<[number, number, number, number]>([
    [169, 254, 169, 254],
    [127, 0, 0, 1],
    [100, 100, 100, 200],
    [168, 63, 129, 16],
    [192, 0, 0, 192],
  ])('is refused as the plain one is: %i.%i.%i.%i', (...v4) => {
    expect(permits(write(...v4))).toBe(false)
    expect(permits(`[${write(...v4)}]`)).toBe(false)
  })

  // The length of a local prefix is a guess, and these are what a wrong guess finds.
  test.each<[number, number, number, number]>(name.startsWith('local') ? [] : RESERVED)(
    'is refused as the plain one is: %i.%i.%i.%i',
    (...v4) => {
      expect(permits(write(...v4))).toBe(false)
    },
  )

  test('is permitted where the plain one is', () => {
    // Whole ::/96 stays refused: nothing is reached there.
    expect(permits(write(10, 96, 0, 1))).toBe(name !== 'compatible')
    expect(permits(write(140, 82, 121, 34))).toBe(name !== 'compatible')
  })

  test('is permitted where the operator allows the plain one', () => {
    const allowing = guardedAddresses(['169.254.20.0/24'])
    expect(allowing(write(169, 254, 20, 10))).toBe(name !== 'compatible')
    expect(allowing(write(169, 254, 169, 254))).toBe(false)
  })
})

test.each(['fe80::1%eth0', 'fec0::1', 'ff02::1', '::', '::1', 'fd00:ec2::254', 'fd20:ce::254', 'fd00:42::42'])(
  'is refused: %s',
  (address) => {
    expect(permits(address)).toBe(false)
  },
)

test.each(['fd00::1', 'fc00::1', '2001:db8::1', '2a00:1450:4001::1', '198.18.0.1', '2002:a60:1::1'])(
  'is permitted: %s',
  (address) => {
    expect(permits(address)).toBe(true)
  },
)

test('every IPv6 address has a verdict', () => {
  assert(property(ipV6(), (address) => typeof permits(address) === 'boolean'))
})
