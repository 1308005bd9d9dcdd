import { beforeAll, expect, test } from 'vitest'
import type { RemediationPolicy } from '../../src/api/kinds.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { createPolicyStatusWriter } from '../../src/report/policy-status.ts'
import { createManualClock } from '../../src/runtime/clock.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { clientOf } from '../act/plans.ts'

const cluster = useControlPlane()
let kube: KubeClient
beforeAll(async () => {
  kube = await clientOf(cluster.plane.kubeconfig)
  await cluster.kubectl(['apply', '-f', 'crds/'])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/remediationpolicies.podmend.io', '--timeout=30s'])
  await eventually(() => cluster.kubectl(['get', 'remediationpolicies']))
})

const policy = async (name: string): Promise<RemediationPolicy> => {
  await cluster.applyYaml(
    JSON.stringify({
      apiVersion: 'podmend.io/v1alpha1',
      kind: 'RemediationPolicy',
      metadata: { name },
      spec: { match: { causes: ['ProjectNotFound'] }, actions: [{ type: 'RecyclePod' }] },
    }),
  )
  return read(name)
}
const read = (name: string) => cluster.get<RemediationPolicy>('remediationpolicy', name)
const attempt = (n: number) => ({ incident: `incident-${n}`, at: Date.UTC(2030, 0, 1) + n })

const setUp = (cached?: (name: string) => RemediationPolicy | undefined) => {
  const failures: unknown[] = []
  const clock = createManualClock()
  const onFailure = (error: unknown): void => void failures.push(error)
  return {
    clock,
    failures,
    writer: createPolicyStatusWriter({ client: kube, clock, onFailure, ...(cached && { cached }) }),
  }
}

test('updates are batched: many become one write', async () => {
  const before = await policy('gathered')
  const { writer, clock, failures } = setUp()
  for (let n = 0; n < 20; n += 1) writer.update('gathered', { attempts: [attempt(n)], active: n, succeeded: 1 })
  await clock.advance(100)
  await writer.flush()
  const { status, metadata } = await read('gathered')
  expect(failures).toEqual([])
  expect(status).toMatchObject({ active: 19, succeeded: 20 })
  expect(status?.attempts).toHaveLength(20)
  expect(metadata.generation).toBe(before.metadata.generation)
})

test('a policy is written at most once a second', async () => {
  await policy('paced')
  const { writer, clock } = setUp()
  writer.update('paced', { active: 1 })
  await clock.advance(100)
  await eventually(async () => expect((await read('paced')).status?.active).toBe(1))
  writer.update('paced', { active: 2 })
  await clock.advance(500)
  expect((await read('paced')).status?.active).toBe(1)
  await clock.advance(600)
  await eventually(async () => expect((await read('paced')).status?.active).toBe(2))
})

test('what someone else wrote meanwhile is kept', async () => {
  const stale = await policy('merged')
  const first = setUp()
  first.writer.update('merged', { attempts: [attempt(1)], succeeded: 2 })
  await first.writer.flush()
  const second = setUp(() => stale)
  second.writer.update('merged', { attempts: [attempt(2)], succeeded: 3 })
  await second.writer.flush()
  const { status } = await read('merged')
  expect(second.failures).toEqual([])
  expect(status?.succeeded).toBe(5)
  expect(status?.attempts?.map(({ incident }) => incident)).toEqual(['incident-1', 'incident-2'])
})

test('admission is reported as a condition', async () => {
  await policy('judged')
  const { writer } = setUp()
  writer.update('judged', {
    admitted: { generation: 1, sentences: ['a rule maps to itself'] },
    conflictsWith: ['other'],
  })
  await writer.flush()
  await cluster.kubectl(['wait', '--for=condition=Ready=False', 'remediationpolicy/judged', '--timeout=5s'])
  await cluster.kubectl(['wait', '--for=condition=Conflicting', 'remediationpolicy/judged', '--timeout=5s'])
})

test('updates that could not be written are not lost', async () => {
  await policy('later')
  const failures: unknown[] = []
  const clock = createManualClock()
  let down = true
  const flaky = {
    get: kube.get,
    replace: <T>(path: string, body: unknown): Promise<T> => {
      if (down) return Promise.reject(new Error('the server is away'))
      return kube.replace<T>(path, body)
    },
  }
  const writer = createPolicyStatusWriter({ client: flaky, clock, onFailure: (error) => failures.push(error) })
  writer.update('later', { succeeded: 1 })
  await clock.advance(100)
  await eventually(() => expect(failures).toHaveLength(1))
  writer.update('later', { succeeded: 1 })
  down = false
  await eventually(async () => {
    await clock.advance(6_000)
    expect((await read('later')).status?.succeeded).toBe(2)
  })
})

test('a success is counted once where the answer to its write was lost', async () => {
  await policy('lost')
  const failures: unknown[] = []
  const clock = createManualClock()
  let answers = false
  const lossy = {
    get: kube.get,
    replace: async <T>(path: string, body: unknown): Promise<T> => {
      const written = await kube.replace<T>(path, body)
      if (!answers) throw new Error('the connection was lost')
      return written
    },
  }
  const writer = createPolicyStatusWriter({ client: lossy, clock, onFailure: (error) => failures.push(error) })
  writer.update('lost', { succeeded: 1, attempts: [{ incident: 'a', at: clock.now() }] })
  await clock.advance(100)
  await eventually(() => expect(failures).toHaveLength(1))
  writer.update('lost', { succeeded: 1 })
  answers = true
  await eventually(async () => {
    await clock.advance(6_000)
    expect((await read('lost')).status?.succeeded).toBe(2)
  })
  expect((await read('lost')).status?.attempts).toHaveLength(1)
})

test('a policy that is gone is let go', async () => {
  const { writer, failures } = setUp()
  writer.update('never-was', { active: 1 })
  await writer.flush()
  expect(failures).toEqual([])
})
