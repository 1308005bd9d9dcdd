import { describe, expect, it } from 'vitest'
import { createHeap } from './heap.ts'

describe('the heap', () => {
  it('gives back in order whatever was put in', () => {
    const heap = createHeap<number>((a, b) => a < b)
    let seed = 7
    const numbers = Array.from({ length: 1_000 }, () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % 100
    })
    const out: number[] = []
    for (const [i, n] of numbers.entries()) {
      heap.push(n)
      if (i % 3 === 2) out.push(heap.pop() ?? Number.NaN)
    }
    const rest: number[] = []
    while (heap.size() > 0) rest.push(heap.pop() ?? Number.NaN)
    expect(rest).toEqual(rest.toSorted((a, b) => a - b))
    expect([...out, ...rest].toSorted((a, b) => a - b)).toEqual(numbers.toSorted((a, b) => a - b))
    expect(heap.pop()).toBeUndefined()
  })
})
