/** One contender with one set of broken workloads. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Remediation } from '../src/api/kinds.ts'
import { listAll } from '../src/kube/client.ts'
import { notFound } from '../src/kube/errors.ts'
import { pathOf } from '../src/kube/paths.ts'
import { type AuditedRequest, markAudit } from './audit.ts'
import { type BenchCluster, type User, USERS } from './cluster.ts'
import { concurrently } from './concurrently.ts'
import { type Contender, type Launch, startContender } from './contenders.ts'
import { type FakeKubelet, type FirstPod, startFakeKubelet } from './fake-kubelet.ts'
import { deployment, failedEvent, failingStatus, policy, type Remedy } from './objects.ts'

export interface RoundOptions {
  readonly user: User
  readonly launch: Launch
  readonly namespace: string
  readonly remedy: Remedy
  readonly incidents: number
  /** How long to wait for the repairs; 2 min by default. */
  readonly patienceMs?: number
  readonly perSecond: number
  /** Whether the contender verifies its remedies, so that its records become Succeeded. */
  readonly verifies: boolean
  /** Called when the contender is idle, before the first incident. */
  readonly onQuiet?: () => void
  readonly progress: (text: string) => void
}

export interface Incident {
  /** Also the prefix of the names of its Deployment, ReplicaSet and pods. */
  readonly workload: string
  readonly node: string
  readonly pod: FirstPod
}

export interface Round {
  readonly incidents: readonly Incident[]
  /** Of the contender and of the breaker, from the first failing status on. */
  readonly requests: readonly AuditedRequest[]
  readonly contender: readonly AuditedRequest[]
  /** Since its start, initial lists included. */
  readonly sinceStart: readonly AuditedRequest[]
  readonly lines: readonly string[]
  readonly succeeded: number
}

/** Time for a process to become idle, and for the last records to be written. */
const REST_MS = 2_000
const PATIENCE_MS = 120_000

export const until = async (
  what: string,
  done: () => Promise<boolean> | boolean,
  patienceMs = PATIENCE_MS,
): Promise<void> => {
  const deadline = Date.now() + patienceMs
  while (!(await done())) {
    if (Date.now() > deadline) return void process.stderr.write(`  gave up waiting: ${what}\n`)
    await sleep(200)
  }
}

const workloadName = (index: number): string => `w${String(index).padStart(4, '0')}`

export const breakOneByOne = async (
  cluster: BenchCluster,
  pods: readonly FirstPod[],
  perSecond: number,
): Promise<void> => {
  const began = performance.now()
  const writes: Promise<unknown>[] = []
  for (const [index, { namespace, name, uid }] of pods.entries()) {
    await sleep(Math.max(0, began + (index * 1_000) / perSecond - performance.now()))
    const path = pathOf({ kind: 'Pod', namespace, name, subresource: 'status' })
    writes.push(
      cluster.breaker.patch(path, failingStatus(), { type: 'merge' }),
      // A kubelet's recorder works beside its status writer.
      cluster.loader.create(pathOf({ kind: 'Event', namespace }), failedEvent({ namespace, name, uid })),
    )
  }
  await Promise.all(writes)
}

/** Waits until every workload is repaired and, if the contender verifies, every record has succeeded. Returns how many have. */
const breakAndWait = async (cluster: BenchCluster, options: RoundOptions, kubelet: FakeKubelet): Promise<number> => {
  const { namespace, incidents, perSecond, verifies, patienceMs, launch } = options
  await breakOneByOne(cluster, [...kubelet.waiting.values()], perSecond)
  await until(`${launch.name} has not repaired every workload`, () => kubelet.repaired.size >= incidents, patienceMs)
  let succeeded = 0
  if (verifies) {
    await until('not every record is Succeeded', async () => {
      const { items } = await listAll<Remediation>(cluster.loader, pathOf({ kind: 'Remediation', namespace }))
      succeeded = items.filter(({ status }) => status?.phase === 'Succeeded').length
      return succeeded >= incidents
    })
  }
  await sleep(REST_MS)
  return succeeded
}

/**
 * Deletes records, policies and Events, so that the next contender finds none. Workloads that run stay; those of a
 * namespace in which one still fails are deleted.
 */
export const cleanUp = async (cluster: BenchCluster, namespace: string, kubelet?: FakeKubelet): Promise<void> => {
  const { loader } = cluster
  const policy = pathOf({ kind: 'RemediationPolicy', name: namespace })
  await loader.remove(policy).catch((error: unknown) => {
    if (!notFound(error)) throw error
  })
  if (kubelet && kubelet.repaired.size < kubelet.waiting.size) {
    await loader.remove(pathOf({ kind: 'Deployment', namespace }), { propagationPolicy: 'Background' })
    await until(`namespace ${namespace} still has pods`, async () => {
      const { items } = await listAll(loader, pathOf({ kind: 'Pod', namespace }))
      return items.length === 0
    })
  }
  await loader.remove(pathOf({ kind: 'Remediation', namespace }))
  await loader.remove(pathOf({ kind: 'Event', namespace }))
}

interface Workloads {
  readonly namespace: string
  readonly count: number
  /** Of the workload of this name. */
  readonly annotationsOf?: (name: string) => Readonly<Record<string, string>>
}

/** Creates workloads whose pods wait to be broken, in a namespace of their own. */
export const makeWorkloads = async (
  cluster: BenchCluster,
  { namespace, count, annotationsOf }: Workloads,
): Promise<FakeKubelet> => {
  await cluster.makeNamespace(namespace)
  const kubelet = await startFakeKubelet(cluster.loader, namespace)
  await concurrently(Array(count).keys(), 8, (index) => {
    const name = workloadName(index)
    const workload = deployment(name, cluster.nodeOf(index), annotationsOf?.(name))
    return cluster.loader.create(pathOf({ kind: 'Deployment', namespace }), workload)
  })
  await until('every workload has a pod', () => kubelet.waiting.size === count)
  return kubelet
}

export const runRound = async (cluster: BenchCluster, options: RoundOptions): Promise<Round> => {
  const { namespace, remedy, incidents: count, progress } = options
  progress(`${options.launch.name}: preparing ${count} workloads in ${namespace}`)
  const kubelet = await makeWorkloads(cluster, { namespace, count })
  // To the others it means nothing, and it must not make podmend repair what is theirs.
  if (options.user === 'podmend') {
    await cluster.loader.create(pathOf({ kind: 'RemediationPolicy' }), policy(namespace, remedy))
  }
  const startMark = await markAudit(cluster.plane.auditLog)
  let contender: Contender | undefined
  try {
    contender = await startContender(options.launch)
    await sleep(REST_MS)
    options.onQuiet?.()
    progress(`${options.launch.name}: ${count} incidents, ${options.perSecond} a second`)
    const succeeded = await breakAndWait(cluster, options, kubelet)
    const users = [USERS[options.user], USERS.breaker]
    const requests = await startMark.requests(users)
    const breaks = requests.filter(({ user }) => user === USERS.breaker)
    const from = Math.min(...breaks.map(({ receivedAt }) => receivedAt))
    const own = requests.filter(({ user }) => user === USERS[options.user])
    return {
      incidents: [...kubelet.waiting].map(([workload, pod]) => ({
        workload,
        node: cluster.nodeOf(Number(workload.slice(1))),
        pod,
      })),
      requests: requests.filter(({ receivedAt }) => receivedAt >= from),
      contender: own.filter(({ receivedAt }) => receivedAt >= from),
      sinceStart: own,
      lines: [...contender.lines],
      succeeded,
    }
  } finally {
    await contender?.stop()
    await cleanUp(cluster, namespace, kubelet)
    await kubelet.stop()
  }
}
