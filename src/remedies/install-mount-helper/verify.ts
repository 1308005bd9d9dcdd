import { askFor, type DecisionInput, LATER } from '../../model/decision-input.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { InProgress } from '../../model/remediation-state.ts'
import { podsRecovered, recovery, withNodePods } from '../node/verify.ts'
import type { Progress } from '../remedy.ts'

/** The pod that installs ended well, and the agent sees the helper; then the kubelet's next try mounts. */
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
    const said = lastWords(installer.value)
    return phase === 'Failed'
      ? { outcome: 'Ineffective', message: `the installation failed: ${said}` }
      : { lacks: `pod ${name} is installing it: ${said}` }
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
    // The kubelet tries again within two minutes; what fails then is another cause, and an incident of its own.
    const installed = {
      outcome: 'Succeeded',
      reason: 'Repaired',
      message: `mount.${fsType} is installed; ${recovered.lacks}`,
    } as const
    if (c.incident.pods.length === 0) return installed
    return { lacks: `mount.${fsType} is installed; ${recovered.lacks}`, atDeadline: installed }
  })
}

/** What a short-lived pod said last, for whoever reads the record. */
const lastWords = ({ status }: Pod): string => {
  const states = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
    ({ state }) => state,
  )
  const said = states.flatMap((state) => [state?.terminated?.message, state?.waiting?.message, state?.waiting?.reason])
  return said.find(Boolean)?.trim() ?? status?.message ?? status?.phase ?? 'no message'
}
