/** Fixtures of nodes: the inspection of a healthy node. */
import type { NodeInspection } from '../api/node-task.ts'

type Chain = NonNullable<NodeInspection['chains']['list']>[number]
type Unit = NonNullable<NodeInspection['units']['list']>[number]

export const aChain = (table: string, more: Partial<Chain> = {}): Chain => ({
  backend: 'nft',
  family: 'ip',
  table,
  name: 'DOCKER',
  ...more,
})

export const aUnit = (name: string, more: Partial<Unit> = {}): Unit => ({
  name,
  load: 'loaded',
  active: 'active',
  enabled: 'enabled',
  ...more,
})

/** Docker beside containerd, with its chains; no mount helper. */
export const anInspection = (more: Partial<NodeInspection> = {}): NodeInspection => ({
  at: '2030-01-01T00:00:00Z',
  os: { known: true, id: 'debian', name: 'Debian GNU/Linux 12 (bookworm)' },
  runtime: { known: true, name: 'containerd', version: '2.1.0', answers: true, tookMs: 3 },
  units: { known: true, list: [aUnit('docker.service'), aUnit('containerd.service')] },
  chains: { known: true, list: [aChain('filter'), aChain('nat')] },
  mounts: { known: true, helpers: ['fuse'], filesystems: ['ext4', 'overlay'] },
  docker: { known: true, installed: true, liveRestore: true, managesChains: true },
  ...more,
})
