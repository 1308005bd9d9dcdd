import { describe, expect, test } from 'vitest'
import { decide } from '../decide/decide.ts'
import { action, aNodeCase, nodePolicy } from '../decide/testing-nodes.ts'
import { at, NOW } from '../decide/testing.ts'
import { type Fact, known, unknown } from '../model/incident.ts'
import { type NodeLease, nodeLeaseOf } from '../model/node-lease.ts'

const decided = (lease: Fact<NodeLease | undefined>, type = 'RestartRuntime') =>
  decide(aNodeCase({ node: { lease }, policies: [nodePolicy({ actions: [action(type)] })] }))
const heldBy = (holder: string, ms: number) => known({ holder, until: NOW + ms })

describe('a node whose lease remediators share', () => {
  test('is left to another who holds it, by name and time', () => {
    expect(decided(heldBy('node-maintenance', 60_000))).toMatchObject({
      kind: 'Hold',
      reason: 'InFlight',
      message: `node-maintenance is working on node n1: it holds the node's lease until 2026-03-01T12:01:00Z`,
    })
  })

  test.each<readonly [string, Fact<NodeLease | undefined>]>([
    ['nobody holds it', known(undefined)],
    ['it ran out', heldBy('node-maintenance', 0)],
    ['it is our own', heldBy('podmend', 60_000)],
  ])('is worked on where %s', (_, lease) => {
    expect(decided(lease).kind).toBe('Act')
  })

  test('is left where the lease cannot be read', () => {
    expect(decided(unknown('403'))).toMatchObject({
      reason: 'InFlight',
      message: expect.stringContaining('unknown: 403'),
    })
  })

  test('may be flagged all the same: that disturbs nobody', () => {
    expect(decided(heldBy('node-maintenance', 60_000), 'FlagNode').kind).toBe('Act')
  })
})

test.each<readonly [string, object, NodeLease | undefined]>([
  ['renewed', { renewTime: at(0), acquireTime: at(-9_000) }, { holder: 'a', until: NOW + 30_000 }],
  ['never renewed', { acquireTime: at(-9_000) }, { holder: 'a', until: NOW + 21_000 }],
  ['without a time', {}, undefined],
  ['with a bad time', { renewTime: 'soon' }, undefined],
  ['given back', { holderIdentity: '', renewTime: at(0) }, undefined],
])('a lease that is %s', (_, spec, lease) => {
  expect(nodeLeaseOf({ spec: { holderIdentity: 'a', leaseDurationSeconds: 30, ...spec } })).toEqual(lease)
})
