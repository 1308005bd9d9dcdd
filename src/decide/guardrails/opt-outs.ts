/** What must not be touched because its owner said so, or because the cluster lives on it. */
import { EXCLUDE_KEY } from '../../api/names.ts'
import type { Case } from '../case.ts'
import { type Ask, askFor, surroundings } from '../facts.ts'
import { LATER, RARELY } from '../look-again.ts'
import { protectedFrom } from '../match.ts'
import { nodeCauseOf, protectedNodeFrom } from '../nodes/node-incident.ts'
import { nodeOptedOutBy, optedOutBy } from '../opt-out.ts'
import type { Guardrail, Objection } from './guardrail.ts'

export const namespaceProtected: Guardrail = ({ case: c, policy, matched }) => {
  const namespace = nodeCauseOf(c) ? protectedNodeFrom(policy, c, matched) : protectedFrom(policy, c)
  if (namespace === undefined) return undefined
  const message = `namespace ${namespace} is protected; policy ${policy.name} does not name it in match.namespaces`
  return { reason: 'NamespaceProtected', message, lookAgainAt: c.now + RARELY }
}

export const optedOut: Guardrail = (context) => {
  const { case: c, unplanned } = context
  if (unplanned?.reason === 'OptedOut') {
    return { reason: 'OptedOut', message: unplanned.message, lookAgainAt: c.now + RARELY }
  }
  return nodeCauseOf(c) ? nodeOptedOut(context) : workloadOptedOut(c)
}

const nodeOptedOut: Guardrail = ({ case: c, matched }) => {
  const ask = askFor(c.facts, surroundings(c))
  if (ask) return ask
  const said = nodeOptedOutBy(c, matched)
  if (!said) return undefined
  if ('by' in said)
    return { reason: 'OptedOut', message: `${said.by} carries ${EXCLUDE_KEY}`, lookAgainAt: c.now + RARELY }
  const message = `whether anything opted out is unknown: ${said.unknown}`
  return { reason: 'FactUnknown', message, lookAgainAt: c.now + LATER }
}

const workloadOptedOut = (c: Case): Objection | Ask | undefined => {
  const by = optedOutBy(c)
  if (by) return { reason: 'OptedOut', message: `${by} carries ${EXCLUDE_KEY}`, lookAgainAt: c.now + RARELY }
  const names = surroundings(c)
  const ask = askFor(c.facts, names)
  if (ask) return ask
  for (const { fact } of names) {
    const there = fact === 'namespace' || fact === 'node' ? c.facts[fact] : undefined
    if (there?.known) continue
    const message = `whether the ${fact} opted out is unknown: ${there?.why ?? 'not read'}`
    return { reason: 'FactUnknown', message, lookAgainAt: c.now + LATER }
  }
  return undefined
}
