/** What must not be touched because its owner said so, or because the cluster lives on it. */
import { EXCLUDE_KEY } from '../../api/names.ts'
import { askFor, surroundings } from '../facts.ts'
import { LATER, RARELY } from '../look-again.ts'
import { protectedFrom } from '../match.ts'
import { optedOutBy } from '../opt-out.ts'
import type { Guardrail } from './guardrail.ts'

export const namespaceProtected: Guardrail = ({ case: c, policy }) => {
  const namespace = protectedFrom(policy, c)
  if (namespace === undefined) return undefined
  const message = `namespace ${namespace} is protected; policy ${policy.name} does not name it in match.namespaces`
  return { reason: 'NamespaceProtected', message, lookAgainAt: c.now + RARELY }
}

export const optedOut: Guardrail = ({ case: c }) => {
  const by = optedOutBy(c)
  if (by) return { reason: 'OptedOut', message: `${by} carries ${EXCLUDE_KEY}`, lookAgainAt: c.now + RARELY }
  const names = surroundings(c)
  const ask = askFor(c.facts, names)
  if (ask) return ask
  for (const { fact } of names) {
    const there = fact === 'registry' ? undefined : c.facts[fact]
    if (there?.known) continue
    const message = `whether the ${fact} opted out is unknown: ${there?.why ?? 'not read'}`
    return { reason: 'FactUnknown', message, lookAgainAt: c.now + LATER }
  }
  return undefined
}
