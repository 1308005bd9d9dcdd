import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { showProgress } from '../build/progress.ts'
import { nodeBinaries } from '../control-plane/build.ts'
import { eventually } from '../eventually.ts'
import { type Kubectl, kubectlOf } from '../kubectl.ts'
import { kind } from '../machine/kind.ts'
import { AUDIT_LOG, auditPolicy, clusterConfig } from './cluster-config.ts'
import { type Docker, dockerAt, type Exec, execAt, loadImage } from './docker-nodes.ts'
import { installNetworkPlugin } from './network-plugin.ts'
import { nodeImage } from './node-image.ts'

/** A cluster of real nodes in containers: one control plane, two workers. */
export interface KindCluster {
  readonly name: string
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly kubectlPath: string
  readonly kubectl: Kubectl
  readonly controlPlane: string
  readonly workers: readonly string[]
  /** All of them; a node has the name of its container. */
  readonly nodes: readonly string[]
  /** This machine as the nodes see it, and their network in CIDR form. */
  readonly gateway: string
  readonly subnet: string
  /** Path of the API server's audit log on this machine. */
  readonly auditLog: string
  readonly docker: Docker
  /** Runs a command in a node. */
  readonly exec: Exec
  /** Brings an image of the Docker daemon onto the workers. */
  load(image: string): Promise<void>
  /** Removes the nodes and their network. */
  down(): Promise<void>
}

export interface KindOptions {
  readonly name: string
  /** As `withDocker` gives it. */
  readonly dockerHost: string
  /** An empty folder for its files. */
  readonly directory: string
}

const READY_WITHIN_MS = 180_000

const runKind = (
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const lines: string[] = []
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        lines.push(line)
        onLine(line.trim())
      })
    }
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`kind ${args.slice(0, 2).join(' ')} ended with ${code}:\n${lines.slice(-40).join('\n')}`))
    })
  })

interface NodeObject {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly podCIDR?: string }
  readonly status: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] }
}

/** The pods' network of each node; not there at once, since a controller gives it. */
const nodeNetworks = (kubectl: Kubectl, count: number) =>
  eventually(
    async () => {
      const { items } = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json'])) as { items: NodeObject[] }
      const found = items.flatMap(({ metadata: { name }, spec: { podCIDR }, status: { addresses = [] } }) => {
        const address = addresses.find(({ type }) => type === 'InternalIP')?.address
        return podCIDR === undefined || address === undefined ? [] : [{ name, podCidr: podCIDR, address }]
      })
      if (found.length < count) throw new Error(`only ${found.length} of ${count} nodes have a network for pods`)
      return found
    },
    { timeoutMs: READY_WITHIN_MS, everyMs: 250 },
  )

/** Starts a cluster of nodes, after making their image if this machine has none. Throws with what kind says. */
export const startKindCluster = async ({ name, dockerHost, directory }: KindOptions): Promise<KindCluster> => {
  const program = await kind()
  const { image, own } = await nodeImage(dockerHost)
  const kubectlPath = join(await nodeBinaries(), 'kubectl')
  const progress = showProgress('cluster')
  const docker = dockerAt(dockerHost)
  const exec = execAt(docker)
  const network = `kubemend-${name}`
  const kubeconfig = join(directory, 'admin.kubeconfig')
  const env = { ...process.env, DOCKER_HOST: dockerHost, KIND_EXPERIMENTAL_DOCKER_NETWORK: network }
  const auditFolder = join(directory, 'audit')
  mkdirSync(auditFolder, { recursive: true })
  writeFileSync(join(auditFolder, 'policy.json'), auditPolicy())
  const config = join(directory, 'kind.json')
  writeFileSync(config, clusterConfig({ own, auditFolder }))

  const down = async (): Promise<void> => {
    await runKind(program, ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig], env, () => {})
    await docker(['network', 'rm', network]).catch(() => '')
  }
  try {
    const args = ['create', 'cluster', '--name', name, '--config', config, '--kubeconfig', kubeconfig]
    await runKind(program, [...args, '--retain', ...(image === undefined ? [] : ['--image', image])], env, (line) =>
      progress.update(line),
    )
    const kubectl = kubectlOf({ kubectl: kubectlPath, kubeconfig })
    const nodes = (await docker(['ps', '--filter', `label=io.x-k8s.kind.cluster=${name}`, '--format', '{{.Names}}']))
      .split('\n')
      .filter(Boolean)
      .toSorted()
    progress.update('network of the pods')
    if (own) await installNetworkPlugin(await nodeNetworks(kubectl, nodes.length), exec)
    progress.update('waiting for the nodes')
    await kubectl(['wait', '--for=condition=Ready', 'nodes', '--all', `--timeout=${READY_WITHIN_MS / 1000}s`])
    const [{ Subnet: subnet = '', Gateway: gateway = '' } = {}] = (
      JSON.parse(await docker(['network', 'inspect', network, '--format', '{{json .IPAM.Config}}'])) as {
        Subnet?: string
        Gateway?: string
      }[]
    ).filter(({ Subnet = '' }) => Subnet.includes('.'))
    progress.line(`${nodes.length} nodes are ready`)
    const controlPlane = `${name}-control-plane`
    const workers = nodes.filter((node) => node !== controlPlane)
    return {
      name,
      kubeconfig,
      kubectlPath,
      kubectl,
      controlPlane,
      workers,
      nodes,
      gateway,
      subnet,
      auditLog: join(auditFolder, AUDIT_LOG),
      docker,
      exec,
      load: async (tag) => void (await Promise.all(workers.map((node) => loadImage(dockerHost, tag, node)))),
      down,
    }
  } catch (cause) {
    if (!process.env['KUBEMEND_KEEP_BROKEN']) await down().catch(() => {})
    throw new Error('starting the cluster', { cause })
  } finally {
    progress.end()
  }
}
