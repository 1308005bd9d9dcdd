/** The registries that the nodes and the operator know, each under its own name, all with real content. */
import { readFileSync } from 'node:fs'
import type { KindCluster } from '../testbed/kind/cluster.ts'
import { idleProgram } from '../testbed/kind/idle.ts'
import { type Flavour, type HarborProxy, type Project, startHarborProxy } from '../testbed/registry/harbor-proxy.ts'
import { type ImageOptions, type Registry, startRegistry } from '../testbed/registry/registry.ts'

export const HOST = 'harbor.od.com'
/** Where the project was, and where it is. */
export const OLD = `${HOST}/k8s`
export const NEW = `${HOST}/public`
/** Of the private project `team`. */
export const ROBOT = { user: 'robot', password: 'let-me-pull' }

/** What the nodes can run, and what they cannot. */
export const PLATFORM = `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`
export const OTHER_PLATFORM = PLATFORM === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'

interface Known {
  readonly flavour: Flavour
  readonly projects: readonly Project[]
}

const MOVED: readonly Project[] = [
  { name: 'public', public: true },
  { name: 'team', public: false },
]

/** One for all that do not disturb it, and one for each scenario that does: modes and moves change a whole registry. */
const KNOWN = {
  [HOST]: { flavour: 'harbor1', projects: MOVED },
  'harbor2.od.com': { flavour: 'harbor2', projects: MOVED },
  'docker.io': {
    flavour: 'hub',
    projects: [
      { name: 'library', public: true },
      { name: 'nickchase', public: true },
    ],
  },
  'down.od.com': { flavour: 'harbor1', projects: MOVED },
  'limited.od.com': { flavour: 'harbor1', projects: MOVED },
  'cut.od.com': { flavour: 'harbor1', projects: MOVED },
} as const satisfies Readonly<Record<string, Known>>

export type RegistryHost = keyof typeof KNOWN

export interface Registries {
  /** The fronts by the names that images have. */
  readonly at: Readonly<Record<RegistryHost, HarborProxy>>
  /** Makes an image that runs, at `repository:tag` of every registry: which of them shows it, its projects decide. */
  push(repository: string, tag: string, options?: ImageOptions): Promise<{ readonly digest: string }>
  /** Takes it away again. */
  remove(repository: string, tag: string): Promise<void>
  /** For the operator: text of `hosts.toml` by host. */
  readonly hosts: Readonly<Record<string, string>>
  down(): Promise<void>
}

const IMAGES: readonly (readonly [repository: string, tag: string, options?: ImageOptions])[] = [
  ['public/coredns', '1.6.1', { platforms: ['linux/amd64', 'linux/arm64'] }],
  ['public/web', '1'],
  ['public/web', '2'],
  ['public/side', '1'],
  ['public/other-platform', '1', { platforms: [OTHER_PLATFORM] }],
  ['public/several-platforms', '1', { platforms: ['linux/amd64', 'linux/arm64', 'linux/s390x'] }],
  ['public/failing', '1', { args: ['fail'] }],
  ['team/web', '1'],
  ['library/nginx', '1'],
  ['nickchase/rss-php-nginx', 'v1'],
]

const pushAll = async (registry: Registry, program: Buffer): Promise<void> => {
  await Promise.all(
    IMAGES.map(([repository, tag, options]) =>
      registry.pushImage(repository, tag, { platforms: [PLATFORM], program, ...options }),
    ),
  )
}

/**
 * containerd reads it again at every pull. 1.6 does not take a file without a `host` table ("invalid `host` tree"); the
 * `server` is the same one, so that it goes nowhere else after a failure.
 */
const hostsText = ({ url }: HarborProxy): string =>
  `server = "${url}"\n\n[host."${url}"]\ncapabilities = ["pull", "resolve"]\n`

const configureNodes = async (cluster: KindCluster, hosts: Readonly<Record<string, string>>): Promise<void> => {
  const script = Object.entries(hosts).flatMap(([host, text]) => {
    const folder = `/etc/containerd/certs.d/${host}`
    return [`mkdir -p ${folder}`, `cat >${folder}/hosts.toml <<'END'`, `${text}END`]
  })
  await Promise.all(cluster.nodes.map((node) => cluster.exec(node, ['sh', '-e'], `${script.join('\n')}\n`)))
}

/** Starts a registry with images that run, and fronts for it on the nodes' network; tells the nodes of them. */
export const startRegistries = async (cluster: KindCluster): Promise<Registries> => {
  const program = readFileSync(await idleProgram())
  const registry = await startRegistry()
  const proxies = new Map<string, HarborProxy>()
  await pushAll(registry, program)
  for (const [host, { flavour, projects }] of Object.entries<Known>(KNOWN)) {
    const users = { [ROBOT.user]: ROBOT.password }
    const options = { registry: registry.url, address: cluster.gateway, users, flavour, projects }
    proxies.set(host, await startHarborProxy(options))
  }
  const hosts = Object.fromEntries([...proxies].map(([host, proxy]) => [host, hostsText(proxy)]))
  await configureNodes(cluster, hosts)
  return {
    at: Object.fromEntries(proxies) as Record<RegistryHost, HarborProxy>,
    push: (repository, tag, options) =>
      registry.pushImage(repository, tag, { platforms: [PLATFORM], program, ...options }),
    remove: (repository, tag) => registry.deleteImage(repository, tag),
    hosts,
    down: async () => {
      for (const proxy of proxies.values()) await proxy.down()
      await registry.down()
    },
  }
}
