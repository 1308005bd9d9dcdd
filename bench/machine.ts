import { cpus, loadavg, totalmem } from 'node:os'
import type { KubeClient } from '../src/kube/client.ts'
import type { Machine } from './results.ts'

/** As it was when this module was loaded, before any load of ours. */
const load = loadavg()[0] ?? 0

export const describeMachine = async (client: KubeClient): Promise<Machine> => {
  const all = cpus()
  const { gitVersion } = await client.get<{ gitVersion: string }>('/version')
  const model = all[0]?.model.trim() ?? ''
  return {
    cpu: model === '' || model === 'unknown' ? 'model not told' : model,
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load,
    node: process.version,
    kubernetes: gitVersion,
  }
}
