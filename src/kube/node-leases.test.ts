import { describe, expect, test } from 'vitest'
import { createManualClock } from '../runtime/clock.ts'
import { createNodeLeases } from './node-leases.ts'

const HOUR = 3_600_000
const MINUTE = 60_000

/** A lease as a remediator writes it whose clock is `aheadMs` ahead. */
const leaseAt = (now: number, aheadMs: number) => ({
  spec: {
    holderIdentity: 'node-maintenance',
    leaseDurationSeconds: 600,
    renewTime: new Date(now + aheadMs).toISOString(),
  },
})

describe.each([
  ['right', 0],
  ['an hour ahead', HOUR],
  ['an hour behind', -HOUR],
])('another remediator whose clock is %s', (_, aheadMs) => {
  test('holds its lease for as long as it renews it', async () => {
    const clock = createManualClock()
    const { holderOf } = createNodeLeases('leases', clock)
    for (let i = 0; i < 20; i += 1) {
      const until = clock.now() + 10 * MINUTE
      expect(holderOf('n1', leaseAt(clock.now(), aheadMs))).toEqual({ holder: 'node-maintenance', until })
      await clock.advance(9 * MINUTE)
    }
  })

  test('loses it when it has not renewed it for its duration, whatever the wall clock here does', async () => {
    const clock = createManualClock()
    const { holderOf } = createNodeLeases('leases', clock)
    const lease = leaseAt(clock.now(), aheadMs)
    expect(holderOf('n1', lease)).toBeDefined()
    clock.jump(HOUR)
    await clock.advance(10 * MINUTE - 1)
    expect(holderOf('n1', lease)).toEqual({ holder: 'node-maintenance', until: clock.now() + 1 })
    clock.jump(-2 * HOUR)
    await clock.advance(1)
    expect(holderOf('n1', lease)).toBeUndefined()
    expect(holderOf('n2', lease)).toBeDefined()
  })
})

test('a lease without a holder or a duration is free, and our own is not another’s', () => {
  const { holderOf } = createNodeLeases('leases', createManualClock())
  expect(holderOf('n1', {})).toBeUndefined()
  expect(holderOf('n1', { spec: { holderIdentity: '', leaseDurationSeconds: 60 } })).toBeUndefined()
  expect(holderOf('n1', { spec: { holderIdentity: 'ann' } })).toBeUndefined()
  expect(holderOf('n1', { spec: { holderIdentity: 'podmend', leaseDurationSeconds: 60 } })).toBeUndefined()
})
