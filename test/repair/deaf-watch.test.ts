/** While the watches are broken, what people stop is heeded all the same: it is read before each write. */
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type Proxy, startProxy } from '../../testbed/api-proxy.ts'
import { eventually } from '../../testbed/fixture.ts'
import { PATIENTLY, useFixture } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture({ runs: false })

/** Watches of policies, records and the operator's namespace. */
const DECISIVE = /^\/(apis\/podmend\.io\/v1alpha1\/remediation|api\/v1\/namespaces\?).*watch=/

/** Lists and watches of policies and records: a list alone would prove that what is known is current. */
const COLLECTIONS = /^\/apis\/podmend\.io\/v1alpha1\/(remediationpolicies|remediations)(\?|$)/

/** A controller behind a proxy. */
const start = async (): Promise<Proxy> => {
  const proxy = await startProxy(fixture.kubeconfig)
  const controller = await fixture.start({ kubeconfig: proxy.kubeconfig, args: ['--leader-elect=false'] })
  onTestFinished(async () => {
    await controller.kill()
    await proxy.close()
  })
  await eventually(
    async () => expect((await fetch(`http://127.0.0.1:${controller.port}/readyz`)).status).toBe(200),
    PATIENTLY,
  )
  return proxy
}

const OPERATOR = 'podmend-system'
const patch = (kind: string, name: string, change: object): Promise<string> =>
  fixture.cluster.kubectl(['patch', kind, name, '--type=merge', '-p', JSON.stringify(change)])

const pause = (value: string | null): Promise<string> =>
  patch('namespace', OPERATOR, { metadata: { annotations: { 'podmend.io/paused': value } } })

test.each<[string, (policy: string) => Promise<unknown>, string | undefined]>([
  ['pauses the operator', () => pause('true'), 'OperatorPaused'],
  ['suspends the policy', (policy) => patch('rempol', policy, { spec: { suspend: true } }), 'PolicySuspended'],
  ['makes the policy observe', (policy) => patch('rempol', policy, { spec: { mode: 'Observe' } }), 'ObserveOnly'],
  ['deletes the policy', (policy) => fixture.cluster.kubectl(['delete', 'rempol', policy]), undefined],
])('nothing is written after a person %s, though no watch says so', async (_, stop, reason) => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  const proxy = await start()
  proxy.freeze(DECISIVE)
  await stop(namespace)
  onTestFinished(async () => void (await pause(null)))
  await fixture.apply(deployment(namespace))
  if (reason === undefined) await setTimeout(15_000)
  else await fixture.record(namespace, { reason })
  await setTimeout(3_000)

  expect(fixture.writes(namespace)).toEqual([])
})

test('a watch that fails for longer holds everything, and the record tells which one and since when', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  const proxy = await start()
  const restore = proxy.refuseReads(COLLECTIONS)
  await setTimeout(12_000)
  await fixture.apply(deployment(namespace))
  const { status } = await fixture.record(namespace, { reason: 'FactUnknown' })
  expect(status?.message).toMatch(
    /the watch of remediation(policie)?s has been silent since \d{4}-\d\d-\d\dT[\d:.]+Z: /,
  )
  expect(fixture.writes(namespace)).toEqual([])

  restore()
  // Each watch tries again after at most 30 s; what it held is due at once then, not after its own half minute.
  await fixture.record(namespace, { phase: 'Succeeded' }, { ...PATIENTLY, timeoutMs: 90_000 })
})

test('a new leader writes nothing until its watches have caught up with the leader before', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace, { limits: { maxPerHour: 1 } })
  const first = await fixture.start()
  await eventually(() => expect(first.logs.some(({ message }) => message === 'leading')).toBe(true), PATIENTLY)
  const proxy = await startProxy(fixture.kubeconfig)
  const second = await fixture.start({ kubeconfig: proxy.kubeconfig })
  onTestFinished(async () => {
    await Promise.all([first.kill(), second.kill()])
    await proxy.close()
  })
  const ready = async (): Promise<number> => (await fetch(`http://127.0.0.1:${second.port}/readyz`)).status
  await eventually(async () => expect(await ready()).toBe(200), PATIENTLY)

  const thaw = proxy.freeze(DECISIVE)
  await fixture.apply(deployment(namespace, { name: 'a' }))
  await fixture.record(namespace, { phase: 'Succeeded' })
  await first.kill('SIGTERM')
  await eventually(() => expect(second.logs.some(({ message }) => message === 'leading')).toBe(true), PATIENTLY)
  await fixture.apply(deployment(namespace, { name: 'b' }))
  await setTimeout(10_000)
  expect(await fixture.records(namespace)).toHaveLength(1)

  thaw()
  await eventually(async () => {
    const reasons = (await fixture.records(namespace)).map(({ status }) => String(status?.reason))
    expect(reasons.toSorted()).toEqual(['BudgetSpent', 'Repaired'])
  }, PATIENTLY)
  expect(fixture.writes(namespace).map(({ object }) => object)).toEqual([`${namespace}/a`])
})
