/** What all scenarios share: Docker, a cluster of nodes, registries, and the operator inside the cluster. */
import { buildImage, type BuiltImage } from '../testbed/image/build-image.ts'
import { attachKindCluster, type KindCluster, startKindCluster } from '../testbed/kind/cluster.ts'
import { temporaryDirectory } from '../testbed/temporary.ts'
import { type Operator, operatorOf } from './operator.ts'
import { type Registries, startRegistries } from './registries.ts'

export interface Environment {
  readonly cluster: KindCluster
  readonly registries: Registries
  readonly operator: Operator
  /** Stops all of it; a cluster that existed before is kept. */
  down(): Promise<void>
}

export interface EnvironmentOptions {
  readonly dockerHost: string
  /** The name of an existing kind cluster. */
  readonly existing?: string
  /** When aborted, nothing more is started, and what runs is stopped. */
  readonly signal: AbortSignal
  /** Reports each step once it is done, with its duration. */
  readonly say: (what: string) => void
}

const timed = async <T>(say: (what: string) => void, what: string, work: () => Promise<T>): Promise<T> => {
  const began = Date.now()
  const result = await work()
  say(`${what} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
  return result
}

/** Waits for both even if one fails: what the other starts meanwhile must be stopped too. */
const bothDone = async <A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> => {
  await Promise.allSettled([a, b])
  return Promise.all([a, b])
}

/** For work that may take minutes and ends by itself once the cluster is gone. */
const orAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  Promise.race([
    work,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true })
    }),
  ])

/** Starts all of it with what the machine has. If a part fails, the parts before it are stopped. */
export const startEnvironment = async ({
  dockerHost,
  existing,
  signal,
  say,
}: EnvironmentOptions): Promise<Environment> => {
  const { path: directory, remove } = temporaryDirectory('podmend-e2e-')
  const closers: (() => unknown)[] = [remove]
  const down = async (): Promise<void> => {
    for (let close = closers.pop(); close; close = closers.pop()) {
      try {
        await close()
      } catch (error) {
        say(`stopping the environment: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  try {
    // The images are built while the nodes boot: both mostly wait.
    const tag = Date.now()
    const images = async (): Promise<readonly [image: BuiltImage, agent: BuiltImage]> => [
      await timed(say, "the operator's image", () => buildImage({ dockerHost, tag: `podmend.local/e2e:${tag}` })),
      await timed(say, "the agent's image", () =>
        buildImage({ dockerHost, target: 'agent', tag: `podmend.local/e2e-agent:${tag}` }),
      ),
    ]
    const [cluster, [image, agent]] = await bothDone(
      timed(say, 'cluster: a control plane and two workers', async () => {
        if (existing !== undefined) return attachKindCluster({ name: existing, dockerHost, directory })
        const started = await startKindCluster({ name: `podmend-e2e-${process.pid}`, dockerHost, directory })
        closers.push(started.down)
        return started
      }),
      images(),
    )
    closers.push(() => cluster.docker(['image', 'rm', '--force', image.tag, agent.tag]))
    signal.throwIfAborted()
    const [registries] = await bothDone(
      timed(say, 'registries with images', async () => {
        const started = await startRegistries(cluster)
        closers.push(started.down)
        return started
      }),
      timed(say, 'both images loaded onto the nodes', () =>
        Promise.all([cluster.load(image.tag), cluster.load(agent.tag, cluster.nodes)]),
      ),
    )
    signal.throwIfAborted()
    const operator = operatorOf({
      cluster,
      image: image.tag,
      agentImage: agent.tag,
      hosts: registries.hosts,
      directory,
    })
    await timed(say, 'chart installed, operator and agents ready', () => orAborted(operator.install(), signal))
    return { cluster, registries, operator, down }
  } catch (cause) {
    await down()
    throw new Error('starting the environment', { cause })
  }
}
