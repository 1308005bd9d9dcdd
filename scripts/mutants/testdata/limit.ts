/** Read only by the test of the tool. */
export const MOST = 3

const seen: string[] = []

export const isAbove = (n: number): boolean => n > MOST

export const isFree = (n: number): boolean => n < MOST

export const sum = (to: number): number => {
  let total = 0
  for (let i = 1; i <= to; ) {
    total += i
    i += 1
  }
  return total
}

export const isNew = (name: string): boolean => {
  if (seen.includes(name)) return false
  seen.push(name)
  return true
}

export const nobodyAsks = (a: boolean, b: boolean): boolean => a && b
