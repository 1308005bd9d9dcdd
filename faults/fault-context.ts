/** What faults do to a run beside the answer to one request. */
import { pathOf } from '../src/kube/paths.ts'
import type { Stage } from './play.ts'
import type { FaultContext } from './request-faults.ts'

const MERGE = 'application/merge-patch+json'

/** Another candidate's name on the lane's lease. */
const takeLease = async ({ cluster, lane }: Stage): Promise<void> => {
  const path = pathOf({ kind: 'Lease', namespace: lane.operator, name: 'podmend' })
  const now = new Date().toISOString().replace('Z', '000Z')
  const spec = { holderIdentity: 'another', leaseDurationSeconds: 15, acquireTime: now, renewTime: now }
  await cluster.api.call('PATCH', path, { spec }, MERGE)
}

const versionOf = async ({ cluster }: Stage): Promise<string> => {
  const path = `${pathOf({ kind: 'Namespace' })}?limit=1`
  return (await cluster.api.call<{ metadata: { resourceVersion: string } }>('GET', path)).metadata.resourceVersion
}

const now = (): number => performance.timeOrigin + performance.now()

export const contextOf = (stage: Stage): FaultContext => ({
  kill: () => stage.controllers.crash(stage.index),
  takeLease: () => takeLease(stage),
  version: () => versionOf(stage),
  serveStale: (version) => stage.controllers.proxies[stage.index]?.serveStale(version),
  backUp: async () => {
    const restore = await stage.cluster.plane.backUp()
    const from = now()
    return async () => {
      await restore()
      stage.lose({ from, until: now() })
    }
  },
})
