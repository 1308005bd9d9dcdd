/** Incidents and faults by seed for as long as wanted, on one controller, and an auditor that finds what is not repaired in time. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import type { Remediation } from '../../src/api/kinds.ts'
import { pathOf } from '../../src/kube/paths.ts'
import type { Pod, Workload as Owner } from '../../src/model/kubernetes.ts'
import { daemonSet, deployment, statefulSet } from '../../test/repair/objects.ts'
import { movedProjectPolicy, NEW } from '../../testbed/moved-project.ts'
import type { FaultCluster } from '../cluster.ts'
import { type Controllers, createControllers } from '../controllers.ts'
import { judgeWrites, type Limits } from '../oracles.ts'
import { contextOf } from '../fault-context.ts'
import type { Stage } from '../play.ts'
import type { Exchange } from '../proxy.ts'
import { REQUEST_FAULTS } from '../request-faults.ts'
import { policyLabel } from '../workload.ts'
import { WORKLOADS } from '../workloads.ts'
import { judgeUsage, type Sample } from './growth.ts'
import { createRandom, pick, type Random } from './random.ts'

export interface SoakOptions {
  readonly durationMs: number
  readonly seed: number
  /** Incidents at the same time. */
  readonly width: number
  readonly progress?: (text: string) => void
}

export interface SoakResult {
  readonly incidents: number
  /** How often each fault was played. */
  readonly faults: Readonly<Record<string, number>>
  /** From the creation of each broken workload until its record says that it is repaired. */
  readonly repairMs: readonly number[]
  /** What was measured of memory and connections with its bound, and what was not judged, in sentences. */
  readonly usage: readonly string[]
  /** The rules that were broken, in sentences. */
  readonly complaints: readonly string[]
}

const NAMESPACE = 'soak'
/** Without faults a repair takes about five seconds here. */
const REPAIRED_WITHIN_MS = 90_000
/** Or a tenth of a shorter time. */
const SAMPLE_MS = 10_000
const FAULT_EVERY_MS = 6_000
const LIMITS: Limits = { cooldownMs: 600_000, maxAttempts: 3, maxPerHour: 1_000 }
const KINDS = { Deployment: deployment, StatefulSet: statefulSet, DaemonSet: daemonSet } as const

/** Faults of all connections, beside those of one request. */
const CONNECTION_FAULTS = ['connections-cut', 'half-open'] as const
/** Silence is noticed after 75 s, and the lease is lost meanwhile. */
const HALF_OPEN_MS = 180_000

const KILLS = new Set(['crash-before', 'crash-after'])
/** They take back or hide what concerns every incident, not one request. */
const NOT_PLAYED = new Set(['etcd-restored', 'stale-list'])
const PLAYED = Object.keys(REQUEST_FAULTS).filter((name) => !NOT_PLAYED.has(name))

interface Faults {
  readonly onRequest: (exchange: Exchange) => Promise<void> | undefined
  /** Plays one now, or at one of the next requests. */
  readonly next: (kills: boolean) => void
  readonly counts: Readonly<Record<string, number>>
  /** How much later than without them the end may come, of those since then: ms. */
  readonly delaySince: (began: number) => number
}

const createFaults = (random: Random, controllers: Controllers, stage: Stage): Faults => {
  const counts: Record<string, number> = {}
  const played: { readonly at: number; readonly delayMs: number }[] = []
  let armed: { readonly name: string; skip: number } | undefined
  const count = (name: string, delayMs: number): void => {
    counts[name] = (counts[name] ?? 0) + 1
    played.push({ at: Date.now(), delayMs })
  }
  return {
    counts,
    delaySince: (began) => played.reduce((sum, { at, delayMs }) => (at + delayMs >= began ? sum + delayMs : sum), 0),
    next: (kills) => {
      const name = pick(random, [...PLAYED, ...CONNECTION_FAULTS])
      const skip = Math.floor(random() * 12)
      if (!kills && KILLS.has(name)) return
      if (name === 'connections-cut') {
        count(name, 5_000)
        controllers.proxies[0]?.cutAll()
      } else if (name === 'half-open') {
        count(name, HALF_OPEN_MS)
        controllers.proxies[0]?.halfOpen()
      } else armed = { name, skip }
    },
    onRequest: (exchange) => {
      const fault = armed && REQUEST_FAULTS[armed.name]
      const isWrite = !['get', 'list', 'watch'].includes(exchange.request.verb)
      if (!armed || !fault || !(isWrite || fault.reads)) return undefined
      armed.skip -= 1
      if (armed.skip >= 0) return undefined
      count(armed.name, fault.delayMs ?? 15_000)
      armed = undefined
      return fault.play(exchange, contextOf(stage))
    },
  }
}

/** One incident, from its creation until it is gone. Returns how long its repair took; throws where it took too long. */
const playIncident = async (stage: Stage, name: string, kind: keyof typeof KINDS, faults: Faults): Promise<number> => {
  const { cluster, lane } = stage
  const { api } = cluster
  const [key = '', value = ''] = lane.nodeLabel.split('=')
  const began = Date.now()
  await cluster.apply(KINDS[kind](NAMESPACE, { name, replicas: 1, podSpec: { nodeSelector: { [key]: value } } }))
  const path = pathOf({ kind, namespace: NAMESPACE, name })
  const { uid } = (await api.call<Owner>('GET', path)).metadata
  const read = async (): Promise<{ readonly records: readonly Remediation[]; readonly isRepaired: boolean }> => {
    const [owner, { items }, pods] = await Promise.all([
      api.call<Owner>('GET', path),
      api.call<{ items: Remediation[] }>('GET', pathOf({ kind: 'Remediation', namespace: NAMESPACE })),
      api.call<{ items: Pod[] }>('GET', `${pathOf({ kind: 'Pod', namespace: NAMESPACE })}?labelSelector=app%3D${name}`),
    ])
    const records = items.filter(({ spec }) => spec.target.uid === uid)
    const image = owner.spec?.template?.spec?.containers?.[0]?.image
    const isReady = pods.items.every(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    const hasSucceeded = records.some(({ status }) => status?.phase === 'Succeeded')
    return { records, isRepaired: image === `${NEW}/web:1` && isReady && hasSucceeded }
  }
  for (;;) {
    const { records, isRepaired } = await read()
    if (isRepaired) {
      const tookMs = Date.now() - began
      await api.call('DELETE', path, { propagationPolicy: 'Background' })
      for (const { metadata } of records)
        await api.call('DELETE', pathOf({ kind: 'Remediation', namespace: NAMESPACE, name: metadata.name }))
      return tookMs
    }
    const mayTakeMs = REPAIRED_WITHIN_MS + faults.delaySince(began)
    if (Date.now() - began > mayTakeMs) {
      const told = records.map(({ status: { phase, reason, message } = {} }) => `${phase} ${reason} ${message}`)
      throw new Error(`${kind} ${name} is not repaired after ${mayTakeMs / 1_000} s: ${told.join('; ') || 'no record'}`)
    }
    await sleep(500)
  }
}

/** The controller's memory limit in the chart, MiB. Throws where it has none in Mi. */
const readLimitMiB = (): number => {
  const values = readFileSync(join(import.meta.dirname, '../../charts/podmend/values.yaml'), 'utf8')
  const { resources } = parse(values) as { resources?: { limits?: { memory?: string } } }
  const limit = /^(?<mib>\d+)Mi$/.exec(resources?.limits?.memory ?? '')?.groups?.['mib']
  if (limit === undefined) throw new Error('the chart has no memory limit in Mi for the controller')
  return Number(limit)
}

/** Plays until the time is over or a rule is broken. In the first half the controller is also killed; in the second half one process lives on. */
export const soak = async (cluster: FaultCluster, options: SoakOptions): Promise<SoakResult> => {
  const { durationMs, seed, width, progress = () => undefined } = options
  const [lane] = cluster.lanes
  const [workload] = WORKLOADS
  if (!lane || !workload) throw new Error('there is no lane')
  // One for each, so that the order of the faults does not depend on how long the incidents take.
  const [random, randomFaults] = [createRandom(seed), createRandom(seed + 1)]
  const over = new AbortController()
  await cluster.namespace(NAMESPACE)
  const policy = movedProjectPolicy(NAMESPACE, NAMESPACE, {
    limits: { maxPerHour: 1_000, maxConcurrent: 100 },
  }) as { readonly metadata: object }
  await cluster.apply({ ...policy, metadata: { ...policy.metadata, labels: policyLabel(NAMESPACE) } })
  const controllers = await createControllers({ cluster, lane, count: 1, args: ['--max-actions-per-hour=100000'] })
  const stage: Stage = {
    cluster,
    lane,
    namespace: NAMESPACE,
    signal: over.signal,
    workload,
    controllers,
    index: 0,
    prohibit: () => undefined,
    forget: () => undefined,
    lose: () => undefined,
    missed: () => undefined,
  }
  const faults = createFaults(randomFaults, controllers, stage)
  const label = Object.entries(policyLabel(NAMESPACE))[0]?.join('=') ?? ''
  controllers.proxies[0]?.begin({
    scope: { namespace: NAMESPACE, records: NAMESPACE, policies: label, nodes: lane.nodeLabel },
    onRequest: faults.onRequest,
  })
  const began = Date.now()
  const repairMs: number[] = []
  const complaints: string[] = []
  const samples: Sample[] = []
  const samplesOfOne: Sample[] = []
  let count = 0
  const goesOn = (): boolean => complaints.length === 0 && Date.now() - began < durationMs
  const isSecondHalf = (): boolean => Date.now() - began >= durationMs / 2

  const playAll = async (): Promise<void> => {
    while (goesOn()) {
      count += 1
      const name = `web-${count}`
      const kind = pick(random, Object.keys(KINDS) as (keyof typeof KINDS)[])
      try {
        repairMs.push(await playIncident(stage, name, kind, faults))
      } catch (cause) {
        complaints.push(cause instanceof Error ? cause.message : String(cause))
      }
      await sleep(random() * 2_000)
    }
  }
  const every = async (ms: number, run: () => void): Promise<void> => {
    while (goesOn()) {
      await sleep(Math.min(ms, Math.max(0, began + durationMs - Date.now())))
      if (goesOn()) run()
    }
  }
  try {
    await controllers.start()
    await Promise.all([
      ...Array.from({ length: width }, playAll),
      every(FAULT_EVERY_MS, () => faults.next(!isSecondHalf())),
      every(Math.min(SAMPLE_MS, durationMs / 10), () => {
        const connections = controllers.proxies[0]?.connections() ?? 0
        const sample = { at: Date.now() - began, memoryMiB: controllers.memory(), connections }
        samples.push(sample)
        if (isSecondHalf()) samplesOfOne.push(sample)
        progress(`${repairMs.length} repaired, ${sample.memoryMiB.toFixed(0)} MiB, ${connections} connections`)
      }),
    ])
    const usage = judgeUsage({ all: samples, ofOne: samplesOfOne, limitMiB: readLimitMiB() })
    const writes = cluster.audit.writes([NAMESPACE, lane.operator], began)
    complaints.push(...usage.complaints, ...controllers.deaths, ...judgeWrites({ writes, limits: LIMITS }))
    return { incidents: count, faults: faults.counts, repairMs, usage: usage.lines, complaints }
  } finally {
    over.abort()
    await controllers.stop()
  }
}
