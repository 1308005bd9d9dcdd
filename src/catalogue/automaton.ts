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
  const width = columns.used + 1
  const next = Array.from({ length: width }, () => -1)
  const ends: number[][] = [[]]
  for (const [index, literal] of literals.entries()) {
    let state = 0
    for (let i = 0; i < literal.length; i++) {
      const slot = state * width + columns.of(literal.charCodeAt(i))
      let target = next[slot] ?? -1
      if (target < 0) {
        target = ends.length
        ends.push([])
        for (let c = 0; c < width; c++) next.push(-1)
        next[slot] = target
      }
      state = target
    }
    ends[state]?.push(index)
  }
  linkFailures(next, ends, width)
  const table = Int32Array.from(next)
  const outputs = ends.map((list) => (list.length > 0 ? Int32Array.from(list) : undefined))
  return {
    scan: (text) => {
      const found = new Set<number>()
      let state = 0
      for (let i = 0; i < text.length; i++) {
        state = table[state * width + columns.of(text.charCodeAt(i))] ?? 0
        const hits = outputs[state]
        if (hits) for (const hit of hits) found.add(hit)
      }
      return [...found]
    },
  }
}

/** Characters that occur in literals, numbered from 1; 0 is every other character. */
const columnsOf = (literals: readonly string[]) => {
  const table = new Uint8Array(128)
  let used = 0
  for (const literal of literals) {
    for (let i = 0; i < literal.length; i++) {
      const code = literal.charCodeAt(i)
      if (code >= 128) throw new Error(`building the automaton: literal ${JSON.stringify(literal)} is not ASCII`)
      if (table[code] === 0) table[code] = ++used
    }
  }
  return { used, of: (code: number): number => (code < 128 ? (table[code] ?? 0) : 0) }
}

/** Breadth first: missing edges become those of the longest proper suffix, whose literals end here as well. */
const linkFailures = (next: number[], ends: number[][], width: number): void => {
  const fail = new Int32Array(ends.length)
  const queue: number[] = []
  for (let c = 0; c < width; c++) {
    const target = next[c] ?? -1
    if (target < 0) next[c] = 0
    else queue.push(target)
  }
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0
    const suffix = fail[state] ?? 0
    ends[state]?.push(...(ends[suffix] ?? []))
    for (let c = 0; c < width; c++) {
      const slot = state * width + c
      const target = next[slot] ?? -1
      const fallback = next[suffix * width + c] ?? 0
      if (target < 0) next[slot] = fallback
      else {
        fail[target] = fallback
        queue.push(target)
      }
    }
  }
}
