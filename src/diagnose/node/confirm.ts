/** A finding of a node in the light of what the agent and the pod's own status say: confirmed, refuted, or still open. Pure. */
import type { NodeInspection } from '../../api/node-task.ts'
import { findDockerChain, isDockersChain } from '../../model/firewall.ts'
import type { Facts, Finding } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { RUNTIME_UNITS } from '../../model/node-tasks.ts'
import { detailOf, isCsiMount, makerOf } from './findings.ts'

/** Confirmed, with who vouches; or refuted, with why; undefined: nobody can say. */
type Word = { readonly source: 'agent' | 'kubelet' } | { readonly ruledOut: string } | undefined

const AGENT: Word = { source: 'agent' }

const DISK_TYPES = /^(ext[234]|xfs|btrfs|f2fs|vfat|ntfs|iso9660)$/

const unitIn = ({ units }: NodeInspection, name: string) => units.list?.find((unit) => unit.name === name)

const wordOnChain = (finding: Finding, inspection: NodeInspection | undefined): Word => {
  const chain = finding.detail
  if (chain !== undefined && !isDockersChain(chain)) {
    return { ruledOut: `chain ${chain} is not Docker's (${makerOf(chain)}): restarting a runtime does not recreate it` }
  }
  // Whose chain is missing must be known before its maker is restarted.
  if (chain === undefined || !inspection) return undefined
  const found = findDockerChain(inspection.chains)
  if (found.kind === 'There') return { ruledOut: 'chain DOCKER exists now, in filter and in nat' }
  if (found.kind === 'Unknown' || !inspection.units.known) return undefined
  const unit = unitIn(inspection, RUNTIME_UNITS.docker)
  const makes = unit?.load === 'loaded' && (unit.enabled === 'enabled' || unit.active === 'active')
  return makes
    ? AGENT
    : { ruledOut: 'docker.service is neither enabled nor active on the node: nothing would recreate its chain' }
}

const wordOnRuntime = ({ runtime }: NodeInspection): Word => {
  if (!runtime.known || runtime.answers === undefined) return undefined
  if (!runtime.answers) return AGENT
  const took = runtime.tookMs === undefined ? '' : `, after ${runtime.tookMs} ms`
  return { ruledOut: `the runtime answers now${took}` }
}

const wordOnHelper = ({ detail: type, message }: Finding, inspection: NodeInspection | undefined): Word => {
  if (isCsiMount(message)) {
    return { ruledOut: 'a CSI driver mounts it in its own container: the helper is missing there, not on the node' }
  }
  if (type !== undefined && DISK_TYPES.test(type)) {
    return {
      ruledOut: `the kernel mounts ${type} without a helper: the file system itself is damaged or of another type`,
    }
  }
  if (type === undefined || !inspection?.mounts.known) return undefined
  const { helpers = [], filesystems } = inspection.mounts
  if (!helpers.includes(type)) return AGENT
  const unsupported = filesystems !== undefined && !filesystems.includes(type)
  const why = unsupported
    ? `; the kernel has not loaded ${type}, so its module may be missing`
    : '; look for another cause'
  return { ruledOut: `mount.${type} is installed${why}` }
}

const wordOnSandbox = (pods: readonly Pod[]): Word => {
  const conditions = pods.map(
    ({ status }) => status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')?.status,
  )
  if (conditions.includes('False')) return { source: 'kubelet' }
  return conditions.length > 0 && conditions.every((status) => status === 'True')
    ? { ruledOut: 'the pod has a sandbox with a network now' }
    : undefined
}

const wordOn = (finding: Finding, pods: readonly Pod[], inspection: NodeInspection | undefined): Word => {
  switch (finding.cause) {
    case 'IptablesChainMissing':
      return wordOnChain(finding, inspection)
    case 'RuntimeUnresponsive':
      return inspection && wordOnRuntime(inspection)
    case 'MountHelperMissing':
      return wordOnHelper(finding, inspection)
    case 'SandboxStale':
    case 'SandboxNameConflict':
      return wordOnSandbox(pods)
    default:
      return undefined
  }
}

/**
 * A finding of a node's cause as it is known now. One that is refuted keeps its cause, says why, and has only hearsay
 * for it, so that nothing comes of it. `pods`: those it was found on.
 */
export const confirmOnNode = (found: Finding, pods: readonly Pod[], { inspection }: Facts): Finding => {
  const detail = detailOf(found)
  const finding: Finding = { ...found, ...(detail !== undefined && { detail }) }
  const word = wordOn(finding, pods, inspection?.known ? inspection.value : undefined)
  if (word === undefined) return finding
  return 'source' in word
    ? { ...finding, source: word.source }
    : { ...finding, source: 'event', ruledOut: word.ruledOut }
}
