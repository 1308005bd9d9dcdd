import type { NodeInspection } from '../../api/node-task.ts'
import type { Evidence } from '../../api/remediation.ts'
import type { Cause, NodeCause } from '../../model/causes.ts'
import { activeFirewallUnits, findDockerChain } from '../../model/firewall.ts'
import type { Facts, Finding } from '../../model/incident.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import { evidence } from '../evidence.ts'

const describeDockerChain = ({ chains }: NodeInspection): string => {
  const found = findDockerChain(chains)
  const backends = [...new Set((chains.list ?? []).map(({ backend }) => backend))].join(' and ') || 'none'
  switch (found.kind) {
    case 'There':
      return 'chain DOCKER exists in filter and nat'
    case 'Missing':
      return `${found.missing} (backends with chains: ${backends})`
    case 'Unknown':
      return `whether chain DOCKER exists is unknown: ${found.why}`
  }
}

const describeChains = (seen: NodeInspection): readonly string[] => {
  const { chains, units } = seen
  if (!chains.known) return [`the node's firewall cannot be inspected: ${chains.why ?? 'the agent has no permission'}`]
  const missing = findDockerChain(chains).kind === 'Missing'
  const docker = units.list?.find(({ name }) => name === 'docker.service')
  const unit = docker
    ? `docker.service is ${docker.load}, ${docker.active}, ${docker.enabled || 'not known to be enabled'}`
    : units.known
      ? 'docker.service is not on the node'
      : `its systemd units cannot be inspected: ${units.why ?? 'the agent has no permission'}`
  const firewallUnits = activeFirewallUnits(seen)
  return [
    describeDockerChain(seen),
    unit,
    ...(firewallUnits.length > 0 && missing
      ? [
          `${firewallUnits.join(' and ')} runs on the node and rewrites the firewall when it starts: it may have removed the chain`,
        ]
      : []),
  ]
}

const describeRuntime = ({ runtime }: NodeInspection): readonly string[] => {
  const name = [runtime.name ?? 'the runtime', runtime.version].filter(Boolean).join(' ')
  if (!runtime.known) return [`the runtime cannot be queried: ${runtime.why ?? 'the agent has no permission'}`]
  const took = runtime.tookMs === undefined ? '' : ` within ${runtime.tookMs} ms`
  return [runtime.answers === false ? `${name} did not answer${took}` : `${name} answers${took}`]
}

const describeMounts = ({ mounts, os }: NodeInspection, types: readonly string[]): readonly string[] => {
  if (!mounts.known) return [`the mount helpers cannot be inspected: ${mounts.why ?? 'the agent has no permission'}`]
  const helpers = types.map((type) => `mount.${type} is ${mounts.helpers?.includes(type) ? 'installed' : 'missing'}`)
  return [...helpers, ...(os.known ? [`the node runs ${os.name ?? os.id ?? 'an unnamed system'}`] : [])]
}

const describeInspection = (cause: Cause, seen: NodeInspection, findings: readonly Finding[]): readonly string[] => {
  switch (cause) {
    case 'IptablesChainMissing':
      return describeChains(seen)
    case 'MountHelperMissing':
      return describeMounts(seen, [...new Set(findings.flatMap(({ detail }) => detail ?? []))].slice(0, 8))
    default:
      return describeRuntime(seen)
  }
}

/** What the agent found about the cause, and why it ruled a finding out. */
export const evidenceOfNode = (
  cause: Cause,
  findings: readonly Finding[],
  { inspection }: Facts,
): readonly Evidence[] => {
  const seen =
    inspection === undefined
      ? []
      : inspection.known
        ? describeInspection(cause, inspection.value, findings).map((message) => evidence('Agent', message))
        : [evidence('Agent', `the state of the node is unknown: ${inspection.why}`)]
  const ruledOut = [...new Set(findings.flatMap((finding) => finding.ruledOut ?? []))].slice(0, 4)
  return [...seen, ...ruledOut.map((why) => evidence('Agent', `${cause} is ruled out: ${why}`))]
}

const describeHelper = (fsType: string, { inspection }: Facts): string => {
  const os = inspection?.known && inspection.value.os.known ? inspection.value.os : undefined
  const helper = os && mountHelperFor(os, fsType)
  const add =
    helper?.kind === 'Installable' ? `Add ${helper.packageName}` : `Add the package that provides mount.${fsType}`
  const to = 'to the image or the setup of your nodes'
  return `${add} ${to}: the next node lacks it as well.`
}

const describeChain = ({ inspection }: Facts): string => {
  const firewallUnits = inspection?.known ? activeFirewallUnits(inspection.value) : []
  return firewallUnits.length > 0
    ? `Configure ${firewallUnits.join(' and ')} to leave Docker's chains alone, or disable it on nodes: each time it rewrites the firewall, they are lost.`
    : "Find what removes Docker's chains (a firewall service, a cron job with iptables-restore) and make it leave them alone: otherwise they are lost again."
}

/** What to change on nodes permanently; undefined where that is unknown. */
export const permanentFixOfNode = (
  cause: NodeCause,
  findings: readonly Finding[],
  facts: Facts,
): string | undefined => {
  if (findings.length === 0) return undefined
  switch (cause) {
    case 'MountHelperMissing': {
      const fsType = findings.map(({ detail }) => detail).find((detail) => detail !== undefined)
      return fsType === undefined ? undefined : describeHelper(fsType, facts)
    }
    case 'IptablesChainMissing':
      return describeChain(facts)
    case 'RuntimeUnresponsive':
      return 'Find out from the journal of the runtime on the node why it stopped answering (disk, memory, a known bug of its version), and update it if a later version has the fix.'
    case 'SandboxStale':
    case 'SandboxNameConflict':
      return 'Update the runtime of the node to a version that no longer leaves dead sandboxes behind; until then they return after crashes and power cuts.'
  }
}
