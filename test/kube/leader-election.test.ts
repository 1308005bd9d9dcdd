import { describe, expect, it, onTestFinished } from 'vitest'
import { createKubeClient } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import { createLeader, type Lease } from '../../src/kube/leader-election.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'

const cluster = useControlPlane()

const clientOf = async (beforeWrite?: () => void) =>
  createKubeClient(await loadKubeConnection({ kubeconfig: cluster.plane.kubeconfig }), {
    userAgent: 'test',
    beforeWrite,
  })

const stand = async (identity: string, namespace: string) => {
  const lost: string[] = []
  const errors: unknown[] = []
  const leader = createLeader({
    client: await clientOf(),
    lease: { namespace, name: 'podmend', identity },
    timing: { leaseDurationMs: 6_000, renewDeadlineMs: 3_000, retryPeriodMs: 300 },
    clock: systemClock,
    onLost: (why) => lost.push(why),
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => leader.stop())
  leader.start()
  return { leader, lost, errors }
}

describe('leader election, before a real API server', () => {
  it('has one leader, whose successor takes over when it goes', async () => {
    const namespace = await cluster.namespace()
    const one = await stand('one', namespace)
    await eventually(() => expect(one.leader.isLeader()).toBe(true))
    const two = await stand('two', namespace)
    await eventually(() => expect(two.leader.holder()).toBe('one'))
    await one.leader.stop()
    expect(one.leader.isLeader()).toBe(false)
    await eventually(() => expect(two.leader.isLeader()).toBe(true))
    const lease = await cluster.get<Lease>('lease', 'podmend', '-n', namespace)
    expect(lease.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1, leaseDurationSeconds: 6 })
    expect([...one.errors, ...two.errors, ...one.lost]).toEqual([])
  })

  it('allows no write once another holder has the lease', async () => {
    const namespace = await cluster.namespace()
    const { leader, lost } = await stand('one', namespace)
    await eventually(() => expect(leader.isLeader()).toBe(true))
    const fenced = await clientOf(() => leader.assertLeader())
    const collection = pathOf({ kind: 'ConfigMap', namespace })
    await fenced.create(collection, { metadata: { name: 'first' } })
    const patch = JSON.stringify({ spec: { holderIdentity: 'usurper' } })
    await cluster.kubectl(['patch', 'lease', 'podmend', '-n', namespace, '--type=merge', '-p', patch])
    await eventually(() => expect(lost).toEqual([`usurper holds the lease ${namespace}/podmend`]))
    await expect(fenced.create(collection, { metadata: { name: 'second' } })).rejects.toThrow(/not the leader/)
    expect(await cluster.kubectl(['get', 'configmap', '-n', namespace, '-o', 'name'])).not.toContain('second')
  })
})
