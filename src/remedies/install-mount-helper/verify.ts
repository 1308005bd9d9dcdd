import { askFor, type DecisionInput, LATER } from '../../model/decision-input.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { podsRecovered, recovery, withNodePods } from '../node/verify.ts'
import type { Progress } from '../remedy.ts'

/** The installer pod succeeded and the agent finds the helper; the kubelet's next retry then mounts. */
export const verify = (c: DecisionInput, inProgress: InProgress): Progress => {
  const name = inProgress.step.node?.tasks[0] ?? ''
  const ask = askFor(c.facts, [{ fact: 'installer', name }])
  if (ask) return ask
  const { installer } = c.facts
  if (!installer?.known) {
    return { waits: `the progress of the installation is unknown: ${installer?.why}`, nextCheckAt: c.now + LATER }
  }
  const phase = installer.value?.status?.phase
  if (installer.value !== undefined && phase !== 'Succeeded') {
    const lastMessage = lastMessageOf(installer.value)
    return phase === 'Failed'
      ? { outcome: 'Ineffective', message: `the installation failed: ${lastMessage}` }
      : { lacks: `pod ${name} is installing it: ${lastMessage}` }
  }
  return helperThere(c, inProgress, installer.value === undefined ? `pod ${name} is gone` : `pod ${name} succeeded`)
}

const helperThere = (c: DecisionInput, { step }: InProgress, says: string): Progress => {
  const fsType = step.node?.detail ?? ''
  const ask = askFor(c.facts, [{ fact: 'inspection' }, { fact: 'nodePods' }])
  if (ask) return ask
  const { inspection } = c.facts
  const mounts = inspection?.known ? inspection.value.mounts : undefined
  if (!mounts?.known) {
    const why = inspection?.known === false ? inspection.why : (mounts?.why ?? 'not read')
    return { lacks: `${says}; whether mount.${fsType} is there is unknown: ${why}` }
  }
  if (!mounts.helpers?.includes(fsType)) return { lacks: `${says}; mount.${fsType} is missing` }
  return withNodePods(c, (pods) => {
    const recovered = podsRecovered(step.pods, pods)
    if ('since' in recovered) return recovery(step, recovered)
    // The kubelet retries within two minutes; a failure after that has another cause and its own incident.
    const installed = {
      outcome: 'Succeeded',
      reason: 'Repaired',
      message: `mount.${fsType} is installed; ${recovered.lacks}`,
    } as const
    if (c.incident.pods.length === 0) return installed
    return { lacks: `mount.${fsType} is installed; ${recovered.lacks}`, atDeadline: installed }
  })
}

/** The last message of a short-lived pod, for the record. */
const lastMessageOf = ({ status }: Pod): string => {
  const states = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
    ({ state }) => state,
  )
  const messages = states.flatMap((state) => [
    state?.terminated?.message,
    state?.waiting?.message,
    state?.waiting?.reason,
  ])
  return messages.find(Boolean)?.trim() ?? status?.message ?? status?.phase ?? 'no message'
}
