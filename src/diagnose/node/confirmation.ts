/** Confirms a finding about a node by the agent's inspection and the pod's own status, or rules it out. Pure. */
import type { NodeInspection } from '../../api/node-task.ts'
import { findDockerChain, isDockersChain } from '../../model/firewall.ts'
import { type Fact, type Facts, type Finding, known, unknown } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { MOUNT_HELPER_TYPES, sameHelper } from '../../model/mount-helpers.ts'
import { RUNTIME_UNITS } from '../../model/node-tasks.ts'
import { creatorOf, detailOf, isCsiMount } from './findings.ts'
import { hasClaims, helperTypesIn } from './volumes.ts'

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
