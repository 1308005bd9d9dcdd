import { describe, expect, test } from 'vitest'
import { decide } from '../decide/decide.ts'
import { action, aNodeCase, nodePolicy } from '../decide/testing-nodes.ts'
import { NOW } from '../decide/testing.ts'
import { type Fact, known, unknown } from '../model/incident.ts'
import type { NodeLease } from '../model/node-lease.ts'

const decided = (lease: Fact<NodeLease | undefined>, type = 'RestartRuntime') =>
  decide(aNodeCase({ node: { lease }, policies: [nodePolicy({ actions: [action(type)] })] }))
const heldBy = (holder: string, ms: number) => known({ holder, until: NOW + ms })

describe('a node whose lease remediators share', () => {
  test('is left to another who holds it, by name and time', () => {
    expect(decided(heldBy('node-maintenance', 60_000))).toMatchObject({
      kind: 'Hold',
      reason: 'InFlight',
      message: `node-maintenance is working on node n1: it holds the node's lease, until 2026-03-01T12:01:00Z unless it renews it`,
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
