import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/control-plane.ts', import.meta.url))

interface Pods {
  items: { metadata: { ownerReferences?: { kind: string }[] } }[]
}

describe('the control plane', () => {
  const cluster = useControlPlane()

  it('makes pods of a Deployment', async () => {
    const namespace = await cluster.namespace()
    await cluster.kubectl([
      'create',
      'deployment',
      'web',
      '--image=example.test/web:1',
      '--replicas=2',
      '-n',
      namespace,
    ])
    await eventually(async () => {
      const { items } = await cluster.get<Pods>('pods', '-n', namespace)
      expect(items.map((pod) => pod.metadata.ownerReferences?.[0]?.kind)).toEqual(['ReplicaSet', 'ReplicaSet'])
    })
  })

  it('lets a further identity do what its roles say, and nothing else', async () => {
    const namespace = await cluster.namespace()
    const kubeconfig = await cluster.plane.userKubeconfig('anna', ['readers'])
    await expect(cluster.kubectl(['get', 'pods', '-n', namespace], { kubeconfig })).rejects.toThrow(
      /User "anna" cannot list/,
    )
    await cluster.kubectl(['create', 'rolebinding', 'read', '--clusterrole=view', '--group=readers', '-n', namespace])
    await eventually(() => cluster.kubectl(['get', 'pods', '-n', namespace], { kubeconfig }))
    await expect(cluster.kubectl(['create', 'configmap', 'c', '-n', namespace], { kubeconfig })).rejects.toThrow(
      /cannot create/,
    )
  })

  it('writes each answered request to its audit log', async () => {
    await cluster.kubectl(['get', 'configmaps', '-n', 'audit-me'])
    const lines = readFileSync(cluster.plane.auditLog, 'utf8').trim().split('\n')
    const seen = lines.map((line) => JSON.parse(line) as { requestURI: string; stage: string })
    expect(seen.filter(({ requestURI }) => requestURI.includes('/namespaces/audit-me/'))).toMatchObject([
      { stage: 'ResponseComplete' },
    ])
  })

  it('keeps its data and its port when the API server restarts', async () => {
    const namespace = await cluster.namespace()
    await cluster.plane.restartApiServer()
    expect(await cluster.kubectl(['get', 'namespace', namespace, '-o', 'name'])).toBe(`namespace/${namespace}\n`)
  })

  it('goes back to a backup, and to its versions', async () => {
    const before = await cluster.namespace()
    const restore = await cluster.plane.backUp()
    const after = await cluster.namespace()
    const versionNow = async () =>
      Number((await cluster.get<{ metadata: { resourceVersion: string } }>('configmaps')).metadata.resourceVersion)
    const version = await versionNow()
    await restore()
    expect(await cluster.kubectl(['get', 'namespace', before, '-o', 'name'])).toBe(`namespace/${before}\n`)
    await expect(cluster.kubectl(['get', 'namespace', after])).rejects.toThrow(/not found/)
    await cluster.kubectl(['create', 'configmap', 'c'])
    expect(await versionNow()).toBeLessThan(version + 1_000)
  })
})

describe('a control plane whose parent is killed', () => {
  it('leaves neither a process nor a file', async () => {
    const parent = spawn(process.execPath, [SCRIPT, 'up', '--foreground'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string]
    const directory = dirname(line)
    const supervisor = Number(readFileSync(`${directory}/supervisor.pid`, 'utf8'))
    parent.kill('SIGKILL')
    await eventually(() => expect(existsSync(directory)).toBe(false))
    await eventually(() => expect(() => process.kill(supervisor, 0)).toThrow('ESRCH'))
  })
})
