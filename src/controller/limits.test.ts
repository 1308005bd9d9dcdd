import { expect, test } from 'vitest'
import { createReservations } from './limits.ts'

const attempt = { policy: 'p', incident: 'i', at: 0 }

test('what was decided on counts for everyone else until it is released', () => {
  const reservations = createReservations()
  reservations.take('o/image', attempt)
  expect(reservations.without('other/image')).toEqual([attempt])
  expect(reservations.without('o/image')).toEqual([])
  reservations.release('o/image')
  expect(reservations.without('other/image')).toEqual([])
})

test('a node on which something was decided is under repair for the others, a workload is none', () => {
  const reservations = createReservations()
  reservations.take('node-uid/IptablesChainMissing', attempt)
  reservations.take('o/image', attempt)
  expect(reservations.nodesWithout('other/RuntimeUnresponsive')).toEqual(['node-uid'])
  expect(reservations.nodesWithout('node-uid/IptablesChainMissing')).toEqual([])
})
