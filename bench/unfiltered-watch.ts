/** A watch of all pods, to compare with: the bytes that a contender without selectors receives. */
import { createKubeClient } from '../src/kube/client.ts'
import { loadKubeConnection } from '../src/kube/connection.ts'
import { pathOf } from '../src/kube/paths.ts'
import { type BenchCluster, redirected } from './cluster.ts'
import { type Forwarder, startForwarder } from './forwarder.ts'

export interface UnfilteredWatch {
  readonly forwarder: Forwarder
  readonly stop: () => Promise<void>
}

export const startUnfilteredWatch = async ({ plane, kubeconfigs }: BenchCluster): Promise<UnfilteredWatch> => {
  const forwarder = await startForwarder(plane.url)
  const connection = await loadKubeConnection({ kubeconfig: redirected(kubeconfigs.loader, forwarder.url) })
  const { lines } = await createKubeClient(connection, { userAgent: 'bench' }).stream(pathOf({ kind: 'Pod' }), {
    watch: true,
  })
  let isOver = false
  const read = async (): Promise<void> => {
    // The bytes count, not the lines.
    for await (const _ of lines) if (isOver) return
  }
  const ended = read().catch((error: unknown) => {
    if (!isOver) process.stderr.write(`  the watch of all pods: ${String(error)}\n`)
  })
  return {
    forwarder,
    stop: async () => {
      isOver = true
      await forwarder.close()
      await ended
    },
  }
}
