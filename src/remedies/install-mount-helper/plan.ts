import { askFor, type Case, nodeCauseOf, type Governed } from '../../model/decision-input.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import { installerName, nodeBase, nodeDiff, podsOnNode, sayUnseen, unplanned } from '../node-plan.ts'
import type { Planned, Turn } from '../plan.ts'

/** Installs the package that brings a mount helper on the one node, by a short-lived pod there. */
export const planInstallMountHelper = (c: Case, governed: Governed, turn: Turn): Planned => {
  if (nodeCauseOf(c) !== 'MountHelperMissing') {
    return unplanned('RolloutBlocked', 'InstallMountHelper is for a mount helper that is missing', true)
  }
  const ask = askFor(c.facts, [{ fact: 'inspection' }])
  if (ask) return ask
  const { inspection } = c.facts
  if (!inspection?.known) return unplanned('FactUnknown', sayUnseen(inspection), false)
  const { os } = inspection.value
  if (!os.known) return unplanned('FactUnknown', `which operating system it is cannot be seen: ${os.why}`, true)
  const fsType = governed.matched.find(({ finding }) => finding.detail)?.finding.detail
  if (fsType === undefined) {
    return unplanned('FactUnknown', 'the message does not name the file system type that cannot be mounted', true)
  }
  const helper = mountHelperFor(os, fsType)
  if (helper.kind !== 'Installable') return unplanned('RolloutBlocked', helper.why, true)
  const { packageName, command } = helper
  const { ref } = c.incident.owner
  const pods = podsOnNode(governed)
  const base = nodeBase(c, governed, turn, { pods, what: [fsType, packageName] })
  const says = [`! a pod there has systemd run: ${command.join(' ')}`, `! it brings /sbin/mount.${fsType}`]
  const diff = nodeDiff(ref, says, pods)
  const podName = installerName(base.hash)
  return { plan: { ...base, type: 'InstallMountHelper', fsType, packageName, podName, diff } }
}
