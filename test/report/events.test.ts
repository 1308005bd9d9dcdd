import { beforeAll, expect, test } from 'vitest'
import type { KubeClient } from '../../src/kube/client.ts'
import type { KubeEvent } from '../../src/model/kubernetes.ts'
import { createEventWriter, type EventMessage } from '../../src/report/events.ts'
import { createManualClock } from '../../src/runtime/clock.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { clientOf } from '../act/plans.ts'

const cluster = useControlPlane()
let kube: KubeClient
let ns: string
beforeAll(async () => {
  kube = await clientOf(cluster.plane.kubeconfig)
  ns = await cluster.namespace('events')
})

const MINUTE = 60_000
const START = Date.now()

const setUp = (client: KubeClient = kube) => {
  const failures: unknown[] = []
  const clock = createManualClock(START)
  const writer = createEventWriter({
    client,
    clock,
    instance: 'test',
    onFailure: (error) => failures.push(error),
  })
  return { writer, failures, advance: clock.block }
}
const about = (uid: string, words: Partial<EventMessage> = {}): EventMessage => ({
  regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: ns, name: 'web', uid },
  type: 'Normal',
  reason: 'Repaired',
  message: 'it runs',
  ...words,
})
const eventsOf = async (uid: string, namespace = ns): Promise<readonly KubeEvent[]> =>
  (
    await cluster.get<{ items: KubeEvent[] }>(
      'events',
      '-n',
      namespace,
      '--field-selector',
      `involvedObject.uid=${uid}`,
    )
  ).items

test('an Event stands on its object, from our controller', async () => {
  const { writer, failures } = setUp()
  await writer.emit([about('plain')])
  expect(failures).toEqual([])
  expect(await eventsOf('plain')).toMatchObject([
    {
      type: 'Normal',
      reason: 'Repaired',
      message: 'it runs',
      count: 1,
      reportingComponent: 'podmend.io/controller',
      involvedObject: { kind: 'Deployment', name: 'web' },
    },
  ])
  expect(await cluster.kubectl(['get', 'events.events.k8s.io', '-n', ns])).toContain('it runs')
})

test('an Event about a policy stands in namespace default', async () => {
  const { writer, failures } = setUp()
  const regarding = { apiVersion: 'podmend.io/v1alpha1', kind: 'RemediationPolicy', name: 'moved', uid: 'policy' }
  await writer.emit([about('policy', { regarding })])
  expect(failures).toEqual([])
  expect(await eventsOf('policy', 'default')).toHaveLength(1)
})

test('the same message about the same object is one Event, whose count is written every five minutes', async () => {
  const { writer, advance } = setUp()
  for (let i = 0; i < 5; i += 1) {
    await writer.emit([about('same')])
    advance(MINUTE)
  }
  expect(await eventsOf('same')).toMatchObject([{ count: 1 }])
  await writer.emit([about('same')])
  expect(await eventsOf('same')).toMatchObject([{ count: 6 }])
})

test('another message, and the same message much later, are another Event', async () => {
  const { writer, advance } = setUp()
  await writer.emit([about('other'), about('other', { message: 'it fails' })])
  expect(await eventsOf('other')).toHaveLength(2)
  advance(11 * MINUTE)
  await writer.emit([about('other')])
  expect(await eventsOf('other')).toHaveLength(3)
})

test('a forbidden Event is logged, fails nothing, and is retried', async () => {
  const { writer, failures } = setUp(await clientOf(await cluster.plane.userKubeconfig('nobody')))
  await writer.emit([about('denied')])
  await writer.emit([about('denied')])
  expect(failures).toHaveLength(2)
})
