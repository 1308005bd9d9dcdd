/** Plays one workload once, with or without a disturbance, and judges it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pathOf } from '../src/kube/paths.ts'
import { eventually } from '../testbed/eventually.ts'
import { ApiError } from '../testbed/kubelet/api.ts'
import type { FaultCluster, Lane, Place } from './cluster.ts'
import { type Controllers, createControllers } from './controllers.ts'
import { differences, type End, readEnd, sameEnd } from './end.ts'
import { createSettled, type Excuse, goesOn, unexplained } from './explained.ts'
import type { AuditedWrite } from './history.ts'
import { forgotBegun, type Forgotten, judgeWrites, type Prohibition } from './oracles.ts'
import type { Exchange, Proxy } from './proxy.ts'
import type { LineFault } from './watch-lines.ts'
import { removeNode } from './node-workloads.ts'
import { policyLabel, type Workload } from './workload.ts'

/** ms since the epoch. */
export interface Lost {
  readonly from: number
  readonly until: number
}

/** What a disturbance may do beside the answer. */
export interface Stage extends Place {
  readonly workload: Workload
  readonly controllers: Controllers
  /** Of the controller whose request is disturbed. */
  readonly index: number
  /** Something is forbidden from now on. */
  readonly prohibit: (prohibition: Prohibition) => void
  /** A person deleted all records. */
  readonly forget: (forgotten: Forgotten) => void
  /** What was written in this time is lost: the API server was restored. */
  readonly lose: (lost: Lost) => void
  /** The step of a person failed. Where its object is not there yet or no longer, it did not take place. */
  readonly missed: (cause: unknown) => void
}

export interface Disturbance {
  /** Called with each request until it returns something to do. */
  readonly onRequest?: (exchange: Exchange, stage: Stage) => Promise<void> | undefined
  /** Called with each watch that is opened. */
  readonly onWatch?: (resource: string, stage: Stage) => LineFault | undefined
  /** The line of that watch at which it is played. */
  readonly line?: number
  /** How much later than without it the end may come, in ms. */
  readonly delayMs?: number
  /** Whether the end must be that of the run without it; if not, it must be explained by the record. */
  readonly sameEnd: boolean
  /** The reason with which a record names the step of a person as what stopped it. */
  readonly stops?: string
}

export interface Played {
  /** Whether the disturbance took place. */
  readonly reached: boolean
  readonly end: End
  /** The rules that were broken; empty: passed. */
  readonly complaints: readonly string[]
  /** The controllers' requests, in the order of their first. */
  readonly keys: readonly string[]
  readonly tookMs: number
  readonly memoryMiB: number
  readonly log: readonly string[]
}

/** Without a fault, and beside what the run without it took: on a busy machine everything takes longer. */
const END_WITHIN_MS = 45_000
/** Each time five requests. */
const POLL_MS = 500
const CALM_MS = 2_500
const CALM_WITHIN_MS = 20_000
/** A pod that fails on and on changes each second here, and each change may be checked; a loop asks much more. */
const MAX_IN_CALM = 15
const MAX_CONNECTIONS = 16 + 12

let runs = 0

const MERGE = 'application/merge-patch+json'

const prepare = async ({ api }: FaultCluster, { operator, nodes }: Lane): Promise<void> => {
  await api.call('DELETE', pathOf({ kind: 'Lease', namespace: operator, name: 'podmend' })).catch(() => {})
  const switches = { 'podmend.io/paused': null, 'podmend.io/exclude': null }
  await api.call('PATCH', pathOf({ kind: 'Namespace', name: operator }), { metadata: { annotations: switches } }, MERGE)
  for (const name of nodes) {
    const body = { metadata: { annotations: switches }, spec: { unschedulable: null, taints: null } }
    await api.call('PATCH', pathOf({ kind: 'Node', name }), body, MERGE)
  }
  await api.call('DELETE', pathOf({ kind: 'Remediation', namespace: operator }))
  await api.call('DELETE', pathOf({ kind: 'NodeTask', namespace: operator }))
}

/** Leaves nothing that would keep kubelets busy; the namespace stays, because its deletion costs a hundred requests. */
const cleanUp = async (place: Place, { kind, onNode }: Workload): Promise<void> => {
  const { namespace } = place
  const { api } = place.cluster
  if (onNode) await removeNode(place)
  const selector = Object.entries(policyLabel(namespace)).map((label) => `labelSelector=${label.join('%3D')}`)
  const inBackground = 'propagationPolicy=Background'
  for (const path of [
    `${pathOf({ kind: 'RemediationPolicy' })}?${selector.join('&')}`,
    `${pathOf({ kind, namespace })}?${inBackground}`,
    `${pathOf({ kind: 'Job', namespace })}?${inBackground}`,
  ])
    await api.call('DELETE', path).catch(() => {}) // what a step deleted is gone
}

/** Throws as long as the end is not reached. */
const expectEnd = (end: End, workload: Workload, wanted: End | undefined): void => {
  if (wanted ? !sameEnd(wanted, end) : !workload.isOver(end)) {
    throw new Error(wanted ? differences(wanted, end) : `it is not over: ${JSON.stringify(end)}`)
  }
}

export const play = async (
  cluster: FaultCluster,
  lane: Lane,
  workload: Workload,
  {
    without,
    disturbance,
  }: { readonly without?: Played | undefined; readonly disturbance?: Disturbance | undefined } = {},
): Promise<Played> => {
  runs += 1
  const namespace = `run-${runs}`
  const began = performance.now()
  const since = Date.now()
  const over = new AbortController()
  const place: Place = { cluster, lane, namespace, signal: over.signal }
  const complaints: string[] = []
  const prohibitions: Prohibition[] = []
  let reached = false
  let missed = false
  let forgotten: Forgotten | undefined
  const lost: Lost[] = []
  await prepare(cluster, lane)
  await cluster.namespace(namespace)
  const controllers = await createControllers({
    cluster,
    lane,
    count: workload.controllers ?? 1,
    ...(workload.args && { args: workload.args }),
  })
  try {
    const scope = {
      namespace,
      records: workload.onNode ? lane.operator : namespace,
      policies: Object.entries(policyLabel(namespace))[0]?.join('=') ?? '',
      nodes: lane.nodeLabel,
    }
    const follow = (proxy: Proxy, index: number, prefix = ''): void => {
      const stage: Stage = {
        ...place,
        workload,
        controllers,
        index,
        prohibit: (each) => prohibitions.push(each),
        forget: (each) => {
          forgotten = each
        },
        lose: (each) => lost.push(each),
        missed: (cause) => {
          missed = true
          if (!(cause instanceof ApiError && cause.status === 404))
            complaints.push(`the step of a person failed: ${String(cause)}`)
        },
      }
      proxy.begin({
        scope,
        prefix,
        onRequest: (exchange) => {
          if (reached) return undefined
          const doing = disturbance?.onRequest?.(exchange, stage)
          if (doing) reached = true
          return doing
        },
        onWatch: ({ resource }) => {
          const fault = disturbance?.onWatch?.(resource, stage)
          if (!fault) return undefined
          return (line, at, stream) => {
            if (at >= (disturbance?.line ?? 1)) reached = true
            fault(line, at, stream)
          }
        },
      })
    }
    for (const [index, proxy] of controllers.proxies.entries()) follow(proxy, index)
    await controllers.start()
    if (workload.agent) {
      await controllers.add(await workload.agent(place), (proxy, index) => follow(proxy, index, 'agent '))
    }
    await workload.begin(place)
    const people = workload.people?.(place)
    people?.catch((cause: unknown) => {
      if (!over.signal.aborted) complaints.push(`the people in it failed: ${String(cause)}`)
    })
    const expected = without?.end
    const timeoutMs = END_WITHIN_MS + 2 * (without?.tookMs ?? END_WITHIN_MS) + (disturbance?.delayMs ?? 0)
    const freely = disturbance && !disturbance.sameEnd
    const excuse = (): Excuse => ({ stops: disturbance?.stops })
    if (freely) {
      const expectSettled = settling(controllers, excuse())
      await eventually(
        async () => {
          const end = await readEnd(place, workload.kind)
          if (missed) expectEnd(end, workload, expected)
          else expectSettled(end, reached)
        },
        { timeoutMs, everyMs: POLL_MS },
      ).catch(() =>
        complaints.push(...(reached && !missed ? [`it did not settle within ${Math.round(timeoutMs / 1_000)} s`] : [])),
      )
    }
    if (!freely) {
      await eventually(async () => expectEnd(await readEnd(place, workload.kind), workload, expected), {
        timeoutMs,
        everyMs: POLL_MS,
      }).catch((cause: unknown) => complaints.push(cause instanceof Error ? cause.message : String(cause)))
    }
    if (!freely) await sleep(CALM_MS) // the status of policies is written last, and late
    complaints.push(...(await noiseOf(controllers)))
    const end = await readEnd(place, workload.kind)
    if (!freely && complaints.length === 0) {
      try {
        expectEnd(end, workload, expected)
      } catch (cause) {
        complaints.push(`after its end: ${cause instanceof Error ? cause.message : String(cause)}`)
      }
    }
    const connections = Math.max(...controllers.proxies.map((proxy) => proxy.connections()))
    if (connections > MAX_CONNECTIONS) complaints.push(`${connections} connections are open in the end`)
    const memoryMiB = controllers.memory()
    complaints.push(...controllers.deaths)
    const isLost = ({ receivedAt }: AuditedWrite): boolean =>
      lost.some(({ from, until }) => receivedAt >= from && receivedAt < until)
    const writes = cluster.audit.writes([namespace, lane.operator], since).filter((write) => !isLost(write))
    if (freely) complaints.push(...unexplained(end, { ...excuse(), forgotten: forgotBegun({ writes, forgotten }) }))
    complaints.push(...judgeWrites({ writes, limits: workload.limits, prohibitions, forgotten }))
    complaints.push(...(workload.judge?.(place) ?? []))
    const keys = controllers.proxies.flatMap(({ seen }) => seen.map(({ key }) => key))
    const log = complaints.length > 0 ? controllers.logs(namespace).slice(-40) : []
    return { reached: reached && !missed, end, complaints, keys, tookMs: performance.now() - began, memoryMiB, log }
  } finally {
    over.abort()
    await controllers.stop()
    await cleanUp(place, workload)
  }
}

/** Throws as long as something is in progress, or was a moment ago: the next step may only be about to begin. */
const settling = (controllers: Controllers, excuse: Excuse) => {
  const settled = createSettled()
  return ({ records }: End, reached: boolean): void => {
    const isBusy = records.some((record) => goesOn(record, excuse))
    const isQuiet = reached && !isBusy && requestsWithin(controllers, CALM_MS) <= MAX_IN_CALM
    if (!settled(isQuiet, performance.now())) throw new Error('it goes on')
  }
}

const requestsWithin = (controllers: Controllers, ms: number): number =>
  controllers.proxies.flatMap(({ seen }) => seen).filter(({ at }) => at > performance.now() - ms).length

/** Waits until it is quiet, and says what keeps it from that. */
const noiseOf = async (controllers: Controllers): Promise<readonly string[]> => {
  const began = performance.now()
  while (performance.now() - began < CALM_WITHIN_MS) {
    if (requestsWithin(controllers, CALM_MS) <= MAX_IN_CALM) return []
    await sleep(100)
  }
  const last = controllers.proxies.flatMap(({ seen }) =>
    seen.slice(-8).map(({ key, request }) => `${key} ${request.name ?? ''}`),
  )
  return [`${requestsWithin(controllers, CALM_MS)} requests in ${CALM_MS / 1_000} s in the end: ${last.join(', ')}`]
}
