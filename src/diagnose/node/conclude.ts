/**
 * What is the matter with a node: confirms a finding by the agent's inspection and the pod's own status, or rules it out; the
 * evidence; and what to change permanently. Pure.
 */
import type { NodeInspection } from '../../api/node-task.ts'
import type { Evidence } from '../../api/remediation.ts'
import type { Cause, NodeCause } from '../../model/causes.ts'
import { activeFirewallUnits, findDockerChain, isDockersChain } from '../../model/firewall.ts'
import { type Fact, type Facts, type Finding, known, unknown } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { MOUNT_HELPER_TYPES, mountHelperFor, sameHelper } from '../../model/mount-helpers.ts'
import { RUNTIME_UNITS } from '../../model/node-tasks.ts'
import { evidence } from '../incident.ts'
import { creatorOf, detailOf, isCsiMount } from './findings.ts'
import { hasClaims, helperTypesIn } from './gather.ts'

/** Confirmed, with the source; or ruled out, with the reason; undefined: unknown. */
type Verdict = { readonly source: 'agent' | 'kubelet' } | { readonly ruledOut: string } | undefined

const CONFIRMED_BY_AGENT: Verdict = { source: 'agent' }

const DISK_TYPES = /^(ext[234]|xfs|btrfs|f2fs|vfat|ntfs|iso9660)$/

const unitIn = ({ units }: NodeInspection, name: string) => units.list?.find((unit) => unit.name === name)

const confirmChain = (finding: Finding, inspection: NodeInspection | undefined): Verdict => {
  const chain = finding.detail
  if (chain !== undefined && !isDockersChain(chain)) {
    return {
      ruledOut: `chain ${chain} is not Docker's (${creatorOf(chain)}): restarting a runtime does not recreate it`,
    }
  }
  // The missing chain must be known before the program that creates it is restarted.
  if (chain === undefined || !inspection) return undefined
  const found = findDockerChain(inspection.chains)
  if (found.kind === 'There') return { ruledOut: 'chain DOCKER exists now, in filter and in nat' }
  const { managesChains } = inspection.docker
  if (managesChains === false) {
    return { ruledOut: 'Docker is set not to manage chains of iptables: a restart would not create any' }
  }
  if (found.kind === 'Unknown' || managesChains === undefined || !inspection.units.known) return undefined
  const unit = unitIn(inspection, RUNTIME_UNITS.docker)
  const startsByItself = unit?.load === 'loaded' && (unit.enabled === 'enabled' || unit.active === 'active')
  return startsByItself
    ? CONFIRMED_BY_AGENT
    : { ruledOut: 'docker.service is neither enabled nor active on the node: nothing would recreate its chain' }
}

const confirmRuntime = ({ runtime }: NodeInspection): Verdict => {
  if (!runtime.known || runtime.answers === undefined) return undefined
  if (!runtime.answers) return CONFIRMED_BY_AGENT
  const took = runtime.tookMs === undefined ? '' : `, after ${runtime.tookMs} ms`
  return { ruledOut: `the runtime answers now${took}` }
}

/** Whether a volume of this very pod needs the helper: one that nobody there wants is not missing. */
const wantsHelper = (type: string, pod: Pod, { volumes }: Facts): Fact<boolean> => {
  const isIt = (other: string): boolean => sameHelper(type, other)
  if (helperTypesIn(pod).some(isIt)) return known(true)
  if (!hasClaims(pod)) return known(false)
  const types = volumes?.[pod.metadata.uid]
  if (!types?.known) return types ?? unknown('its claims were not read')
  return known(types.value.some(isIt))
}

const confirmHelper = (
  { detail: type, message }: Finding,
  pod: Pod,
  facts: Facts,
  inspection: NodeInspection | undefined,
): Verdict => {
  if (isCsiMount(message)) {
    return { ruledOut: 'a CSI driver mounts it in its own container: the helper is missing there, not on the node' }
  }
  if (type !== undefined && DISK_TYPES.test(type)) {
    return {
      ruledOut: `the kernel mounts ${type} without a helper: the file system itself is damaged or of another type`,
    }
  }
  if (type === undefined) return undefined
  if (!MOUNT_HELPER_TYPES.includes(type)) {
    return {
      ruledOut: `the kubelet mounts no volume of type ${type} by a helper; those are ${MOUNT_HELPER_TYPES.join(', ')}`,
    }
  }
  const wanted = wantsHelper(type, pod, facts)
  if (wanted.known && !wanted.value) return { ruledOut: `no volume of the pod needs mount.${type}` }
  if (!wanted.known || !inspection?.mounts.known) return undefined
  const { helpers = [], filesystems } = inspection.mounts
  if (!helpers.includes(type)) return CONFIRMED_BY_AGENT
  const unsupported = filesystems !== undefined && !filesystems.includes(type)
  const why = unsupported
    ? `; the kernel has not loaded ${type}, so its module may be missing`
    : '; look for another cause'
  return { ruledOut: `mount.${type} is installed${why}` }
}

/** By the pod's own status: whether it has a sandbox with a network. */
const confirmSandbox = ({ status }: Pod): Verdict => {
  switch (status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')?.status) {
    case 'False':
      return { source: 'kubelet' }
    case 'True':
      return { ruledOut: 'the pod has a sandbox with a network now' }
    default:
      return undefined
  }
}

const refutedBy = (verdict: Verdict): Verdict => (verdict !== undefined && 'ruledOut' in verdict ? verdict : undefined)

const confirm = (finding: Finding, pod: Pod, facts: Facts): Verdict => {
  const inspection = facts.inspection?.known ? facts.inspection.value : undefined
  switch (finding.cause) {
    case 'IptablesChainMissing':
      return refutedBy(confirmSandbox(pod)) ?? confirmChain(finding, inspection)
    case 'RuntimeUnresponsive':
      return inspection && confirmRuntime(inspection)
    case 'MountHelperMissing':
      return confirmHelper(finding, pod, facts, inspection)
    case 'SandboxStale':
    case 'SandboxNameConflict':
      return confirmSandbox(pod)
    default:
      return undefined
  }
}

/**
 * A finding of a node's cause as it is known now. One that is ruled out keeps its cause, says why, and has only the source
 * `event`, so that no action follows. `pod`: the one it was found on; what proves another pod proves nothing about it.
 */
export const confirmOnNode = (found: Finding, pod: Pod, facts: Facts): Finding => {
  const detail = detailOf(found)
  const finding: Finding = { ...found, ...(detail !== undefined && { detail }) }
  const verdict = confirm(finding, pod, facts)
  if (verdict === undefined) return finding
  return 'source' in verdict
    ? { ...finding, source: verdict.source }
    : { ...finding, source: 'event', ruledOut: verdict.ruledOut }
}

// The evidence, and the permanent fix.

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
