import { setBounded } from '../../runtime/bounded-map.ts'

export interface Load<T> {
  readonly load: () => Promise<T>
  /** How long this value holds, ms. */
  readonly lifeMs: (value: T) => number
}

/** Values that hold for a short time. Asked for twice at once, they are loaded once. */
export interface TtlCache<T> {
  readonly get: (key: string, load: Load<T>) => Promise<T>
  /** A value that holds and needs no loading. */
  readonly held: (key: string) => T | undefined
  readonly size: () => number
}

/** Keeps at most `max` values, the oldest go first; a failed load is not kept. */
export const createTtlCache = <T>({ max, now }: { readonly max: number; readonly now: () => number }): TtlCache<T> => {
  const values = new Map<string, { readonly value: T; readonly until: number }>()
  const loading = new Map<string, Promise<T>>()

  const run = async (key: string, { load, lifeMs }: Load<T>): Promise<T> => {
    try {
      // Started a moment later, so that a load which throws at once leaves no mark behind.
      const value = await Promise.resolve().then(load)
      setBounded(values, key, { value, until: now() + lifeMs(value) }, max)
      return value
    } finally {
      loading.delete(key)
    }
  }

  const held = (key: string): T | undefined => {
    const have = values.get(key)
    return have && have.until > now() ? have.value : undefined
  }

  return {
    held,
    get: (key, load) => {
      const have = held(key)
      if (have !== undefined) return Promise.resolve(have)
      const under = loading.get(key)
      if (under) return under
      const started = run(key, load)
      loading.set(key, started)
      return started
    },
    size: () => values.size,
  }
}
