/** The rows in their order, on one cluster and in one run. */
import { restOf } from './agents.ts'
import { classifierOf } from './classifier.ts'
import { type BenchCluster, redirected, type User } from './cluster.ts'
import type { Launch } from './contenders.ts'
import { costsOf } from './costs.ts'
import { startForwarder } from './forwarder.ts'
import { latencyOf } from './latency.ts'
import { type Against, bare, podmend, reference, withLoopDelay } from './launches.ts'
import type { Remedy } from './objects.ts'
import type { Options } from './options.ts'
import { residenceOf, syncDelayOf } from './residence.ts'
import type { P1, P5, P6, Residence, Results, SyncDelay } from './results.ts'
import { type Round, runRound } from './round.ts'
import { quantile } from './statistics.ts'

type Progress = (text: string) => void

const FINISHES: Readonly<Record<Remedy, string>> = { RecyclePod: 'recycle', RewriteImage: 'rewrite' }
const LAUNCHES: Readonly<Record<'podmend' | 'reference' | 'bare', (against: Against) => Launch>> = {
  podmend,
  reference,
  bare,
}

/** Runs one row after the other, so that each has the machine to itself. */
export const measure = async (cluster: BenchCluster, options: Options, progress: Progress) => {
  const { rows, stabilizationMs } = options
  const against = (user: User, namespace = 'idle'): Against => ({ kubeconfig: cluster.kubeconfigs[user], namespace })
  const idle: readonly Launch[] = [
    podmend(against('podmend')),
    podmend(against('podmend'), 'source'),
    reference(against('reference')),
  ]

  const residences = async (when: string) => {
    const found = []
    for (const launch of idle) {
      progress(`${launch.name}: memory ${when}`)
      found.push(await residenceOf(launch, stabilizationMs))
    }
    return found
  }

  const round = (user: keyof typeof LAUNCHES, what: string, more: Partial<Parameters<typeof runRound>[1]> = {}) => {
    const { remedy = 'RecyclePod' } = more
    const namespace = `${what}-${user}-${FINISHES[remedy]}`
    return runRound(cluster, {
      user,
      launch: LAUNCHES[user](against(user, namespace)),
      namespace,
      remedy,
      incidents: options.incidents,
      perSecond: options.perSecond,
      verifies: user !== 'bare',
      progress,
      ...more,
    })
  }

  /** In turns, so that a machine that becomes slower or faster affects all contenders. */
  const latency = async (): Promise<{ p1: P1; busy: P5 }> => {
    const rounds: Record<keyof typeof LAUNCHES, Round[]> = { bare: [], podmend: [], reference: [] }
    const incidents = Math.ceil(options.incidents / options.turns)
    for (let turn = 1; turn <= options.turns; turn += 1) {
      for (const user of ['bare', 'podmend', 'reference'] as const) {
        rounds[user].push(await round(user, `p1-${turn}`, { incidents }))
      }
    }
    const own = rounds.bare.flatMap(({ lines }) => lines.filter((line) => line !== 'ready').map(Number))
    return {
      p1: {
        f: latencyOf(rounds.bare).toAnswer.p50,
        fOwnClock: quantile(own, 0.5),
        podmend: latencyOf(rounds.podmend),
        reference: latencyOf(rounds.reference),
      },
      busy: costs('RecyclePod', `${options.perSecond} per second`, rounds.podmend, rounds.reference),
    }
  }

  const costs = (remedy: Remedy, load: string, ours: readonly Round[], theirs: readonly Round[]): P5 => ({
    remedy,
    load,
    podmend: costsOf(ours, remedy),
    reference: costsOf(theirs, remedy),
  })

  const requests = async (): Promise<readonly P5[]> => {
    const found: P5[] = []
    for (const remedy of ['RecyclePod', 'RewriteImage'] as const) {
      const lone = { remedy, incidents: options.lone, perSecond: 0.5 }
      const ours = await round('podmend', 'p5', lone)
      const theirs = await round('reference', 'p5', lone)
      found.push(costs(remedy, 'one every 2 s', [ours], [theirs]))
    }
    return found
  }

  const connections = async (user: 'podmend' | 'reference'): Promise<P6> => {
    const forwarder = await startForwarder(cluster.plane.url)
    try {
      const namespace = `p6-${user}-recycle`
      const launch = LAUNCHES[user]({ kubeconfig: redirected(cluster.kubeconfigs[user], forwarder.url), namespace })
      let atStart = 0
      const { sinceStart } = await round(user, 'p6', { launch, onQuiet: () => (atStart = forwarder.connections()) })
      return { name: launch.name, calls: sinceStart.length, connections: forwarder.connections(), atStart }
    } finally {
      await forwarder.close()
    }
  }

  const wants = (row: Options['rows'][number]): boolean => rows.includes(row)
  if (wants('P11')) progress('classifying messages')
  const p11 = wants('P11') ? classifierOf() : undefined
  // Before the others: a cluster with their objects has more background work.
  if (wants('P10')) progress(`${options.agents} node agents at rest for ${options.agentsRestMs / 1_000} s`)
  const p10 = wants('P10')
    ? await restOf(cluster, {
        count: options.agents,
        stabilizationMs: options.stabilizationMs,
        restMs: options.agentsRestMs,
      })
    : undefined
  const empty = wants('P3') ? await residences('without pods') : []
  // The node agents are measured without them.
  if (options.rows.some((row) => row !== 'P10')) await cluster.makeHealthy(options.healthy, progress)
  const full = wants('P3') ? await residences(`beside ${options.healthy} healthy pods`) : []
  const sync: SyncDelay[] = []
  if (wants('P11')) {
    for (const launch of [podmend(against('podmend')), reference(against('reference'))]) {
      progress(`${launch.name}: reading ${options.healthy} healthy pods`)
      sync.push({ name: launch.name, ...(await syncDelayOf(withLoopDelay(launch))) })
    }
  }
  const p3 = idle.flatMap(({ name }, i): Residence[] => {
    const [before, after] = [empty[i], full[i]]
    return before && after ? [{ name, empty: before, full: after }] : []
  })
  const timed = wants('P1') ? await latency() : undefined
  const p5 = wants('P5') ? [...(await requests()), ...(timed ? [timed.busy] : [])] : []
  const p6 = wants('P6') ? [await connections('podmend'), await connections('reference')] : []
  return {
    ...(timed && { p1: timed.p1 }),
    ...(p3.length > 0 && { p3 }),
    ...(p5.length > 0 && { p5 }),
    ...(p6.length > 0 && { p6 }),
    ...(p10 && { p10 }),
    ...(p11 && { p11: { ...p11, sync } }),
  } satisfies Partial<Results>
}
