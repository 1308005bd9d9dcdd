/** P2 and P6: many workloads break at once; the last action, and the connections that all of it took. */
import { type Bench, type ContenderUser, inTurn } from './bench.ts'
import { USERS } from './cluster.ts'
import { startForwarder } from './forwarder.ts'
import { isRemoval } from './latency.ts'
import { podmend } from './launches.ts'
import type { P2, P6 } from './results.ts'
import type { Round } from './round.ts'

/** Actions that podmend may begin per second. */
const LIMIT = 10

const courseOf = ({ requests, contender, incidents }: Round): Omit<P2['contenders'][number], 'name'> => {
  const commits = requests.filter(({ user }) => user === USERS.breaker)
  const from = Math.min(...commits.map(({ completedAt }) => completedAt))
  const first = new Set(incidents.map(({ pod }) => pod.name))
  const removals = contender.filter(isRemoval)
  const removed = removals.filter(({ name }) => first.has(name))
  return {
    lastS: (Math.max(...removed.map(({ receivedAt }) => receivedAt)) - from) / 1_000,
    missed: first.size - new Set(removed.map(({ name }) => name)).size,
    actions: removals.length,
  }
}

export const surgeOf = async (bench: Bench) => {
  const { cluster, options, round, launch, against } = bench
  const one = async (user: ContenderUser) => {
    const forwarder = await startForwarder(cluster.plane.url)
    try {
      let atStart = 0
      const found = await round(user, 'p2', {
        url: forwarder.url,
        incidents: options.surge,
        perSecond: Number.POSITIVE_INFINITY,
        verifies: user === 'podmend',
        onQuiet: () => (atStart = forwarder.connections()),
        ...(user === 'podmend' && { launchOf: (where) => podmend(where, { actionsPerSecond: LIMIT }) }),
      })
      const { name } = launch(user, against(user))
      return {
        p2: { name, ...courseOf(found) },
        p6: { name, calls: found.sinceStart.length, connections: forwarder.connections(), atStart },
      }
    } finally {
      await forwarder.close()
    }
  }
  const all = await inTurn(bench, one)
  return {
    p2: { workloads: options.surge, limit: LIMIT, contenders: all.map(({ p2 }) => p2) } satisfies P2,
    p6: all.map(({ p6 }): P6 => p6),
  }
}
