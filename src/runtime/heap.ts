/** A binary heap; `before` says which of two comes out first. */
export interface Heap<T> {
  push(item: T): void
  peek(): T | undefined
  pop(): T | undefined
  size(): number
  clear(): void
}

export const createHeap = <T>(before: (a: T, b: T) => boolean): Heap<T> => {
  const items: T[] = []
  const swapIfBefore = (child: number, parent: number): boolean => {
    const [a, b] = [items[child], items[parent]]
    if (a === undefined || b === undefined || !before(a, b)) return false
    items[child] = b
    items[parent] = a
    return true
  }
  return {
    push: (item) => {
      items.push(item)
      for (let at = items.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1
        if (!swapIfBefore(at, parent)) return
        at = parent
      }
    },
    peek: () => items[0],
    pop: () => {
      const first = items[0]
      const last = items.pop()
      if (items.length > 0 && last !== undefined) items[0] = last
      for (let at = 0; ; ) {
        const [left, right] = [items[2 * at + 1], items[2 * at + 2]]
        const child = right !== undefined && left !== undefined && before(right, left) ? 2 * at + 2 : 2 * at + 1
        if (!swapIfBefore(child, at)) return first
        at = child
      }
    },
    size: () => items.length,
    clear: () => {
      items.length = 0
    },
  }
}
