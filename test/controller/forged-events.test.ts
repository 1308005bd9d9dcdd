import { expect, it, vi } from 'vitest'
import { createIncidents } from '../../src/controller/incidents.ts'
import { createProcessPod } from '../../src/controller/failing-pods.ts'
import { createKubeClient } from '../../src/kube/client.ts'
import { intentOf } from '../../src/kube/errors.ts'
import { createManualClock } from '../../src/runtime/clock.ts'
import { createPace } from '../../src/runtime/pace.ts'
import { createWorkqueue } from '../../src/runtime/workqueue.ts'
import { createNodeCache } from '../../src/watch/node-cache.ts'
import { createPodCache } from '../../src/watch/pod-cache.ts'
import { answerStatus, startFaultyServer } from '../kube/faulty-server.ts'

/** Reads of pods by namespace, as a real server receives them. */
const setUp = async () => {
  const clock = createManualClock()
  const { connection, requests } = await startFaultyServer((_, response) => answerStatus(response, 404, 'NotFound'))
  const client = createKubeClient(connection, { userAgent: 'podmend-test/1' })
  const pods = createPodCache({ now: () => clock.now(), onChange: (key) => queue.add(key) })
  const state = { pods, nodes: createNodeCache(), incidents: createIncidents() }
  const readPace = createPace({ perSecond: 20, burst: 200, clock })
  const queue = createWorkqueue<string>({
    run: createProcessPod({ client, clock, state, readPace, enqueue: () => undefined }),
    concurrency: 8,
    shares: { of: (key) => pods.get(key)?.ref.namespace, perShare: 4 },
    intentOf,
    backoff: { baseMs: 500, maxMs: 60_000 },
    onError: () => undefined,
    clock,
  })
  const forge = (namespace: string, count: number, from = 0) => {
    for (let i = from; i < from + count; i += 1) {
      const warning = { reason: 'Failed', message: 'x', reporter: 'kubelet', lastSeen: clock.now() }
      pods.sawWarning({ namespace, name: `pod-${i}`, uid: `${i}` }, warning)
    }
  }
  const reads = (namespace: string) =>
    requests.filter(({ path }) => path.startsWith(`/api/v1/namespaces/${namespace}/`)).length
  /** Until the queue has nothing to do now. */
  const quiet = async () => {
    await clock.advance(0)
    await vi.waitUntil(() => queue.metrics().inFlight === 0 && queue.metrics().depth === 0, { timeout: 60_000 })
  }
  return { clock, forge, reads, quiet, size: () => queue.size() }
}

it('reads pods that only Events report at a bounded rate for each namespace, and all of them in the end', async () => {
  const { clock, forge, reads, quiet, size } = await setUp()
  forge('tenant', 260)
  forge('shop', 3)
  await quiet()
  expect({ tenant: reads('tenant'), shop: reads('shop') }).toEqual({ tenant: 200, shop: 3 })
  await clock.advance(1_000)
  await quiet()
  expect(reads('tenant')).toBe(220)
  forge('shop', 1, 3)
  await quiet()
  expect(reads('shop')).toBe(4)
  await clock.advance(2_000)
  await quiet()
  expect(reads('tenant')).toBe(260)
  expect(size()).toBe(0)
})
