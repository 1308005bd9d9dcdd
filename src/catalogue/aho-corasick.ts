/**
 * Aho–Corasick: finds all of a set of literals in a text in one pass, one table look-up a character, whatever the
 * literals and the text. A. Aho, M. Corasick, Efficient string matching, CACM 18 (1975).
 */
export interface Automaton {
  /** The indices of the literals that occur in the text, each once, in no order. */
  readonly scan: (text: string) => readonly number[]
}

/** Literals must be ASCII and not empty; other characters of a text match nothing. */
export const buildAutomaton = (literals: readonly string[]): Automaton => {
  const columns = columnsOf(literals)
  const { next, ends } = buildTrie(literals, columns)
  linkFailures(next, ends, columns.width)
  const { width, of } = columns
  const outputs = ends.map((list) => (list.length > 0 ? list : undefined))
  return {
    scan: (text) => {
      const found = new Set<number>()
      let state = 0
      for (let i = 0; i < text.length; i++) {
        state = next[state * width + of(text.charCodeAt(i))] ?? 0
        const hits = outputs[state]
        if (hits) for (const hit of hits) found.add(hit)
      }
      return [...found]
    },
  }
}

interface Columns {
  readonly width: number
  /** The column of a character code; 0 for every character that is in no literal. */
  readonly of: (code: number) => number
}

const columnsOf = (literals: readonly string[]): Columns => {
  const table = new Uint8Array(128)
  let used = 0
  for (const literal of literals) {
    for (let i = 0; i < literal.length; i++) {
      const code = literal.charCodeAt(i)
      if (code >= 128) throw new Error(`building the automaton: literal ${JSON.stringify(literal)} is not ASCII`)
      if (table[code] === 0) table[code] = ++used
    }
  }
  return { width: used + 1, of: (code) => (code < 128 ? (table[code] ?? 0) : 0) }
}

/** States and their edges, a row of columns each; 0 is the root, and "no edge" until failures are linked. */
const buildTrie = (literals: readonly string[], { width, of }: Columns) => {
  const most = literals.reduce((sum, { length }) => sum + length, 1)
  const edges = new Int32Array(most * width)
  const ends: number[][] = [[]]
  for (const [index, literal] of literals.entries()) {
    let state = 0
    for (let i = 0; i < literal.length; i++) {
      const slot = state * width + of(literal.charCodeAt(i))
      let target = edges[slot] ?? 0
      if (target === 0) {
        target = ends.push([]) - 1
        edges[slot] = target
      }
      state = target
    }
    ends[state]?.push(index)
  }
  return { next: edges.slice(0, ends.length * width), ends }
}

/** Breadth first: missing edges become those of the longest proper suffix, whose literals end here as well. */
const linkFailures = (next: Int32Array, ends: number[][], width: number): void => {
  const fail = new Int32Array(ends.length)
  const queue = [...next.subarray(0, width)].filter((state) => state !== 0)
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0
    const suffix = fail[state] ?? 0
    ends[state]?.push(...(ends[suffix] ?? []))
    for (let column = 0; column < width; column++) {
      const slot = state * width + column
      const target = next[slot] ?? 0
      const fallback = next[suffix * width + column] ?? 0
      if (target === 0) next[slot] = fallback
      else {
        fail[target] = fallback
        queue.push(target)
      }
    }
  }
}
