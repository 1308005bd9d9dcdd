import type { RemediationPolicy } from '../api/objects.ts'
import { type Check, fail, ok, warn } from './check.ts'

const MODES = ['Enforce', 'Approve', 'Observe'] as const

/** What the controller made of the policies: one check for each that it did not understand, else one for all. */
export const judgePolicies = (policies: readonly RemediationPolicy[]): readonly Check[] => {
  const check = 'policies'
  if (policies.length === 0) {
    return [warn(check, 'there are none, so nothing is done', 'kubectl apply -f one of examples/')]
  }
  const troubles = policies.flatMap(({ metadata, status }): readonly Check[] => {
    const name = `policy ${metadata.name}`
    const condition = (type: string) => status?.conditions?.find((one) => one.type === type)
    const ready = condition('Ready')
    if (!ready || (ready.observedGeneration ?? status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
      return [warn(name, 'no controller has looked at it since it was written', 'is the controller running?')]
    }
    if (ready.status !== 'True') return [fail(name, ready.message, `kubectl edit rempol ${metadata.name}`)]
    const conflict = condition('Conflicting')
    if (conflict?.status !== 'True') return []
    return [warn(name, conflict.message, 'give one of them another priority')]
  })
  if (troubles.length > 0) return troubles
  const counts = MODES.flatMap((mode) => {
    const count = policies.filter(({ spec }) => (spec.mode ?? 'Observe') === mode).length
    return count === 0 ? [] : [`${count} ${mode}`]
  })
  return [ok(check, `all ${policies.length} understood: ${counts.join(', ')}`)]
}
