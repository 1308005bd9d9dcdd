/**
 * Distance between two names for detecting typos: optimal string alignment, in which common typing errors (swapped
 * letters, an adjacent key, a letter doubled or dropped from a double) cost less than other substitutions.
 */

const KEY_ROWS = ['1234567890-', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'] as const

const PLACE = new Map(
  KEY_ROWS.flatMap((row, y) => row.split('').map((key, x) => [key, { x: x + y * 0.4, y }] as const)),
)

const SLIP = 0.6
const OTHER = 1

const areNeighbours = (a: string, b: string): boolean => {
  const [from, to] = [PLACE.get(a), PLACE.get(b)]
  return from !== undefined && to !== undefined && Math.abs(from.x - to.x) <= 1.1 && Math.abs(from.y - to.y) <= 1
}

const SEPARATORS = new Set('-_./')

const replacing = (a: string, b: string): number => {
  if (a === b) return 0
  return areNeighbours(a, b) || (SEPARATORS.has(a) && SEPARATORS.has(b)) ? SLIP : OTHER
}

/** Longer names than registries allow are not compared: the cost is the product of the lengths. */
const MAX_LENGTH = 256

/** 0 if they are equal; `Infinity` if one is too long. Symmetric. */
export const distance = (a: string, b: string): number => {
  if (a === b) return 0
  if (a.length > MAX_LENGTH || b.length > MAX_LENGTH) return Number.POSITIVE_INFINITY
  // Deleting or inserting a letter costs less next to the same letter.
  const odd = (text: string, i: number): number =>
    text[i] === text[i - 1] || text[i] === text[i + 1] || SEPARATORS.has(text[i] ?? '') ? SLIP : OTHER
  let before: number[] = []
  let last = [0]
  for (let j = 1; j <= b.length; j += 1) last.push((last[j - 1] ?? 0) + odd(b, j - 1))
  for (let i = 1; i <= a.length; i += 1) {
    const row = [(last[0] ?? 0) + odd(a, i - 1)]
    for (let j = 1; j <= b.length; j += 1) {
      const [p, q] = [a[i - 1] ?? '', b[j - 1] ?? '']
      let least = Math.min(
        (last[j - 1] ?? 0) + replacing(p, q),
        (last[j] ?? 0) + odd(a, i - 1),
        (row[j - 1] ?? 0) + odd(b, j - 1),
      )
      if (p !== q && p === b[j - 2] && q === a[i - 2]) least = Math.min(least, (before[j - 2] ?? 0) + SLIP)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? Number.POSITIVE_INFINITY
}

const numbersIn = (text: string): string => (text.match(/\d+/g) ?? []).join('.')

/** Maximum distance of a typo by the length of the name: short names are close to many others. */
const reachOf = (name: string): number => (name.length < 4 ? 0 : name.length < 8 ? 1 : 2)

export interface Near {
  readonly name: string
  readonly distance: number
}

/**
 * The names of which `typed` may be a typo, closest first, then alphabetical. A different number is a different version,
 * never a typo.
 */
export const similarNames = (typed: string, names: Iterable<string>): readonly Near[] => {
  const reach = reachOf(typed)
  const numbers = numbersIn(typed)
  return [...new Set(names)]
    .filter(
      (name) => name !== typed && Math.abs(name.length - typed.length) <= reach * 2 && numbersIn(name) === numbers,
    )
    .map((name) => ({ name, distance: distance(typed, name) }))
    .filter((near) => near.distance <= reach)
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
}
