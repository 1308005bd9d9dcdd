import { describe, expect, it } from 'vitest'
import { createKubeClient, listAll } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import { alreadyExists, conflict, forbidden, invalid, notFound } from '../../src/kube/errors.ts'
import { pathOf } from '../../src/kube/paths.ts'
import type { KubeObject } from '../../src/model/kubernetes.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { startTcpProxy } from './tcp-proxy.ts'

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

const cluster = useControlPlane()
const clientAs = async (kubeconfig = cluster.plane.kubeconfig) =>
  createKubeClient(await loadKubeConnection({ kubeconfig }), { userAgent: 'podmend-test/1' })

const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: unknown) => error,
  )

describe('the client, before a real API server', () => {
  it('creates, reads, replaces, lists and removes', async () => {
    const client = await clientAs()
    const namespace = await cluster.namespace()
    const collection = pathOf({ kind: 'ConfigMap', namespace })
    const path = pathOf({ kind: 'ConfigMap', namespace, name: 'a' })
    const created = await client.create<ConfigMap>(collection, { metadata: { name: 'a' }, data: { x: '1' } })
    await client.replace(path, { ...created, data: { x: '2' } })
    expect((await client.get<ConfigMap>(path)).data).toEqual({ x: '2' })
    expect((await client.list<ConfigMap>(collection, { fieldSelector: 'metadata.name=a' })).items).toHaveLength(1)
    await client.remove(path, { preconditions: { uid: created.metadata.uid } })
    expect(notFound(await outcome(client.get(path)))).toBe(true)
  })

  it('distinguishes a stale version, a taken name, a wrong uid and a bad object', async () => {
    const client = await clientAs()
    const namespace = await cluster.namespace()
    const collection = pathOf({ kind: 'ConfigMap', namespace })
    const path = pathOf({ kind: 'ConfigMap', namespace, name: 'a' })
    const created = await client.create<ConfigMap>(collection, { metadata: { name: 'a' } })
    await client.replace(path, { ...created, data: { x: '1' } })
    const stale = await outcome(client.replace(path, { ...created, data: { x: '2' } }))
    expect([conflict(stale), alreadyExists(stale)]).toEqual([true, false])
    const taken = await outcome(client.create(collection, { metadata: { name: 'a' } }))
    expect([conflict(taken), alreadyExists(taken)]).toEqual([false, true])
    const uid = '00000000-0000-0000-0000-000000000000'
    expect(conflict(await outcome(client.remove(path, { preconditions: { uid } })))).toBe(true)
    expect(invalid(await outcome(client.create(collection, { metadata: { name: 'NOT A NAME' } })))).toBe(true)
  })

  it('patches in three ways, and not at all where a guard does not hold or it is a rehearsal', async () => {
    const client = await clientAs()
    const namespace = await cluster.namespace()
    const path = pathOf({ kind: 'ConfigMap', namespace, name: 'a' })
    const data = async () => (await client.get<ConfigMap>(path)).data
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { x: '1' } }
    const created = await client.patch<ConfigMap>(path, applied, { type: 'apply', force: true })
    expect(created.metadata.managedFields?.[0]).toMatchObject({ manager: 'podmend-test', operation: 'Apply' })

    await client.patch(path, { data: { y: '2' } }, { type: 'merge' })
    expect(await data()).toEqual({ x: '1', y: '2' })
    const guarded = (old: string) => [
      { op: 'test', path: '/data/x', value: old },
      { op: 'replace', path: '/data/x', value: '3' },
    ]
    await client.patch(path, guarded('1'), { type: 'json', dryRun: true })
    expect(await data()).toEqual({ x: '1', y: '2' })
    expect(invalid(await outcome(client.patch(path, guarded('other'), { type: 'json' })))).toBe(true)
    await client.patch(path, guarded('1'), { type: 'json' })
    expect(await data()).toEqual({ x: '3', y: '2' })
  })

  it('follows pages to the end', async () => {
    const client = await clientAs()
    const namespace = await cluster.namespace()
    const collection = pathOf({ kind: 'ConfigMap', namespace })
    for (let i = 0; i < 7; i += 1)
      await client.create(collection, { metadata: { name: `c${i}`, labels: { mine: 'yes' } } })
    const page = await client.list(collection, { labelSelector: 'mine=yes', limit: 3 })
    expect([page.items.length, page.continue !== undefined]).toEqual([3, true])
    expect((await listAll(client, collection, { labelSelector: 'mine=yes', limit: 3 })).items).toHaveLength(7)
  })

  it('says which right is missing, in a namespace and in the whole cluster', async () => {
    const client = await clientAs(await cluster.plane.userKubeconfig('nobody-much'))
    const inNamespace = await outcome(
      client.patch(pathOf({ kind: 'Deployment', namespace: 'shop', name: 'web' }), [], { type: 'json' }),
    )
    expect(forbidden(inNamespace)).toBe(true)
    expect(String(inNamespace)).toBe(
      'KubeError: not allowed to patch deployments.apps in namespace shop: nobody-much needs the verb "patch" on resource "deployments" of API group "apps"',
    )
    expect(String(await outcome(client.list(pathOf({ kind: 'Pod' }))))).toBe(
      'KubeError: not allowed to list pods in the whole cluster: nobody-much needs the verb "list" on resource "pods" of API group ""',
    )
  })

  it('needs one connection for a thousand calls in turn', async () => {
    const proxy = await startTcpProxy(await loadKubeConnection({ kubeconfig: cluster.plane.kubeconfig }))
    const client = createKubeClient(proxy.connection, { userAgent: 'podmend-test/1' })
    const path = pathOf({ kind: 'Namespace', name: 'default' })
    for (let i = 0; i < 1_000; i += 1) await client.get(path)
    expect(proxy.accepted()).toBe(1)
  })

  it('finds its way back after the API server was restarted', async () => {
    const client = await clientAs()
    const path = pathOf({ kind: 'Namespace', name: 'default' })
    await client.get(path)
    const restarting = cluster.plane.restartApiServer()
    await outcome(client.get(path))
    await restarting
    expect(await client.get<KubeObject>(path)).toMatchObject({ metadata: { name: 'default' } })
  })
})
