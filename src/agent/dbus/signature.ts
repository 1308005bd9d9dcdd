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
const DEEPEST = 32

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
    if (structs > DEEPEST) throw wrong('structs too deep')
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
    if (arrays >= DEEPEST) throw wrong('arrays too deep')
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
