import type { NodeInspection } from '../../api/node-task.ts'
import type { Evidence } from '../../api/remediation.ts'
import type { Cause, NodeCause } from '../../model/causes.ts'
import { activeFirewallUnits, findDockerChain } from '../../model/firewall.ts'
import type { Facts, Finding } from '../../model/incident.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import { evidence } from '../evidence.ts'

const sayFound = ({ chains }: NodeInspection): string => {
  const found = findDockerChain(chains)
  const backends = [...new Set((chains.list ?? []).map(({ backend }) => backend))].join(' and ') || 'none'
  switch (found.kind) {
    case 'There':
      return 'chain DOCKER is there in filter and nat'
    case 'Missing':
      return `${found.missing} (backends with chains: ${backends})`
    case 'Unknown':
      return `whether chain DOCKER is there cannot be seen: ${found.why}`
  }
}

const sayChains = (seen: NodeInspection): readonly string[] => {
  const { chains, units } = seen
  if (!chains.known) return [`the firewall of the node cannot be seen: ${chains.why ?? 'the agent may not look'}`]
  const missing = findDockerChain(chains).kind === 'Missing'
  const docker = units.list?.find(({ name }) => name === 'docker.service')
  const unit = docker
    ? `docker.service is ${docker.load}, ${docker.active}, ${docker.enabled || 'not known to be enabled'}`
    : units.known
      ? 'docker.service is not on the node'
      : `its units cannot be seen: ${units.why ?? 'the agent may not ask systemd'}`
  const wipers = activeFirewallUnits(seen)
  return [
    sayFound(seen),
    unit,
    ...(wipers.length > 0 && missing
      ? [
          `${wipers.join(' and ')} runs there and writes the firewall anew when it starts: it may be what wiped the chain`,
        ]
      : []),
  ]
}

const sayRuntime = ({ runtime }: NodeInspection): readonly string[] => {
  const name = [runtime.name ?? 'the runtime', runtime.version].filter(Boolean).join(' ')
  if (!runtime.known) return [`the runtime cannot be asked: ${runtime.why ?? 'the agent may not'}`]
  const took = runtime.tookMs === undefined ? '' : ` within ${runtime.tookMs} ms`
  return [runtime.answers === false ? `${name} did not answer${took}` : `${name} answers${took}`]
}

const sayMounts = ({ mounts, os }: NodeInspection, types: readonly string[]): readonly string[] => {
  if (!mounts.known) return [`the mount helpers cannot be seen: ${mounts.why ?? 'the agent may not look'}`]
  const there = types.map((type) => `mount.${type} is ${mounts.helpers?.includes(type) ? 'there' : 'missing'}`)
  return [...there, ...(os.known ? [`the node runs ${os.name ?? os.id ?? 'an unnamed system'}`] : [])]
}

const sayWhat = (cause: Cause, seen: NodeInspection, findings: readonly Finding[]): readonly string[] => {
  switch (cause) {
    case 'IptablesChainMissing':
      return sayChains(seen)
    case 'MountHelperMissing':
      return sayMounts(seen, [...new Set(findings.flatMap(({ detail }) => detail ?? []))].slice(0, 8))
    default:
      return sayRuntime(seen)
  }
}

/** What the agent saw of what the cause is about, and why a finding is refuted. */
export const evidenceOfNode = (
  cause: Cause,
  findings: readonly Finding[],
  { inspection }: Facts,
): readonly Evidence[] => {
  const seen =
    inspection === undefined
      ? []
      : inspection.known
        ? sayWhat(cause, inspection.value, findings).map((says) => evidence('Agent', says))
        : [evidence('Agent', `what the node looks like is unknown: ${inspection.why}`)]
  const ruledOut = [...new Set(findings.flatMap((finding) => finding.ruledOut ?? []))].slice(0, 4)
  return [
    ...seen,
    ...ruledOut.map((why) => evidence('Agent', `${cause} is not so, or not to be repaired here: ${why}`)),
  ]
}

const sayHelper = (fsType: string, { inspection }: Facts): string => {
  const os = inspection?.known && inspection.value.os.known ? inspection.value.os : undefined
  const helper = os && mountHelperFor(os, fsType)
  const bring = helper?.kind === 'Installable' ? `Bake ${helper.packageName}` : `Bake what brings mount.${fsType}`
  const where = 'into the image that nodes are made from, or into what sets them up'
  return `${bring} ${where}: the next node comes without it as well.`
}

const sayChain = ({ inspection }: Facts): string => {
  const wipers = inspection?.known ? activeFirewallUnits(inspection.value) : []
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
