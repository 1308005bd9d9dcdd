import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryDirectory } from '../temporary.ts'
import type { ControlPlane } from './control-plane.ts'

interface Minified {
  'current-context': string
  clusters: { name: string; cluster: { server: string; 'certificate-authority-data'?: string } }[]
  users: { name: string; user: Record<string, unknown> }[]
}

/**
 * A cluster that someone has, in the place of an embedded control plane: the named context of KUBECONFIG or
 * `~/.kube/config`, with the kubectl of the PATH. It has no audit log (the path is empty) and cannot be restarted;
 * further identities are impersonated, so the context must be an administrator's.
 */
export const clusterAtHand = async (context: string): Promise<ControlPlane> => {
  const view = ['config', 'view', '--minify', '--flatten', '--raw', '--context', context, '-o', 'json']
  const { stdout } = await promisify(execFile)('kubectl', view).catch((cause: unknown) => {
    throw new Error(`reading context ${context}: a kubectl and a kubeconfig with that context are needed`, { cause })
  })
  const config = JSON.parse(stdout) as Minified
  const cluster = config.clusters[0]?.cluster
  if (!cluster) throw new Error(`reading context ${context}: it names no cluster`)
  const { path: directory, remove } = temporaryDirectory('podmend-context-')
  const file = (name: string): string => join(directory, name)
  const write = (name: string, text: string): string => {
    writeFileSync(file(name), text, { mode: 0o600 })
    return file(name)
  }
  const refuse = (what: string) => (): Promise<never> =>
    Promise.reject(new Error(`${what} takes an embedded control plane, not the cluster of context ${context}`))
  return {
    kubeconfig: write('admin.kubeconfig', stdout),
    url: cluster.server,
    caFile: write('ca.crt', Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64').toString()),
    auditLog: '',
    kubectl: 'kubectl',
    directory,
    userKubeconfig: async (user, groups = []) => {
      const users = config.users.map((each) => ({
        ...each,
        user: { ...each.user, as: user, 'as-groups': [...groups, 'system:authenticated'] },
      }))
      return write(`${user.replaceAll(/[^\w.-]/g, '_')}-${Date.now()}.kubeconfig`, JSON.stringify({ ...config, users }))
    },
    processIds: () => Promise.resolve({}),
    restartApiServer: refuse('restarting the API server'),
    backUp: refuse('restoring etcd'),
    down: async () => remove(),
  }
}
