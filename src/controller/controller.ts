/** Wires the control loop: watches fill the state, a pod becomes an incident, an incident is reconciled. */
import type { Config } from '../config/config.ts'
import { breakerState } from '../decide/guardrails/target.ts'
import { createGather } from '../diagnose/gather.ts'
import { createInspectByTask } from '../diagnose/node/inspection.ts'
import { createRegistry } from '../diagnose/registry/registry.ts'
import type { KubeClient } from '../kube/client.ts'
import { createNodeLeases } from '../kube/node-leases.ts'
import { intentOf } from '../kube/errors.ts'
import { isNodeCause } from '../model/causes.ts'
import { partsOfKey } from '../model/incident.ts'
import type { ActDeps } from '../remedies/writes.ts'
import { createMetrics, type Metrics } from '../report/metrics.ts'
import { createReport } from '../report/report.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { createPace } from '../runtime/pace.ts'
import { createWorkqueue, type RunResult, type Workqueue } from '../runtime/workqueue.ts'
import { createInformers, type Informers, WATCHES } from '../watch/informers.ts'
import { countFlags, createClearNodeFlags, flagsOn } from './clear-node-flags.ts'
import { createEventHandlers, resumeIncidents } from './event-handlers.ts'
import { createGarbageCollection } from './garbage-collection.ts'
import { createProcessNode, createProcessPod } from './failing-pods.ts'
import { createRateLimiter } from './limits.ts'
import { createReadStops } from './write.ts'
import { createReconcile } from './reconcile.ts'
import { createState } from './state.ts'

export interface ControllerDeps {
  readonly config: Config
  readonly client: KubeClient
  /** Only the leader processes, decides and writes; the others only watch, so that they can take over at once. */
  readonly leads: () => boolean
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

export interface Controller {
  readonly start: () => void
  /** Confirms what the watches reported, then processes everything; called when this process becomes the leader. */
  readonly takeOver: () => void
  /** Forgets all incidents; called when another process became the leader. */
  readonly standBy: () => void
  /** Waits for work in progress and flushes pending writes. */
  readonly stop: () => Promise<void>
  readonly informers: Informers
  readonly metrics: Metrics
}

const BACKOFF = { baseMs: 500, maxMs: 60_000 }

/** Reads of pods that only Events report, for each namespace. */
const READ_PACE = { perSecond: 20, burst: 200 }

/** The client, the clock, and the other dependencies of remedies. */
const remedyIo = (config: Config, client: KubeClient, clock: Clock): ActDeps & { readonly kube: KubeClient } => {
  const { namespace, disabledActions, nodeLeaseNamespace, agentImage: name } = config
  return {
    kube: client,
    clock,
    disabledActions,
    namespace,
    ...(nodeLeaseNamespace !== undefined && { nodeLeases: createNodeLeases(nodeLeaseNamespace, clock) }),
    ...(name !== undefined && {
      agentImage: {
        name,
        pullPolicy: config.agentImagePullPolicy,
        pullSecrets: config.agentImagePullSecrets,
        systemBus: config.agentSystemBus,
        appArmorProfile: config.agentAppArmorProfile,
        seLinuxOptions: config.agentSeLinuxOptions,
      },
    }),
  }
}

export const createController = ({ config, client, leads, clock, log, version }: ControllerDeps): Controller => {
  const { namespace } = config
  const now = () => clock.now()
  const io = remedyIo(config, client, clock)
  const registry = createRegistry({
    ...(config.registryHostsDir !== undefined && { certsDirectory: config.registryHostsDir }),
    allowedAddresses: config.allowRegistryAddresses,
    timing: { requestTimeoutMs: config.registryTimeoutMs },
    proxy: config.registryProxy,
    userAgent: `podmend/${version}`,
    clock,
  })

  /**
   * Before the first sync, a decision would mistake a policy that is not listed yet for a deleted one; after an election,
   * the watches may not have delivered yet what the previous leader wrote.
   */
  let isFresh = false
  let elections = 0
  const mayAct = () => isFresh && leads() && informers.current()

  const state = createState({ namespace, clock, onPodChange: (key) => podQueue.add(key) })
  const { incidents, nodes, policies, remediations } = state
  const enqueue = (key: string): void => incidentQueue.add(key)

  // A watch that never received anything is reported as quiet since the start, not as missing.
  const watchActivity: Record<string, number> = Object.fromEntries(WATCHES.map((name) => [name, now()]))
  const metrics = createMetrics({
    version,
    readings: {
      countByPhase: remediations.countByPhase,
      held: remediations.countHeld,
      flagged: () => countFlags(flagsOn(nodes.all())),
      leads,
      queues: () => ({ pods: podQueue.metrics(), incidents: incidentQueue.metrics() }),
      watches: () => watchActivity,
      breaker: () => {
        const all = nodes.fact()
        const underRepair = remediations.nodesUnderRepair('')
        return all.known ? breakerState(policies.inForce(), all.value, underRepair) : 0
      },
    },
  })
  const report = createReport({ config, client, clock, log, metrics, state })

  const inspect = createInspectByTask({
    kube: client,
    namespace,
    clock,
    atOnce: Math.ceil(config.concurrency / 2),
    onAnswer: (result) => metrics.taskCompleted('Inspect', result),
  })
  const gather = createGather({
    reads: client,
    registry,
    readPullSecrets: config.readPullSecrets,
    watchedNode: (name) => (nodes.fact().known ? nodes.named(name) : undefined),
    agents: { namespace, nodeLeases: io.nodeLeases, inspect },
  })

  const readPace = createPace({ ...READ_PACE, clock })
  const processPod = createProcessPod({ client, clock, state, readPace, enqueue })
  const processNode = createProcessNode({ state, enqueue, now })
  const rateLimiter = createRateLimiter({
    perSecond: config.maxActionsPerSecond,
    clock,
    // In a storm, the turn would be over before the incident is reached in its line.
    onTurn: (key) => incidentQueue.addFirst(key),
  })
  const { readStops, readPaused } = createReadStops({
    client,
    namespace,
    state,
    policiesChanged: () => policiesChanged(),
  })
  const reconcile = createReconcile({
    config,
    io,
    reads: { gather, readStops },
    state,
    report,
    rateLimiter,
    enqueue,
    log,
  })

  const queue = (
    name: string,
    namespaceOf: (key: string) => string | undefined,
    run: (key: string) => Promise<RunResult>,
  ): Workqueue<string> =>
    createWorkqueue<string>({
      intentOf,
      run: async (key) => (mayAct() ? run(key) : undefined),
      concurrency: config.concurrency,
      // What takes long in one namespace (registries, owners with many pods) leaves half of the workers to the others.
      shares: { of: namespaceOf, perShare: Math.ceil(config.concurrency / 2) },
      backoff: BACKOFF,
      clock,
      onError: (error, { key, failures, retryInMs }) =>
        log.warn(`${name}: run failed`, { err: error, key, failures, ...(retryInMs !== undefined && { retryInMs }) }),
      observe: {
        waited: (ms) => metrics.queueWaited(name, ms),
        worked: (ms) => metrics.queueWorked(name, ms),
      },
    })
  const podQueue = queue('pods', (key) => state.pods.get(key)?.ref.namespace, processPod)
  // Nodes are nobody's.
  const incidentQueue = queue('incidents', (key) => incidents.get(key)?.target.namespace, reconcile)

  const enqueueAll = (): void => incidents.keys().forEach(enqueue)

  /** Whether one node may be touched depends on the health of the others. */
  const nodeChanged = (uid: string): void => {
    if (!mayAct()) return
    processNode(uid)
    for (const key of incidents.keys()) if (isNodeCause(partsOfKey(key).area)) enqueue(key)
  }

  const policiesChanged = (): void => {
    if (mayAct()) report.policiesChanged()
    enqueueAll()
  }

  const pausedChanged = (paused: boolean): void => {
    log.info(paused ? 'paused by annotation' : 'not paused', { namespace })
    enqueueAll()
  }

  const informers = createInformers({
    client,
    namespace,
    clock,
    onActivity: (name, at) => {
      watchActivity[name] = at
    },
    onError: (error, about) => log.warn('watch failed, restarting it', { err: error, ...about }),
    handlers: createEventHandlers({
      state,
      now,
      namespace,
      mayAct,
      enqueue,
      changes: {
        policies: policiesChanged,
        node: nodeChanged,
        paused: pausedChanged,
        record: (record) => {
          if (mayAct()) report.saw(record)
        },
        current: () => resync(),
      },
    }),
  })
  state.stale = informers.stale
  state.works = informers.works

  const garbageCollection = createGarbageCollection({ client, clock, log, config, state, leads })
  const clearNodeFlags = createClearNodeFlags({
    io,
    inspect,
    state,
    emit: report.emit,
    mayAct,
    readPaused,
    log,
  })

  const resync = (): void => {
    if (!mayAct()) return
    state.pods.keys().forEach((key) => podQueue.add(key))
    nodes.all().forEach(({ uid }) => processNode(uid))
    resumeIncidents(state)
    policiesChanged()
  }

  const takeOver = async (): Promise<void> => {
    elections += 1
    const election = elections
    isFresh = false
    await informers.synced
    if (election > 1) await informers.confirm()
    if (election !== elections) return
    isFresh = true
    resync()
  }

  return {
    start: () => {
      informers.start()
      garbageCollection.start()
      clearNodeFlags.start()
      void takeOver()
    },
    takeOver: () => void takeOver(),
    standBy: incidents.clear,
    stop: async () => {
      garbageCollection.stop()
      clearNodeFlags.stop()
      await Promise.all([informers.stop(), podQueue.drain()])
      await incidentQueue.drain()
      rateLimiter.stop()
      await report.flush()
      registry.close()
    },
    informers,
    metrics,
  }
}
