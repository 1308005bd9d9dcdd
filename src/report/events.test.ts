import { expect, test } from 'vitest'
import { createManualClock } from '../runtime/clock.ts'
import { createEventWriter, type EventMessage, eventOf } from './events.ts'
import { NOW } from './testing.ts'

const note = (n = 0): EventMessage => ({
  regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'x'.repeat(253), uid: `u${n}` },
  type: 'Normal',
  reason: 'Repaired',
  message: 'it runs',
})

test('an Event has a name that a long-named object leaves room for, of its own for each time', () => {
  const [one, two] = [eventOf(note(), NOW, 'a'), eventOf(note(), NOW + 1, 'a')]
  expect(one.metadata.name.length).toBeLessThanOrEqual(253)
  expect(one.metadata.name).not.toBe(two.metadata.name)
})

test('Events take their turn two at a time, and beyond a thousand they are dropped and told of', async () => {
  let [open, most, made] = [0, 0, 0]
  const release: (() => void)[] = []
  const failures: unknown[] = []
  const kube = {
    create: <T>(): Promise<T> => {
      open += 1
      made += 1
      most = Math.max(most, open)
      return new Promise<T>((resolve) => {
        release.push(() => {
          open -= 1
          resolve({} as T)
        })
      })
    },
    patch: <T>(): Promise<T> => Promise.reject<T>(new Error('nothing is written twice here')),
  }
  const writer = createEventWriter({
    client: kube,
    clock: createManualClock(NOW),
    instance: 'a',
    onFailure: (error) => failures.push(error),
  })
  let done = false
  const all = writer.emit(Array.from({ length: 1_500 }, (_, n) => note(n))).then(() => {
    done = true
  })
  while (!done) {
    release.splice(0).forEach((go) => go())
    await new Promise((resolve) => setImmediate(resolve))
  }
  await all
  expect({ most, made, dropped: failures.length }).toEqual({ most: 2, made: 1_002, dropped: 498 })
})

test.each([
  ['forward', 86_400_000],
  ['back', -86_400_000],
])(
  'an Event that goes on is counted up, and written again after a while, when the clock jumps a day %s',
  async (_, jump) => {
    const clock = createManualClock(NOW)
    const written: string[] = []
    const kube = {
      create: <T>(): Promise<T> => Promise.resolve(written.push('create')).then(() => ({}) as T),
      patch: <T>(): Promise<T> => Promise.resolve(written.push('patch')).then(() => ({}) as T),
    }
    const writer = createEventWriter({ client: kube, clock, instance: 'a', onFailure: () => undefined })
    await writer.emit([note(1)])
    clock.jump(jump)
    await writer.emit([note(1)])
    expect(written).toEqual(['create'])
    await clock.advance(5 * 60_000)
    await writer.emit([note(1)])
    expect(written).toEqual(['create', 'patch'])
    await clock.advance(10 * 60_000)
    await writer.emit([note(1)])
    expect(written).toEqual(['create', 'patch', 'create'])
  },
)
