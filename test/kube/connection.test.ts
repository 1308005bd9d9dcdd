import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKubeClient } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import { inClusterConnection } from '../../src/kube/in-cluster.ts'
import { pathOf } from '../../src/kube/paths.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import type { Connection } from '../../src/kube/transport.ts'

const testCluster = useControlPlane()

const directory = async () => {
  const path = await mkdtemp(join(tmpdir(), 'podmend-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Who the API server takes us for. */
const whoIs = async (connection: Connection): Promise<string> => {
  const client = createKubeClient(connection, { userAgent: 'test' })
  const path = pathOf({ kind: 'SelfSubjectReview' })
  const review = await client.create<{ status: { userInfo: { username: string } } }>(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
  })
  return review.status.userInfo.username
}

const serviceAccountToken = async (namespace: string): Promise<string> => {
  const admin = createKubeClient(await loadKubeConnection({ kubeconfig: testCluster.plane.kubeconfig }), {
    userAgent: 'test',
  })
  const path = pathOf({ kind: 'ServiceAccount', namespace, name: 'default', subresource: 'token' })
  const answer = await admin.create<{ status: { token: string } }>(path, { spec: { expirationSeconds: 3_600 } })
  return answer.status.token
}

const kubeconfig = (user: Record<string, unknown>, name = 'it') =>
  JSON.stringify({
    'current-context': name,
    clusters: [{ name, cluster: { server: testCluster.plane.url, 'certificate-authority': testCluster.plane.caFile } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'shop' } }],
    users: [{ name, user }],
  })

describe('a connection', () => {
  it('is a pod’s service account, whose token is read again when it is refused', async () => {
    const namespace = await testCluster.namespace()
    const files = await directory()
    await writeFile(join(files, 'namespace'), namespace)
    await writeFile(join(files, 'ca.crt'), await readFile(testCluster.plane.caFile))
    await writeFile(join(files, 'token'), 'of yesterday')
    const { hostname, port } = new URL(testCluster.plane.url)
    const connection = await inClusterConnection({ host: hostname, port, directory: files })
    expect(connection.namespace).toBe(namespace)
    await writeFile(join(files, 'token'), await serviceAccountToken(namespace))
    expect(await whoIs(connection)).toBe(`system:serviceaccount:${namespace}:default`)
  })

  it('takes a new certificate authority from its file', async () => {
    const files = await directory()
    await writeFile(join(files, 'ca.crt'), 'not a certificate authority of ours')
    await writeFile(join(files, 'token'), await serviceAccountToken('default'))
    const { hostname, port } = new URL(testCluster.plane.url)
    const connection = await inClusterConnection({ host: hostname, port, directory: files })
    await expect(whoIs(connection)).rejects.toThrow()
    await writeFile(join(files, 'ca.crt'), await readFile(testCluster.plane.caFile))
    await connection.refresh()
    expect(await whoIs(connection)).toBe('system:serviceaccount:default:default')
  })

  it.each<[string, (token: string, files: string) => Promise<Record<string, unknown>>]>([
    ['token', async (token) => ({ token })],
    [
      'token file beside it',
      async (token, files) => {
        await writeFile(join(files, 'token'), `${token}\n`)
        return { tokenFile: 'token' }
      },
    ],
    [
      'plugin',
      async (token) => {
        const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }
        const args = ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`]
        return {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: process.execPath,
            args,
            interactiveMode: 'Never',
          },
        }
      },
    ],
  ])('is a kubeconfig’s user with a %s', async (_name, user) => {
    const files = await directory()
    const path = join(files, 'config')
    await writeFile(path, kubeconfig(await user(await serviceAccountToken('default'), files)))
    const connection = await loadKubeConnection({ kubeconfig: path })
    expect(connection).toMatchObject({ contextName: 'it', namespace: 'shop' })
    expect(await whoIs(connection)).toBe('system:serviceaccount:default:default')
  })

  it('is a kubeconfig’s user with a certificate, found through KUBECONFIG', async () => {
    const path = await testCluster.plane.userKubeconfig('jane')
    expect(await whoIs(await loadKubeConnection({ environment: { KUBECONFIG: path } }))).toBe('jane')
  })

  it('is found in the first of several files to name it', async () => {
    const files = await directory()
    const token = await serviceAccountToken('default')
    const paths = [join(files, 'one'), join(files, 'two')]
    await writeFile(paths[0] ?? '', kubeconfig({ token: 'wrong' }, 'one'))
    await writeFile(paths[1] ?? '', kubeconfig({ token }, 'two'))
    const connection = await loadKubeConnection({ kubeconfig: paths.join(delimiter), context: 'two' })
    expect(await whoIs(connection)).toBe('system:serviceaccount:default:default')
  })

  it('is refused with a sentence when it cannot be', async () => {
    const files = await directory()
    const path = join(files, 'config')
    await expect(loadKubeConnection({ kubeconfig: path })).rejects.toThrow(`reading the kubeconfig ${path}`)
    await writeFile(path, ': not yaml : [')
    await expect(loadKubeConnection({ kubeconfig: path })).rejects.toThrow(`reading the kubeconfig ${path}`)
    await writeFile(path, kubeconfig({}))
    await expect(loadKubeConnection({ kubeconfig: path, context: 'other' })).rejects.toThrow(
      `${path}: there is no context "other"`,
    )
    await writeFile(path, JSON.stringify({ contexts: [] }))
    await expect(loadKubeConnection({ kubeconfig: path })).rejects.toThrow('no current-context is set')
  })
})
