import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { showProgress } from '../build/progress.ts'
import { nodeBinaries } from '../control-plane/build.ts'
import { eventually } from '../eventually.ts'
import { type Kubectl, kubectlOf } from '../kubectl.ts'
import { kind } from '../machine/kind.ts'
import { AUDIT_LOG, AUDIT_MOUNT, auditPolicy, clusterConfig } from './cluster-config.ts'
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
  /** Whether its nodes have Docker and the network plugins that fail on purpose: those of our own image do. */
  readonly breakable: boolean
  /** Runs a command in a node. */
  readonly exec: Exec
  /** Brings an image of the Docker daemon onto these nodes, by default the workers. */
  load(image: string, nodes?: readonly string[]): Promise<void>
  /** Stops a worker as a machine is switched off, and starts it again; resolves when it boots. */
  reboot(node: string): Promise<void>
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

interface Place {
  readonly options: KindOptions
  readonly kubeconfig: string
  readonly kubectlPath: string
  readonly down: () => Promise<void>
}

const controlPlaneOf = (name: string): string => `${name}-control-plane`

const nodeNames = async (docker: Docker, name: string): Promise<readonly string[]> => {
  const args = ['ps', '--filter', `label=io.x-k8s.kind.cluster=${name}`, '--format', '{{.Names}}']
  return (await docker(args)).split('\n').filter(Boolean).toSorted()
}

interface Inspected {
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly Gateway: string; readonly IPPrefixLen: number }>>
  }
  readonly Mounts: readonly { readonly Source: string; readonly Destination: string }[]
}

/** The handle of a running cluster. */
const handleOf = async ({ options, kubeconfig, kubectlPath, down }: Place): Promise<KindCluster> => {
  const { name, dockerHost } = options
  const docker = dockerAt(dockerHost)
  const nodes = await nodeNames(docker, name)
  const controlPlane = controlPlaneOf(name)
  const [inspected] = JSON.parse(await docker(['inspect', controlPlane])) as [Inspected]
  const [network] = Object.values(inspected.NetworkSettings.Networks)
  if (!network) throw new Error(`the node ${controlPlane} is on no network`)
  const audit = inspected.Mounts.find(({ Destination }) => Destination === AUDIT_MOUNT)?.Source
  const workers = nodes.filter((node) => node !== controlPlane)
  const kubectl = kubectlOf({ kubectl: kubectlPath, kubeconfig })
  const exec = execAt(docker)
  const breakable = (await exec(controlPlane, ['ls', '/opt/cni/bin'])).includes('docker-chain')
  return {
    name,
    kubeconfig,
    kubectlPath,
    kubectl,
    controlPlane,
    workers,
    nodes,
    gateway: network.Gateway,
    subnet: `${network.Gateway}/${network.IPPrefixLen}`,
    auditLog: audit === undefined ? '' : join(audit, AUDIT_LOG),
    docker,
    breakable,
    exec,
    reboot: async (node) => {
      await docker(['restart', '--time', '10', node])
      // A network plugin of kind's own does this by itself.
      if (breakable) {
        await installNetworkPlugin(await nodeNetworks(kubectl, nodes.length), exec)
      }
    },
    load: async (tag, onto = workers) => void (await Promise.all(onto.map((node) => loadImage(dockerHost, tag, node)))),
    down,
  }
}

/** Starts a cluster of nodes, after making their image if this machine has none. Throws with what kind says. */
export const startKindCluster = async (options: KindOptions): Promise<KindCluster> => {
  const { name, dockerHost, directory } = options
  const program = await kind()
  const { image, own } = await nodeImage(dockerHost)
  const kubectlPath = join(await nodeBinaries(), 'kubectl')
  const progress = showProgress('cluster')
  const docker = dockerAt(dockerHost)
  const network = `podmend-${name}`
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
    if (own) {
      progress.update('network of the pods')
      const nodes = await nodeNames(docker, name)
      await installNetworkPlugin(await nodeNetworks(kubectl, nodes.length), execAt(docker))
    }
    progress.update('waiting for the nodes')
    await kubectl(['wait', '--for=condition=Ready', 'nodes', '--all', `--timeout=${READY_WITHIN_MS / 1000}s`])
    return await handleOf({ options, kubeconfig, kubectlPath, down })
  } catch (cause) {
    await down().catch(() => {})
    throw new Error('starting the cluster', { cause })
  } finally {
    progress.end()
  }
}

/** A cluster of kind that is there already; `down` leaves it. Throws where the daemon has none of that name. */
export const attachKindCluster = async (options: KindOptions): Promise<KindCluster> => {
  const { name, dockerHost, directory } = options
  const docker = dockerAt(dockerHost)
  const nodes = await nodeNames(docker, name)
  if (nodes.length === 0) throw new Error(`the Docker daemon at ${dockerHost} has no cluster of kind named ${name}`)
  const kubeconfig = join(directory, 'admin.kubeconfig')
  const env = { ...process.env, DOCKER_HOST: dockerHost }
  await runKind(await kind(), ['export', 'kubeconfig', '--name', name, '--kubeconfig', kubeconfig], env, () => {})
  const kubectlPath = join(await nodeBinaries(), 'kubectl')
  return handleOf({ options, kubeconfig, kubectlPath, down: () => Promise.resolve() })
}
