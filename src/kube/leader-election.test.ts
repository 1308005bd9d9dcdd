import { describe, expect, it } from 'vitest'
import { createManualClock, type ManualClock } from '../runtime/clock.ts'
import { KubeError } from './errors.ts'
import { createLeader, type LeaderOptions, type Lease } from './leader-election.ts'

/** One lease with the API server's rule of versions; it can fall silent or be edited by hand. */
const createLeaseStore = () => {
  let lease: Lease | undefined
  let version = 0
  const error = (status: number, reason: string) =>
    new KubeError(reason, { status, reason, verb: 'update', path: '/lease' })
  const state = { silent: false, down: false, writes: 0 }
  const write = (body: Lease): Lease => {
    version += 1
    state.writes += 1
    lease = structuredClone({ ...body, metadata: { ...body.metadata, resourceVersion: String(version) } })
    return lease
  }
  const reach = async () => {
    if (state.down) throw error(503, 'ServiceUnavailable')
    if (state.silent) await new Promise(() => undefined)
  }
  const client = {
    get: async () => {
      await reach()
      if (!lease) throw error(404, 'NotFound')
      return lease
    },
    create: async (_path: string, body: unknown) => {
      await reach()
      if (lease) throw error(409, 'AlreadyExists')
      return write(body as Lease)
    },
    replace: async (_path: string, body: unknown) => {
      await reach()
      if ((body as Lease).metadata.resourceVersion !== lease?.metadata.resourceVersion) throw error(409, 'Conflict')
      return write(body as Lease)
    },
  } as unknown as LeaderOptions['client']
  return {
    client,
    state,
    spec: () => lease?.spec,
    edit: (spec: Partial<NonNullable<Lease['spec']>>) => lease && write({ ...lease, spec: { ...lease.spec, ...spec } }),
  }
}

const stand = (identity: string, client: LeaderOptions['client'], clock: ManualClock) => {
  const lost: string[] = []
  const leader = createLeader({
    client,
    clock,
    lease: { namespace: 'podmend-system', name: 'podmend', identity },
    onLost: (why) => lost.push(why),
  })
  leader.start()
  return { leader, lost }
}

describe('leader election', () => {
  it('takes a lease that nobody holds and keeps it', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const { leader, lost } = stand('one', store.client, clock)
    expect(leader.isLeader()).toBe(false)
    await clock.advance(60_000)
    expect(leader.isLeader()).toBe(true)
    expect(store.spec()).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 })
    expect(store.spec()?.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect(lost).toEqual([])
  })

  it('never has two leaders, and hands over at once when the first gives back', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const one = stand('one', store.client, clock)
    await clock.advance(100)
    const two = stand('two', store.client, clock)
    await clock.advance(30_000)
    expect([one.leader.isLeader(), two.leader.isLeader()]).toEqual([true, false])
    await Promise.all([one.leader.stop(), clock.advance(0)])
    expect(one.leader.isLeader()).toBe(false)
    expect(store.spec()?.holderIdentity).toBe('')
    await clock.advance(2_500)
    expect(two.leader.isLeader()).toBe(true)
    expect(store.spec()?.leaseTransitions).toBe(1)
    expect(one.lost).toEqual([])
  })

  it('waits for the full duration of a lease whose holder vanished', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    await store.client.create('', { metadata: {}, spec: { holderIdentity: 'dead', leaseDurationSeconds: 15 } })
    const { leader } = stand('two', store.client, clock)
    await clock.advance(14_900)
    expect(leader.isLeader()).toBe(false)
    await clock.advance(2_600)
    expect(leader.isLeader()).toBe(true)
  })

  it('judges the age of a foreign lease by its own clock, not by the times that stand in it', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const spec = { holderIdentity: 'alive', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' }
    await store.client.create('', { metadata: {}, spec })
    const { leader } = stand('two', store.client, clock)
    for (let i = 0; i < 12; i += 1) {
      await clock.advance(5_000)
      store.edit({ renewTime: '2001-01-01T00:00:00.000000Z' })
    }
    expect(leader.isLeader()).toBe(false)
  })

  it('must not write after its loop was blocked for longer than the lease, before any timer has run', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const { leader } = stand('one', store.client, clock)
    await clock.advance(10_000)
    expect(() => leader.assertLeader()).not.toThrow()
    clock.block(16_000)
    expect(leader.isLeader()).toBe(false)
    expect(() => leader.assertLeader()).toThrow(/not the leader/)
  })

  it('stops claiming before others may take over, and says that it lost, when the API server is silent', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const one = stand('one', store.client, clock)
    await clock.advance(10_000)
    store.state.silent = true
    await clock.advance(12_000)
    expect(one.lost).toHaveLength(1)
    expect(one.leader.isLeader()).toBe(false)
  })

  it('leads on through a short failure of the API server', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const { leader, lost } = stand('one', store.client, clock)
    await clock.advance(5_000)
    store.state.down = true
    await clock.advance(6_000)
    expect(leader.isLeader()).toBe(true)
    store.state.down = false
    await clock.advance(20_000)
    expect([leader.isLeader(), lost]).toEqual([true, []])
  })

  it('gives way when somebody else has taken the lease', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const { leader, lost } = stand('one', store.client, clock)
    await clock.advance(5_000)
    store.edit({ holderIdentity: 'usurper' })
    await clock.advance(3_000)
    expect(leader.isLeader()).toBe(false)
    expect(lost).toEqual(['usurper holds the lease podmend-system/podmend'])
    expect(leader.holder()).toBe('usurper')
  })

  it('leaves a lease alone on stop that is not its own', async () => {
    const [store, clock] = [createLeaseStore(), createManualClock()]
    const { leader } = stand('one', store.client, clock)
    await clock.advance(5_000)
    store.edit({ holderIdentity: 'usurper' })
    await Promise.all([leader.stop(), clock.advance(10)])
    expect(store.spec()?.holderIdentity).toBe('usurper')
  })
})
