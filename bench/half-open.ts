/** P13: all connections become half-open, then workloads break. The contenders run side by side, each for itself. */
import { type Bench, type ContenderUser, orLeftOut } from './bench.ts'
import { startForwarder } from './forwarder.ts'
import { isRemoval } from './latency.ts'
import type { P13 } from './results.ts'

const INCIDENTS = 20
const PATIENCE_MS = 140_000

export const halfOpenOf = async (bench: Bench): Promise<P13> => {
  const { cluster, contenders, round, launch, against } = bench
  const one = async (user: ContenderUser): Promise<P13['contenders'][number]> => {
    const forwarder = await startForwarder(cluster.plane.url)
    let frozenAt = 0
    try {
      const found = await round(user, 'p13', {
        url: forwarder.url,
        incidents: INCIDENTS,
        patienceMs: PATIENCE_MS,
        verifies: false,
        onQuiet: () => {
          forwarder.freeze()
          frozenAt = Date.now()
        },
      })
      const arrived = (requests: readonly { readonly receivedAt: number }[]) =>
        requests.map(({ receivedAt }) => (receivedAt - frozenAt) / 1_000).filter((seconds) => seconds > 0)
      const removed = found.contender.filter(isRemoval)
      return {
        name: launch(user, against(user)).name,
        noticedS: Math.min(...arrived(found.sinceStart)),
        healedS: Math.max(...arrived(removed)),
        missed: INCIDENTS - new Set(removed.map(({ name }) => name)).size,
      }
    } finally {
      await forwarder.close()
    }
  }
  const all = await Promise.all(contenders.map((user) => orLeftOut(bench, user, () => one(user))))
  return { incidents: INCIDENTS, contenders: all.filter((each) => each !== undefined) }
}
