import { describe, expect, it, onTestFinished } from 'vitest'
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import { KubeError } from '../../src/kube/errors.ts'
import { createReflector, type ReflectorOptions } from '../../src/kube/informer.ts'
import { pathOf } from '../../src/kube/paths.ts'
import type { Pod } from '../../src/model/kubernetes.ts'
import { createManualClock } from '../../src/runtime/clock.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { startTcpProxy } from './tcp-proxy.ts'

const cluster = useControlPlane()
const connect = () => loadKubeConnection({ kubeconfig: cluster.plane.kubeconfig })
const clientOf = async (): Promise<KubeClient> => createKubeClient(await connect(), { userAgent: 'podmend-test/1' })

const podNamed = (name: string) => ({
  metadata: { name },
  spec: { nodeName: 'somewhere', containers: [{ name: 'c', image: 'example.invalid/x:1' }] },
})

/** Follows pods and keeps a journal of what it is told. */
const follow = (
  client: Pick<KubeClient, 'list' | 'stream'>,
  path: string,
  {
    on,
    ...more
  }: Partial<Omit<ReflectorOptions<Pod, string>, 'on'>> & {
    readonly on?: Partial<ReflectorOptions<Pod, string>['on']>
  } = {},
) => {
  const journal: string[] = []
  const errors: unknown[] = []
  const reflector = createReflector<Pod, string>({
    name: 'pods',
    client,
    path,
    project: ({ metadata, status }) => `${metadata.name}:${status?.phase}`,
    on: {
      upsert: (item) => journal.push(`+${item}`),
      remove: (item) => journal.push(`-${item}`),
      error: (error) => errors.push(error),
      ...on,
    },
    ...more,
  })
  onTestFinished(() => reflector.stop())
  reflector.start()
  return { reflector, journal, errors }
}

describe('the reflector, before a real API server', () => {
  it('delivers existing objects, new ones, and those that leave the selection', async () => {
    const client = await clientOf()
    const namespace = await cluster.namespace()
    const path = pathOf({ kind: 'Pod', namespace })
    await client.create(path, podNamed('a'))
    const { reflector, journal, errors } = follow(client, path, { query: { fieldSelector: 'status.phase=Pending' } })
    await reflector.synced
    expect(journal).toEqual(['+a:Pending'])
    await client.create(path, podNamed('b'))
    await eventually(() => expect(journal).toEqual(['+a:Pending', '+b:Pending']))
    await client.patch(`${path}/a/status`, { status: { phase: 'Running' } }, { type: 'merge' })
    await eventually(() => expect(journal.at(-1)).toMatch(/^-a:/))
    expect([...reflector.items().values()]).toEqual(['b:Pending'])
    expect(errors).toEqual([])
  })

  it('learns the same by pages as by a stream', async () => {
    const client = await clientOf()
    const namespace = await cluster.namespace()
    const path = pathOf({ kind: 'Pod', namespace })
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(path, podNamed(name))
    const paged: Pick<KubeClient, 'list' | 'stream'> = {
      list: (at, options) => client.list(at, { ...options, limit: 2 }),
      stream: async (at, query) => {
        const about = { status: 422, reason: 'Invalid', verb: 'watch', path: at } as const
        if (query['sendInitialEvents']) throw new KubeError('no streams here', about)
        return client.stream(at, query)
      },
    }
    const { reflector, journal, errors } = follow(paged, path)
    await reflector.synced
    expect([...reflector.items().values()]).toEqual(['a:Pending', 'b:Pending', 'c:Pending', 'd:Pending', 'e:Pending'])
    await client.remove(`${path}/c`, { gracePeriodSeconds: 0 })
    await eventually(() => expect(journal.at(-1)).toMatch(/^-c:/))
    expect(errors).toEqual([])
  })

  it('misses nothing when its connections become half-open', async () => {
    const client = await clientOf()
    const namespace = await cluster.namespace()
    const path = pathOf({ kind: 'Pod', namespace })
    const proxy = await startTcpProxy(await connect())
    const clock = createManualClock()
    const through = createKubeClient(proxy.connection, { userAgent: 'podmend-test/1' })
    const { reflector, journal } = follow(through, path, { clock })
    await reflector.synced
    await client.create(path, podNamed('before'))
    await eventually(() => expect(journal).toEqual(['+before:Pending']))
    proxy.freeze()
    await client.create(path, podNamed('meanwhile'))
    await client.remove(`${path}/before`, { gracePeriodSeconds: 0 })
    const startedAt = clock.now()
    await eventually(
      async () => {
        await clock.advance(1_000)
        expect([...reflector.items().values()]).toEqual(['meanwhile:Pending'])
      },
      { everyMs: 20 },
    )
    expect(clock.now() - startedAt).toBeLessThan(120_000)
  })

  it('bears the silence of events, which have no bookmarks, on one connection', async () => {
    const client = await clientOf()
    const clock = createManualClock()
    const namespace = await cluster.namespace()
    let opened = 0
    const { reflector, errors } = follow(client, pathOf({ kind: 'Event', namespace }), {
      clock,
      keep: false,
      query: { fieldSelector: 'type=Warning,involvedObject.kind=Pod' },
      on: { open: () => (opened += 1) },
    })
    await reflector.synced
    for (let n = 1; n <= 3; n += 1) {
      const before = reflector.heard().at
      await clock.advance(76_000)
      await eventually(() => expect(reflector.heard().at).toBeGreaterThan(before), { everyMs: 10 })
    }
    expect([opened, errors]).toEqual([1, []])
  })

  it('continues after a restart of the API server, and delivers what happened meanwhile', async () => {
    const client = await clientOf()
    const namespace = await cluster.namespace()
    const path = pathOf({ kind: 'Pod', namespace })
    await client.create(path, podNamed('before'))
    const { reflector, journal } = follow(client, path)
    await reflector.synced
    await cluster.plane.restartApiServer()
    await client.create(path, podNamed('after'))
    await eventually(() => expect(journal).toEqual(['+before:Pending', '+after:Pending']), { timeoutMs: 40_000 })
  })

  it('waits for a resource that is not served yet', async () => {
    const client = await clientOf()
    const clock = createManualClock()
    const plural = 'gadgets'
    const { reflector, errors } = follow(client, `/apis/test.example.com/v1/${plural}`, { clock })
    await eventually(() => expect(errors).toHaveLength(1))
    await client.create(pathOf({ kind: 'CustomResourceDefinition' }), {
      metadata: { name: `${plural}.test.example.com` },
      spec: {
        group: 'test.example.com',
        scope: 'Cluster',
        names: { plural, singular: 'gadget', kind: 'Gadget' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    })
    await eventually(async () => {
      await clock.advance(2_000)
      expect(reflector.hasSynced()).toBe(true)
    })
  })
})
