import type { NodeCause } from '../api/causes.ts'
import { mountHelperFor } from '../api/mount-helpers.ts'
import { wipersIn } from './evidence-of-node.ts'
import type { Facts, Finding } from './incident.ts'

const sayHelper = (fsType: string, { inspection }: Facts): string => {
  const os = inspection?.known && inspection.value.os.known ? inspection.value.os : undefined
  const helper = os && mountHelperFor(os, fsType)
  const bring = helper?.kind === 'Installable' ? `Bake ${helper.packageName}` : `Bake what brings mount.${fsType}`
  const where = 'into the image that nodes are made from, or into what sets them up'
  return `${bring} ${where}: the next node comes without it as well.`
}

const sayChain = ({ inspection }: Facts): string => {
  const wipers = inspection?.known ? wipersIn(inspection.value) : []
  return wipers.length > 0
    ? `Let ${wipers.join(' and ')} leave Docker's chains alone, or switch it off on nodes: whenever it writes the firewall anew, they are gone.`
    : "Find what wipes Docker's chains (a firewall service, a cron job with iptables-restore) and let it leave them alone: it will do so again."
}

/** What to change on nodes for good; undefined where nobody can say. */
export const permanentFixOfNode = (
  cause: NodeCause,
  findings: readonly Finding[],
  facts: Facts,
): string | undefined => {
  if (findings.length === 0) return undefined
  switch (cause) {
    case 'MountHelperMissing': {
      const fsType = findings.map(({ detail }) => detail).find((detail) => detail !== undefined)
      return fsType === undefined ? undefined : sayHelper(fsType, facts)
    }
    case 'IptablesChainMissing':
      return sayChain(facts)
    case 'RuntimeUnresponsive':
      return 'See in the journal of the runtime on the node why it stopped answering (disk, memory, a known fault of its version), and update it where that is mended.'
    case 'SandboxStale':
    case 'SandboxNameConflict':
      return 'Update the runtime of the node where a later version no longer leaves dead sandboxes behind; until then they come again after crashes and power cuts.'
  }
}
