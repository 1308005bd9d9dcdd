import { setTimeout as sleep } from 'node:timers/promises'
import { type Api, ApiError, openApi } from './api.ts'
import type { Behaviour, Timing } from './container-run.ts'
import { makeRecorder, type RecorderOptions } from './events.ts'
import { fittingNodes, type NodeOptions, type RegisteredNode, registerNode, writeImages } from './nodes.ts'
import { type Container, isSidecar, type Pod } from './objects.ts'
import { podStatus } from './pod-status.ts'
import { watchPods } from './pod-watch.ts'
import { makePodWorker, type PodWorker, writeStatus } from './pod-worker.ts'
import type { Runtime } from './pull-messages.ts'
import { makePuller, type Puller } from './puller.ts'

export type { NodeOptions } from './nodes.ts'
export type { Behaviour, Timing } from './container-run.ts'
export type { Runtime } from './pull-messages.ts'

/** Pods with this label run at once, by one write and without asking a registry: for loads of many healthy pods. */
export const AUTO_RUN_LABEL = 'testbed.podmend.io/auto-run'

export interface FakeKubeletOptions {
  /** Path of a kubeconfig that may do all that kubelets and the scheduler do. */
  readonly kubeconfig: string
  readonly nodes: readonly (string | NodeOptions)[]
  /** A containerd-style directory of registry hosts: `writeHostsDir`. No other host can be reached. */
  readonly hostsDir: string
  /** The runtime whose messages failed pulls have. Default `containerd`. */
  readonly runtime?: Runtime
  /**
   * As kubelets before 1.32 speak: `rpc error: code = Unknown desc = ` is kept, and the message of a back-off does not
   * end with what the pull met. Default false: as 1.36.
   */
  readonly legacyMessages?: boolean
  readonly timing?: Partial<Timing>
  readonly events?: RecorderOptions
  /** What a container does once it started; undefined: as its image's host says (`healthy.test`, `crash.test`, `done.test`). */
  readonly behave?: (container: Container, pod: Pod) => Behaviour | undefined
  /** Whether unbound pods are bound to nodes; default true. */
  readonly binds?: boolean
}

export interface FakeKubelet {
  readonly nodes: readonly RegisteredNode[]
  /** Resolves when every Event recorded until now is written. */
  eventsRecorded(): Promise<void>
  /** Stops at once; nodes and pods stay as they are. */
  stop(): Promise<void>
}

const TIMING: Timing = {
  pullBackoffMs: 300,
  pullBackoffMaxMs: 2000,
  crashAfterMs: 1000,
  completeAfterMs: 300,
  crashBackoffMs: 1000,
  crashBackoffMaxMs: 10_000,
}

const behaviourOf = (container: Container, pod: Pod): Behaviour => {
  const { image } = container
  if (image.startsWith('crash.test/')) return 'crashes'
  if (image.startsWith('done.test/')) return 'completes'
  if (pod.spec.initContainers?.includes(container)) return isSidecar(container) ? 'runs' : 'completes'
  return (pod.spec.restartPolicy ?? 'Always') === 'Always' ? 'runs' : 'completes'
}

interface NodeAgent {
  readonly node: RegisteredNode
  readonly pull: Puller
}

const makeNodeAgent = (api: Api, node: RegisteredNode, options: FakeKubeletOptions): NodeAgent => {
  const images: { names: string[] }[] = []
  let timer: NodeJS.Timeout | undefined
  const publish = (): void => {
    timer = undefined
    writeImages(api, node.name, images.slice(-50)).catch(() => {})
  }
  const pull = makePuller({
    api,
    hostsDir: options.hostsDir,
    runtime: options.runtime ?? 'containerd',
    platform: `linux/${node.arch}`,
    keepsUnknownCode: options.legacyMessages ?? false,
    onStored: ({ host, repository, full }, digest) => {
      images.push({ names: [`${host}/${repository}@${digest}`, full] })
      timer ??= setTimeout(publish, 200).unref()
    },
  })
  return { node, pull }
}

/**
 * Plays the kubelets of some nodes, and the scheduler: registers the nodes, binds pods, decides from the registry's own
 * answers alone whether images can be pulled, and reports statuses and Events in a kubelet's shapes.
 */
export const startFakeKubelet = async (options: FakeKubeletOptions): Promise<FakeKubelet> => {
  const { runtime = 'containerd', legacyMessages = false, binds = true } = options
  const api = openApi(options.kubeconfig)
  const recorder = makeRecorder(api, options.events)
  const timing = { ...TIMING, ...options.timing }
  const agents = new Map<string, NodeAgent>()
  for (const [index, given] of options.nodes.entries()) {
    const node = await registerNode(api, given, { index, runtime })
    agents.set(node.name, makeNodeAgent(api, node, options))
  }
  const nodes = [...agents.values()].map(({ node }) => node)
  const workers = new Map<string, PodWorker>()
  /** Pods that need nothing more, and requests in progress, by uid. */
  const handled = new Set<string>()
  const stopping = new AbortController()
  let bound = 0
  let addresses = 0

  const nextIP = (): string => {
    addresses++
    return `10.244.${(addresses >> 8) & 255}.${addresses & 255}`
  }

  const forget = (uid: string): void => {
    workers.get(uid)?.stop()
    workers.delete(uid)
    handled.delete(uid)
  }

  /** Does it once a pod and purpose; again after a failure that time may heal. */
  const once = (key: string, work: () => Promise<unknown>): void => {
    if (handled.has(key)) return
    handled.add(key)
    const attempt = async (): Promise<void> => {
      for (let tries = 0; tries < 20 && !stopping.signal.aborted; tries++) {
        try {
          await work()
          return
        } catch (cause) {
          if (cause instanceof ApiError && [404, 409, 422].includes(cause.status)) return
          await sleep(250)
        }
      }
    }
    void attempt()
  }

  const bind = (pod: Pod): void => {
    const { namespace, name, uid } = pod.metadata
    const fitting = fittingNodes(pod, nodes)
    const node = fitting[bound++ % Math.max(fitting.length, 1)]
    if (!node || (pod.spec.schedulingGates?.length ?? 0) > 0) return
    const target = { apiVersion: 'v1', kind: 'Node', name: node.name }
    once(`bind ${uid}`, () =>
      api.call('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, { metadata: { name, uid }, target }),
    )
  }

  const finishDeletion = (pod: Pod): void => {
    const { namespace, name, uid } = pod.metadata
    workers.get(uid)?.stop()
    once(`delete ${uid}`, () =>
      api.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, {
        gracePeriodSeconds: 0,
        preconditions: { uid },
      }),
    )
  }

  const autoRun = (pod: Pod, { node }: NodeAgent): void => {
    if (pod.status?.phase !== 'Pending') return
    once(pod.metadata.uid, () => {
      const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
      const main = pod.spec.containers.map(({ name, image }) => ({
        name,
        image,
        imageID: `${image.split(':')[0]}@sha256:${'0'.repeat(64)}`,
        containerID: `${runtime}://${pod.metadata.uid.replaceAll('-', '')}`,
        state: { running: { startedAt: now } },
        lastState: {},
        ready: true,
        started: true,
        restartCount: 0,
      }))
      const place = { hostIP: node.ip, podIP: nextIP(), before: undefined, now }
      return writeStatus(api, pod, podStatus(pod, { init: [], main }, place))
    })
  }

  const onPod = (pod: Pod): void => {
    const { uid, deletionTimestamp, labels } = pod.metadata
    if (pod.spec.nodeName === undefined) {
      if (binds && deletionTimestamp === undefined) bind(pod)
      return
    }
    const agent = agents.get(pod.spec.nodeName)
    if (!agent) return
    if (deletionTimestamp !== undefined) return finishDeletion(pod)
    if (labels?.[AUTO_RUN_LABEL] === 'true') return autoRun(pod, agent)
    const known = workers.get(uid)
    if (known) return known.update(pod)
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return
    const worker = makePodWorker(pod, {
      api,
      recorder,
      node: agent.node.name,
      pull: agent.pull,
      runtime,
      timing,
      behave: (container, of) => options.behave?.(container, of) ?? behaviourOf(container, of),
      backOffSaysWhy: !legacyMessages,
      place: { hostIP: agent.node.ip, podIP: nextIP() },
    })
    workers.set(uid, worker)
  }

  const onGone = (pod: Pod): void => {
    const { uid } = pod.metadata
    forget(uid)
    handled.delete(`bind ${uid}`)
    handled.delete(`delete ${uid}`)
  }

  const watching = watchPods(api, { onPod, onGone }, stopping.signal)
  return {
    nodes,
    eventsRecorded: recorder.settled,
    stop: async () => {
      stopping.abort()
      for (const worker of workers.values()) worker.stop()
      await watching
      api.close()
    },
  }
}
