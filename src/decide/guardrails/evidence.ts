import { isProven } from '../../model/incident.ts'
import {
  askFor,
  type DecisionInput,
  factsOfNode,
  LATER,
  nodeCauseOf,
  registryFact,
  SOON,
} from '../../model/decision-input.ts'
import type { Context, Guardrail } from './guardrail.ts'

/** Whether the policy allows registry queries. */
const mayAskRegistry = ({ policy, plan }: Context): boolean =>
  plan === undefined || policy.spec.actions[plan.index]?.rewriteImage?.verify !== 'Never'

/**
 * Anyone may create Events, so an Event alone never leads to an action: the kubelet's status or the registry's response
 * must confirm it. Matching has left unproven findings out beside proven ones; a registry may still confirm those.
 */
export const factUnknown: Guardrail = (context) => {
  const { case: c, matched, leftOut, noPlan, unanswered } = context
  const [stale] = c.stale ?? []
  if (stale !== undefined) {
    const message = `whether a policy or a record of it has changed is unknown: ${stale}`
    return { reason: 'FactUnknown', message, requeueAt: c.now + SOON }
  }
  const unknown = unanswered ?? (noPlan?.reason === 'FactUnknown' ? noPlan.message : undefined)
  if (unknown !== undefined) return { reason: 'FactUnknown', message: unknown, requeueAt: c.now + LATER }

  if (nodeCauseOf(c)) return unconfirmedNode(context)
  const hearsay = matched.filter(({ finding }) => !isProven(finding)).map(({ finding }) => finding)
  const images = [...hearsay, ...leftOut.map(({ finding }) => finding)].map(({ image }) => image)
  const open = images.filter((image) => image !== '')
  const ask = mayAskRegistry(context) ? askFor(c.facts, open.map(registryFact)) : undefined
  if (ask) return ask
  if (hearsay.length === 0) return undefined
  const message = `only an Event reports that ${hearsay[0]?.container || 'the pod'} fails with ${hearsay[0]?.cause}; nothing confirms it yet`
  return { reason: 'FactUnknown', message, requeueAt: c.now + LATER }
}

/** What the agent could not inspect although the cause depends on it; undefined if it inspected everything. */
const blindOf = ({ incident: { area }, facts: { inspection, volumes = {} } }: DecisionInput): string | undefined => {
  if (!inspection?.known) return inspection?.why
  const { chains, runtime, mounts, docker } = inspection.value
  switch (area) {
    case 'IptablesChainMissing':
      if (!chains.known) return chains.why
      if (docker.managesChains !== undefined) return chains.partly
      return `whether Docker manages its chains is unknown: ${docker.why ?? 'the agent does not report it'}`
    case 'RuntimeUnresponsive':
      return runtime.why
    case 'MountHelperMissing':
      return mounts.why ?? Object.values(volumes).flatMap((types) => (types.known ? [] : [types.why]))[0]
    default:
      return undefined
  }
}

/**
 * A node's cause needs confirmation by the kubelet's own condition or by the agent. The agent is asked once; a cause that
 * it rules out is explained and not acted on.
 */
const unconfirmedNode: Guardrail = ({ case: c, matched }) => {
  const open = matched.filter(({ finding }) => !isProven(finding))
  if (open.length < matched.length || matched.length === 0) return undefined
  const ask = askFor(c.facts, factsOfNode(c))
  if (ask) return ask
  const ruledOut = c.diagnosis.ruledOut ?? open.find(({ finding }) => finding.ruledOut)?.finding.ruledOut
  const blind = blindOf(c)
  const unseen = blind === undefined ? '' : `: ${blind}`
  const message =
    ruledOut === undefined
      ? `only Events report ${open[0]?.finding.cause} on the node; its agent does not confirm it${unseen}`
      : `no action on the node: ${ruledOut}`
  return { reason: 'FactUnknown', message, requeueAt: c.now + LATER }
}
