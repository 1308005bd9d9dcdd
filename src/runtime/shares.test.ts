import { expect, it } from 'vitest'
import { createShares } from './shares.ts'

const turns = async () => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve()
}

/** Tasks that run until they are released, by name. */
const tasksOf = (shares: ReturnType<typeof createShares>) => {
  const started: string[] = []
  const release = new Map<string, () => void>()
  const add = (share: string, name: string, signal?: AbortSignal) =>
    shares.run(
      share,
      () => {
        started.push(name)
        return new Promise<string>((resolve) => release.set(name, () => resolve(name)))
      },
      signal && { signal },
    )
  const end = async (name: string) => {
    release.get(name)?.()
    await turns()
  }
  return { started, add, end }
}

it('runs no more of one share than it may, and others beside it', async () => {
  const { started, add, end } = tasksOf(createShares({ perShare: 2, total: 3 }))
  const results = ['a1', 'a2', 'a3', 'a4'].map((name) => add('a', name))
  results.push(add('b', 'b1'))
  await turns()
  expect(started).toEqual(['a1', 'a2', 'b1'])
  await end('b1')
  expect(started).toEqual(['a1', 'a2', 'b1'])
  await end('a1')
  expect(started).toEqual(['a1', 'a2', 'b1', 'a3'])
  await end('a2')
  await end('a3')
  await end('a4')
  expect(await Promise.all(results)).toEqual(['a1', 'a2', 'a3', 'a4', 'b1'])
})

it('lets a share that comes late wait for no more than what each other share may run', async () => {
  const { started, add, end } = tasksOf(createShares({ perShare: 1, total: 1 }))
  for (let i = 1; i <= 100; i += 1) void add('a', `a${i}`)
  void add('b', 'b1')
  await turns()
  await end('a1')
  expect(started).toEqual(['a1', 'b1'])
  await end('b1')
  expect(started).toEqual(['a1', 'b1', 'a2'])
})

it('goes on after a task that fails, and passes its error on', async () => {
  const shares = createShares({ perShare: 1 })
  await expect(shares.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await shares.run('a', async () => 1)).toBe(1)
})

it('never starts a task whose signal aborts while it waits, in its own line or in that of all', async () => {
  const { started, add, end } = tasksOf(createShares({ perShare: 1, total: 1 }))
  void add('a', 'a1')
  await turns()
  const patience = new AbortController()
  const waiting = [add('a', 'a2', patience.signal), add('b', 'b1', patience.signal)]
  await turns()
  patience.abort(new Error('too late'))
  for (const each of waiting) await expect(each).rejects.toThrow('too late')
  void add('b', 'b2')
  await end('a1')
  expect(started).toEqual(['a1', 'b2'])
})
