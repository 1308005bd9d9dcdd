/** The operator as its users install it: the chart, with the image on the nodes. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ACTION_TYPES, fieldOf } from '../src/api/policy/actions.ts'
import type { Pod } from '../src/model/kubernetes.ts'
import type { KindCluster } from '../testbed/kind/cluster.ts'
import { helmBinary } from '../testbed/machine/helm.ts'

export const NAMESPACE = 'podmend-system'
export const RELEASE = 'podmend'
export const SELECTOR = 'app.kubernetes.io/component=controller'
export const AGENT_SELECTOR = 'app.kubernetes.io/component=agent'
/** The identity of every write of the controller in the audit log. */
export const CONTROLLER_USER = `system:serviceaccount:${NAMESPACE}:podmend-controller`

export const AGENT_USER = `system:serviceaccount:${NAMESPACE}:podmend-agent`

export interface Operator {
  /** Installs or upgrades with values laid over those of the environment, and waits until it is ready. */
  install(values?: object): Promise<void>
  uninstall(): Promise<void>
  /** Runs helm against the cluster and gives what it wrote. */
  helm(...args: readonly string[]): Promise<string>
  pods(): Promise<readonly Pod[]>
  /** The name of the pod that holds the lease; undefined between two holders. */
  leader(): Promise<string | undefined>
  /** What all its pods wrote. */
  logs(): Promise<string>
  /** The text of a pod's /metrics; by default the leader's. */
  metrics(pod?: string): Promise<string>
}

export interface OperatorOptions {
  readonly cluster: KindCluster
  /** As the Docker daemon names them, with a tag; on the nodes already. */
  readonly image: string
  readonly agentImage: string
  /** Text of `hosts.toml` by registry host. */
  readonly hosts: Readonly<Record<string, string>>
  readonly directory: string
}

const CHART = fileURLToPath(new URL('../charts/podmend', import.meta.url))

const named = (image: string): { readonly repository: string; readonly tag: string } => {
  const at = image.lastIndexOf(':')
  return { repository: image.slice(0, at), tag: image.slice(at + 1) }
}

/** All actions are enabled; policies decide which of them are used. */
const valuesOf = ({ image, agentImage, hosts, cluster }: OperatorOptions): object => ({
  image: named(image),
  agent: { enabled: true, image: named(agentImage), docker: { enabled: true } },
  actions: Object.fromEntries(ACTION_TYPES.map((type) => [fieldOf(type), { enabled: true }])),
  readPullSecrets: { enabled: true },
  controller: {
    registryHosts: hosts,
    allowRegistryAddresses: [cluster.subnet],
    // Forty scenarios an hour are more than a cluster should see, and each waits until its repair is verified.
    extraArgs: ['--max-actions-per-hour=10000', '--stabilization-window=4s'],
  },
})

/** A handle; nothing is installed yet. */
export const operatorOf = (options: OperatorOptions): Operator => {
  const { cluster, directory } = options
  const { kubectl } = cluster
  const helm = async (...args: readonly string[]): Promise<string> => {
    const all = [...args, '--namespace', NAMESPACE, '--kubeconfig', cluster.kubeconfig]
    const { stdout } = await promisify(execFile)(await helmBinary(), all, { maxBuffer: 64e6 })
    return stdout
  }
  const leader = async (): Promise<string | undefined> => {
    const lease = ['get', 'lease', 'podmend', '-n', NAMESPACE, '-o', 'jsonpath={.spec.holderIdentity}']
    const holder = await kubectl(lease).catch(() => '')
    // The identity is the pod's name and a random part.
    return holder.replace(/_[^_]*$/, '') || undefined
  }
  let turn = 0
  return {
    install: async (values = {}) => {
      const files = [valuesOf(options), values].map((each) => {
        const file = join(directory, `values-${++turn}.json`)
        writeFileSync(file, JSON.stringify(each))
        return file
      })
      const upgrade = ['upgrade', '--install', RELEASE, CHART, '--create-namespace', '--wait', '--timeout', '3m']
      await helm(...upgrade, ...files.flatMap((file) => ['--values', file]))
    },
    uninstall: async () => void (await helm('uninstall', RELEASE, '--wait', '--ignore-not-found')),
    helm,
    pods: async () => {
      const list = await kubectl(['get', 'pods', '-n', NAMESPACE, '-l', SELECTOR, '-o', 'json'])
      return (JSON.parse(list) as { items: Pod[] }).items
    },
    leader,
    logs: () => kubectl(['logs', '-n', NAMESPACE, '-l', SELECTOR, '--prefix', '--tail=-1', '--max-log-requests=20']),
    metrics: async (pod) => {
      const name = pod ?? (await leader())
      if (name === undefined) throw new Error('reading metrics: no replica leads')
      return kubectl(['get', '--raw', `/api/v1/namespaces/${NAMESPACE}/pods/${name}:8080/proxy/metrics`])
    },
  }
}
