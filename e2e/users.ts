/** Users with a certificate of the cluster's own authority, who run commands under their own names. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { temporaryDirectory } from '../testbed/temporary.ts'
import type { Fixture } from './scenario.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

export interface MendOutput {
  readonly status: number
  readonly out: string
  readonly err: string
}

export interface User {
  /** `kubectl mend ARGS -n NAMESPACE`, without a terminal. Does not throw where the command ends with another status than 0. */
  mend(...args: readonly string[]): Promise<MendOutput>
  /** `kubectl ARGS -n NAMESPACE`; throws with what it wrote to standard error. */
  kubectl(...args: readonly string[]): Promise<string>
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: object }]
  readonly users: readonly [{ readonly user: object }]
}

/** `kubectl mend ARGS` with the rights of this kubeconfig, without a terminal. */
export const runMend = (args: readonly string[], kubeconfig: string): Promise<MendOutput> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, KUBECONFIG: kubeconfig }
    const child = execFile(process.execPath, [CLI, ...args], { env }, (error, out, err) => {
      if (error && typeof error.code !== 'number') reject(new Error('running kubectl mend', { cause: error }))
      else resolve({ status: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
    child.stdin?.end()
  })

const bind = ({ kubectl, namespace }: Fixture, name: string, role: string): Promise<string> =>
  kubectl(['create', 'rolebinding', `${name}-${role}`, '-n', namespace, `--clusterrole=${role}`, `--user=${name}`])

/** A user of this name, with these ClusterRoles in the scenario's namespace and nothing else. */
export const userNamed = async (fixture: Fixture, name: string, roles: readonly string[]): Promise<User> => {
  const { cluster, kubectl, namespace, eventually, onEnd } = fixture
  const { path: folder, remove } = temporaryDirectory(`podmend-${name}-`)
  onEnd(remove)
  const made = await cluster.exec(cluster.controlPlane, ['kubeadm', 'kubeconfig', 'user', `--client-name=${name}`])
  const [{ user }] = (parse(made) as Kubeconfig).users
  // The API server as this machine reaches it, which may not be how the nodes do.
  const [{ cluster: server }] = (JSON.parse(await kubectl(['config', 'view', '--raw', '-o', 'json'])) as Kubeconfig)
    .clusters
  const kubeconfig = join(folder, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name: 'kind', cluster: server }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: 'kind', user: name } }],
  }
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 })
  for (const role of roles) await bind(fixture, name, role)
  const run = (args: readonly string[]): Promise<string> => kubectl([...args, '-n', namespace], { kubeconfig })
  if (roles.length > 0) await eventually(() => run(['auth', 'can-i', 'get', 'rem']))
  return {
    mend: (...args) => runMend([...args, '-n', namespace], kubeconfig),
    kubectl: (...args) => run(args),
  }
}
