import { describe, expect, it } from 'vitest'
import { intentOf, KubeError, Terminal } from '../kube/errors.ts'
import { createManualClock } from './clock.ts'
import { createWorkqueue, type RunResult, type WorkqueueOptions } from './workqueue.ts'

const BACKOFF = { baseMs: 100, maxMs: 1_000 }

/** A queue whose runs last until they are released, and a journal of what happened at what time. */
const queueOf = (more: Partial<WorkqueueOptions<string>> = {}) => {
  const clock = createManualClock()
  const journal: string[] = []
  const errors: { key: string; failures: number; retryInMs?: number }[] = []
  const open = new Map<string, { resolve: (result: RunResult) => void; reject: (error: unknown) => void }>()
  const queue = createWorkqueue<string>({
    intentOf,
    run: (key) => {
      journal.push(`${key}@${clock.monotonic()}`)
      return new Promise((resolve, reject) => open.set(key, { resolve, reject }))
    },
    concurrency: 2,
    backoff: BACKOFF,
    onError: (_error, about) => errors.push(about),
    clock,
    ...more,
  })
  const settled = () => clock.advance(0)
  return {
    queue,
    clock,
    journal,
    errors,
    settled,
    succeed: async (key: string, result?: RunResult) => {
      open.get(key)?.resolve(result)
      await settled()
    },
    fail: async (key: string, error: unknown = new Error('no')) => {
      open.get(key)?.reject(error)
      await settled()
    },
  }
}

describe('the work queue', () => {
  it('runs a key once, however often it was added before', async () => {
    const { queue, journal, settled, succeed } = queueOf()
    for (let i = 0; i < 100; i += 1) queue.add('a')
    await settled()
    await succeed('a')
    expect(journal).toEqual(['a@0'])
    expect(queue.size()).toBe(0)
  })

  it('never runs a key twice at a time, and runs it again when it was added meanwhile', async () => {
    const { queue, journal, settled, succeed } = queueOf()
    queue.add('a')
    await settled()
    queue.add('a')
    queue.add('a')
    await settled()
    expect(journal).toEqual(['a@0'])
    expect(queue.metrics().inFlight).toBe(1)
    await succeed('a')
    expect(journal).toEqual(['a@0', 'a@0'])
    await succeed('a')
    expect(queue.size()).toBe(0)
  })

  it('never runs more keys than its concurrency, and gives each its turn in the order of falling due', async () => {
    const { queue, journal, settled, succeed } = queueOf()
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
    await settled()
    expect(journal).toEqual(['a@0', 'b@0'])
    queue.add('a')
    await succeed('a')
    await succeed('b')
    expect(journal).toEqual(['a@0', 'b@0', 'c@0', 'd@0'])
    await succeed('c')
    expect(journal.at(-1)).toBe('a@0')
  })

  it('keeps room for others beside a share with many keys, and drains without running them', async () => {
    const { queue, journal, settled, succeed } = queueOf({
      concurrency: 3,
      shares: { of: (key) => (key.startsWith('own') ? undefined : key[0]), perShare: 2 },
    })
    for (const key of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2']) queue.add(key)
    await settled()
    expect(journal).toEqual(['a1@0', 'a2@0', 'b1@0'])
    await succeed('b1')
    expect(journal.at(-1)).toBe('b2@0')
    await succeed('b2')
    // A place is free, but not for a third of the same share.
    expect(journal).toHaveLength(4)
    queue.add('own')
    await settled()
    expect(journal.at(-1)).toBe('own@0')
    await succeed('a1')
    await succeed('own')
    expect(journal.slice(5)).toEqual(['a3@0'])
    const drained = queue.drain()
    for (const key of ['a2', 'a3']) await succeed(key)
    await drained
    expect(journal).toHaveLength(6)
  })

  it('keeps the earliest of several deadlines', async () => {
    const { queue, clock, journal } = queueOf()
    queue.addAfter('a', 500)
    queue.addAfter('a', 200)
    queue.addAfter('a', 900)
    await clock.advance(2_000)
    expect(journal).toEqual(['a@200'])
  })

  it('looks again when the run says so, or earlier when the key is added', async () => {
    const { queue, clock, journal, settled, succeed } = queueOf()
    queue.add('a')
    await settled()
    await succeed('a', { requeueAfterMs: 300 })
    await clock.advance(299)
    expect(journal).toEqual(['a@0'])
    await clock.advance(1)
    expect(journal).toEqual(['a@0', 'a@300'])
    await succeed('a', { requeueAfterMs: 1_000 })
    await clock.advance(100)
    queue.add('a')
    await settled()
    expect(journal.at(-1)).toBe('a@400')
  })

  it('retries a failing key later and later, and starts over after a success', async () => {
    const { queue, clock, errors, settled, fail, succeed } = queueOf()
    queue.add('a')
    await settled()
    for (let n = 0; n < 6; n += 1) {
      await fail('a')
      await clock.advance(1_000)
    }
    const waits = errors.map(({ retryInMs = -1 }) => retryInMs)
    for (const [n, wait] of waits.entries()) {
      const full = Math.min(1_000, 100 * 2 ** n)
      expect(wait).toBeGreaterThanOrEqual(full / 2)
      expect(wait).toBeLessThanOrEqual(full)
    }
    await succeed('a')
    queue.add('a')
    await settled()
    await fail('a')
    expect(errors.at(-1)?.failures).toBe(1)
  })

  it('does not hold up other keys while one waits for its retry', async () => {
    const { queue, journal, settled, fail } = queueOf({ concurrency: 1 })
    queue.add('bad')
    queue.add('good')
    await settled()
    await fail('bad')
    expect(journal).toEqual(['bad@0', 'good@0'])
  })

  it('gives up on a terminal error until the key is added again', async () => {
    const { queue, clock, journal, errors, settled, fail } = queueOf()
    queue.add('a')
    await settled()
    await fail('a', new Error('rewriting x', { cause: new Terminal('a contradiction') }))
    await clock.advance(10_000)
    expect(journal).toEqual(['a@0'])
    expect(errors[0]?.retryInMs).toBeUndefined()
    expect(queue.size()).toBe(0)
    queue.add('a')
    await settled()
    expect(journal).toHaveLength(2)
  })

  it('waits at least as long as a server asks, and with each failure longer', async () => {
    const { queue, clock, errors, settled, fail } = queueOf()
    const busy = (retryAfterMs: number) =>
      new KubeError('busy', { status: 429, reason: 'TooManyRequests', verb: 'get', path: '/version', retryAfterMs })
    queue.add('a')
    await settled()
    for (const asked of [5_000, 1, 1, 1, 1, 1]) {
      await fail('a', busy(asked))
      await clock.advance(errors.at(-1)?.retryInMs ?? 0)
    }
    const waits = errors.map(({ retryInMs = 0 }) => retryInMs)
    expect(waits[0]).toBe(5_000)
    waits.slice(1).forEach((wait, i) => expect(wait).toBeGreaterThanOrEqual([100, 200, 400, 500, 500][i] ?? 0))
  })

  it('forgets what was pending', async () => {
    const { queue, clock, journal } = queueOf()
    queue.addAfter('a', 100)
    queue.forget('a')
    expect(queue.size()).toBe(0)
    await clock.advance(1_000)
    expect(journal).toEqual([])
    expect(clock.pending()).toBe(0)
  })

  it('forgets a key that waits for a worker, and runs it once when it is added again', async () => {
    const { queue, journal, settled, succeed } = queueOf({ concurrency: 1 })
    queue.add('a')
    queue.add('b')
    queue.add('c')
    await settled()
    queue.forget('b')
    queue.forget('c')
    queue.add('c')
    await succeed('a')
    await succeed('c')
    expect(journal).toEqual(['a@0', 'c@0'])
    expect(queue.size()).toBe(0)
  })

  it('puts a key before all that wait for a worker, and runs it once', async () => {
    for (const shares of [undefined, { of: () => 'one', perShare: 1 }]) {
      const { queue, journal, settled, succeed } = queueOf({ concurrency: 1, shares })
      for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
      await settled()
      queue.addFirst('d')
      queue.addFirst('new')
      for (const key of ['a', 'd', 'new', 'b', 'c']) await succeed(key)
      expect(journal).toEqual(['a@0', 'd@0', 'new@0', 'b@0', 'c@0'])
      expect(queue.size()).toBe(0)
    }
  })

  it('puts a key first that was added so during its run', async () => {
    const { queue, journal, settled, succeed } = queueOf({ concurrency: 1 })
    for (const key of ['a', 'b', 'c']) queue.add(key)
    await settled()
    queue.addFirst('a')
    for (const key of ['a', 'a', 'b', 'c']) await succeed(key)
    expect(journal).toEqual(['a@0', 'a@0', 'b@0', 'c@0'])
  })

  it('never runs a key twice at a time, whatever place it had before', async () => {
    const { queue, journal, clock, settled, succeed } = queueOf({ concurrency: 3 })
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
    await settled()
    queue.addFirst('d')
    await succeed('a')
    queue.addFirst('d')
    queue.add('d')
    await succeed('b')
    await succeed('c')
    expect(journal).toEqual(['a@0', 'b@0', 'c@0', 'd@0'])
    await clock.advance(1_000)
    await succeed('d', { requeueAfterMs: 60_000 })
    await succeed('d')
    expect(journal).toEqual(['a@0', 'b@0', 'c@0', 'd@0', 'd@1000'])
    expect(queue.size()).toBe(0)
  })

  it('starts a key in the turn in which it was added, without a timer', async () => {
    const { queue, clock, journal } = queueOf()
    queue.add('a')
    expect(clock.pending()).toBe(0)
    await Promise.resolve()
    await Promise.resolve()
    expect(journal).toEqual(['a@0'])
  })

  it('has one timer a delayed key, however often its deadline is brought forward', async () => {
    const { queue, clock, journal } = queueOf()
    for (let ms = 1_000; ms >= 100; ms -= 100) queue.addAfter('a', ms)
    expect(clock.pending()).toBe(1)
    queue.add('a')
    expect(clock.pending()).toBe(0)
    await clock.advance(2_000)
    expect(journal).toEqual(['a@0'])
  })

  it('starts nothing of what was added in the turn in which it was drained', async () => {
    const { queue, journal, settled } = queueOf()
    queue.add('a')
    await queue.drain()
    await settled()
    expect(journal).toEqual([])
  })

  it('starts nothing more once draining, and is drained when the last run has ended', async () => {
    const { queue, clock, journal, settled, succeed } = queueOf({ concurrency: 1 })
    queue.add('a')
    queue.add('b')
    await settled()
    let drained = false
    const draining = queue.drain().then(() => {
      drained = true
    })
    queue.add('c')
    await clock.advance(1_000)
    expect(drained).toBe(false)
    await succeed('a', { requeueAfterMs: 10 })
    await draining
    await clock.advance(1_000)
    expect(journal).toEqual(['a@0'])
    expect(clock.pending()).toBe(0)
  })

  it('counts what waits, what runs and what failed', async () => {
    const { queue, clock, settled, fail } = queueOf({ concurrency: 1 })
    queue.add('a')
    queue.add('b')
    queue.addAfter('c', 1_000)
    await settled()
    await clock.advance(40)
    expect(queue.metrics()).toMatchObject({ depth: 1, delayed: 1, inFlight: 1, adds: 3, runs: 1, longestRunningMs: 40 })
    await fail('a')
    expect(queue.metrics()).toMatchObject({ depth: 0, delayed: 2, inFlight: 1, retries: 1, failures: 1 })
  })

  it('holds nothing for keys that are done', async () => {
    const { queue, clock } = queueOf({ run: async () => undefined, concurrency: 8 })
    for (let i = 0; i < 5_000; i += 1) queue.addAfter(`k${i}`, i % 7)
    await clock.advance(100)
    expect(queue.size()).toBe(0)
    expect(queue.metrics()).toMatchObject({ runs: 5_000, depth: 0, delayed: 0 })
  })
})
