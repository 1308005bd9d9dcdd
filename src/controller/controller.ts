/** The stages wired: what is watched becomes a look at a pod, a look becomes an incident, an incident is reconciled. */
import { admitPolicy } from '../api/policy/compile.ts'
import type { Config } from '../config/config.ts'
import { breakerState, occupiesNode } from '../decide/guardrails/nodes.ts'
import { createGather } from '../diagnose/gather.ts'
import { buildIncident } from '../diagnose/incident.ts'
import { nodeRef, readNodeRef } from '../diagnose/node/facts.ts'
import { createInspectByTask } from '../diagnose/node/inspect.ts'
import { readOwner, readOwnerAt } from '../diagnose/owner/resolve.ts'
import { detectPodFailures } from '../diagnose/pod/findings.ts'
import { createRegistry } from '../diagnose/registry/registry.ts'
import { intentOf } from '../kube/errors.ts'
import type { KubeClient } from '../kube/client.ts'
import { isNodeCause } from '../model/causes.ts'
import { type Fact, known, partsOfKey, unknown } from '../model/incident.ts'
import type { ObjectRef, Pod } from '../model/kubernetes.ts'
import { act } from '../remedies/act.ts'
import { clearFlag } from '../remedies/flag-node/act.ts'
import { returnNodeLease } from '../remedies/node-lease.ts'
import { createAttemptHistory } from '../report/attempts.ts'
import { createMetrics, type Metrics } from '../report/metrics.ts'
import { createReport } from '../report/report.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { createWorkqueue, type Workqueue } from '../runtime/workqueue.ts'
import { createWatch, type Watch, WATCHES } from '../watch/informers.ts'
import { createNodeCache } from '../watch/node-cache.ts'
import { createPodCache } from '../watch/pod-cache.ts'
import { createPolicyCache } from '../watch/policy-cache.ts'
import { createRemediationCache } from '../watch/remediation-cache.ts'
import { countFlags, createClearNodeFlags, flagsOn } from './clear-node-flags.ts'
import { takeSnapshot } from './evaluate.ts'
import { createEventHandlers } from './event-handlers.ts'
import { createGarbageCollection } from './garbage-collection.ts'
import { createIncidents } from './incidents.ts'
import { createReservations } from './limits.ts'
import {
  createAssignPod,
  createProcessPod,
  createProcessNode,
  createReadPod,
  createReadPodsOn,
  createStillFailing,
} from './process-pod.ts'
import { createRateLimiter } from './rate-limiter.ts'
import { createReconcile } from './reconcile.ts'

export interface PipelineDeps {
  readonly config: Config
  readonly client: KubeClient
  /** Only the leader looks, decides and writes; the others watch, so that they can take over at once. */
  readonly leads: () => boolean
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

export interface Pipeline {
  readonly start: () => void
  /** Looks at everything that is known: after this process became the leader. */
  readonly resync: () => void
  /** Ends what is under way, tells what is left to tell. */
  readonly stop: () => Promise<void>
  readonly watch: Watch
  readonly metrics: Metrics
}

const BACKOFF = { baseMs: 500, maxMs: 60_000 }

export const createPipeline = ({ config, client, leads, clock, log, version }: PipelineDeps): Pipeline => {
  const now = () => clock.now()
  const registry = createRegistry({
    ...(config.registryHostsDir !== undefined && { certsDirectory: config.registryHostsDir }),
    allowedAddresses: config.allowRegistryAddresses,
    requestTimeoutMs: config.registryTimeoutMs,
    proxy: config.registryProxy,
    userAgent: `podmend/${version}`,
    now,
  })

  // A decision made before everything was read once would take a policy that is not seen yet for one that is gone.
  let synced = false
  const mayAct = () => synced && leads()

  const records = createRemediationCache()
  const incidents = createIncidents()
  const nodes = createNodeCache()
  const reservations = createReservations()
  const attemptHistory = createAttemptHistory()
  const policies = createPolicyCache(admitPolicy)
  let paused: Fact<boolean> = unknown(
    `namespace ${config.namespace} was not seen, so nobody could stop the operator there`,
  )
  // One that never heard anything shows as quiet since the start, not as no watch at all.
  const watchActivity: Record<string, number> = Object.fromEntries(WATCHES.map((name) => [name, now()]))

  const metrics = createMetrics({
    version,
    countByPhase: records.countByPhase,
    held: records.countHeld,
    flagged: () => countFlags(flagsOn(nodes.all())),
    leads,
    queues: () => ({ pods: looks.metrics(), incidents: reconciles.metrics() }),
    watches: () => watchActivity,
    breaker: () => {
      const seen = nodes.fact()
      const underRepair = records.nodesUnderRepair({ ownerUid: '', area: 'sandbox' }, occupiesNode)
      return seen.known ? breakerState(policies.inForce(), seen.value, underRepair) : 0
    },
  })
  const report = createReport({
    config,
    client,
    clock,
    log,
    metrics,
    state: { remediations: records, policies, attempts: attemptHistory },
  })

  const readPod = createReadPod(client)
  const podCache = createPodCache({ now, onChange: (uid) => looks.add(uid) })
  const detectFailures = (pod: Pod) => detectPodFailures(pod, podCache.get(pod.metadata.uid)?.words ?? [], now())

  const enqueue = (key: string): void => reconciles.add(key)
  const rateLimiter = createRateLimiter({ perSecond: config.maxActionsPerSecond, clock, onTurn: enqueue })
  const nodeNamed = async (name: string): Promise<ObjectRef | undefined> => {
    // What a watch that broke showed last may be a node that was made anew since.
    const node = nodes.fact().known ? nodes.named(name) : undefined
    return node ? nodeRef(node) : readNodeRef(name, client)
  }

  const { agentImage: name, agentImagePullPolicy: pullPolicy, agentImagePullSecrets: pullSecrets } = config
  const {
    agentSystemBus: systemBus,
    agentAppArmorProfile: appArmorProfile,
    agentSeLinuxOptions: seLinuxOptions,
  } = config
  const actDeps = {
    kube: client,
    clock,
    disabledActions: config.disabledActions,
    namespace: config.namespace,
    ...(config.nodeLeaseNamespace !== undefined && { nodeLeaseNamespace: config.nodeLeaseNamespace }),
    ...(name !== undefined && {
      agentImage: { name, pullPolicy, pullSecrets, systemBus, appArmorProfile, seLinuxOptions },
    }),
  }

  const inspect = createInspectByTask({
    kube: client,
    namespace: config.namespace,
    clock,
    atOnce: Math.ceil(config.concurrency / 2),
    onAnswer: (result) => metrics.agentTask('Inspect', result),
  })

  const look = createProcessPod({
    podCache,
    incidents,
    readPod,
    file: createAssignPod({ readOwner: (pod) => readOwner(pod, client), nodeNamed, now }),
    detectFailures,
    enqueue,
  })
  const processNode = createProcessNode({ nodes, incidents, enqueue, now })

  const reconcile = createReconcile({
    incidents,
    records,
    reservations,
    readPod,
    stillFailing: createStillFailing({
      incidents,
      watched: (uid) => podCache.get(uid)?.pod !== undefined || nodes.get(uid) !== undefined,
      readPod,
      readPodsOn: createReadPodsOn(client),
      detectFailures,
    }),
    detectFailures,
    readOwner: (ref, pod) => readOwnerAt(ref, pod, client),
    enqueue,
    buildIncident: ({ target, area }, owner, pods) => {
      const templateHash = records.of(target.uid, area)[0]?.spec.templateHash
      return buildIncident({ owner, area, pods, ...(templateHash !== undefined && { templateHash }) })
    },
    snapshot: (open, at) =>
      takeSnapshot(
        open,
        {
          policies: policies.inForce(),
          remediations: records,
          attempts: attemptHistory.recent(at),
          reservations,
          nodes: nodes.fact(),
          operator: {
            namespace: config.namespace,
            paused,
            maxActionsPerHour: config.maxActionsPerHour,
            stabilizationMs: config.stabilizationWindowMs,
          },
        },
        at,
      ),
    gather: createGather({
      reads: client,
      registry,
      readPullSecrets: config.readPullSecrets,
      agents: { namespace: config.namespace, nodeLeases: config.nodeLeaseNamespace, inspect },
    }),
    stabilizationMs: config.stabilizationWindowMs,
    rateLimiter,
    act: (plan) => act(plan, actDeps),
    // What is not given back expires.
    leaveNode: (node) =>
      returnNodeLease(node, actDeps).catch((err: unknown) =>
        log.warn('the lease of a node was not given back', { node: node.name, err }),
      ),
    report,
    now,
  })

  const queue = (
    name: string,
    run: (key: string) => Promise<{ readonly requeueAfterMs?: number } | void>,
  ): Workqueue<string> =>
    createWorkqueue<string>({
      intentOf,
      run: async (key) => (mayAct() ? run(key) : undefined),
      concurrency: config.concurrency,
      backoff: BACKOFF,
      clock,
      onError: (error, { key, failures, retryInMs }) =>
        log.warn(`${name}: run failed`, { err: error, key, failures, ...(retryInMs !== undefined && { retryInMs }) }),
      observe: {
        waited: (ms) => metrics.queueWaited(name, ms),
        worked: (ms) => metrics.queueWorked(name, ms),
      },
    })
  const looks = queue('pods', look)
  const reconciles = queue('incidents', reconcile)

  const reconsider = (): void => incidents.keys().forEach((key) => reconciles.add(key))

  /** Whether one node may be touched depends on how the others are. */
  const nodeChanged = (uid: string): void => {
    if (!mayAct()) return
    processNode(uid)
    for (const key of incidents.keys()) if (isNodeCause(partsOfKey(key).area)) enqueue(key)
  }

  const policiesChanged = (): void => {
    if (mayAct()) report.policiesChanged()
    reconsider()
  }

  const watch = createWatch({
    client,
    namespace: config.namespace,
    clock,
    onActivity: (name, at) => {
      watchActivity[name] = at
    },
    onError: (error, about) => log.warn('watch failed, retrying', { err: error, ...about }),
    handlers: createEventHandlers({
      podCache,
      incidents,
      records,
      policies,
      attemptHistory,
      enqueue,
      now,
      policiesChanged,
      operatorNamespace: config.namespace,
      nodes,
      nodeChanged,
      paused: (is) => {
        if (paused.known && paused.value === is) return
        paused = known(is)
        log.info(is ? 'paused by annotation' : 'not paused', { namespace: config.namespace })
        reconsider()
      },
    }),
  })

  const garbageCollection = createGarbageCollection({ podCache, records, policies, client, config, clock, leads, log })

  const flags = createClearNodeFlags({
    nodes,
    incidents,
    inspect,
    clearFlag: (clearing) => clearFlag(clearing, actDeps),
    emit: report.emit,
    mayAct: () => mayAct() && paused.known && !paused.value,
    clock,
    log,
  })

  const resync = (): void => {
    podCache.uids().forEach((uid) => looks.add(uid))
    nodes.all().forEach(({ uid }) => processNode(uid))
    policiesChanged()
  }

  return {
    start: () => {
      watch.start()
      garbageCollection.start()
      flags.start()
      void watch.synced.then(() => {
        synced = true
        resync()
      })
    },
    resync,
    stop: async () => {
      garbageCollection.stop()
      flags.stop()
      await Promise.all([watch.stop(), looks.drain()])
      await reconciles.drain()
      rateLimiter.stop()
      await report.flush()
      registry.close()
    },
    watch,
    metrics,
  }
}
