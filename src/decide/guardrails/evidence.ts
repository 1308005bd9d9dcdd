/** Guardrails on what is known: of the failure, and of the image that a rewrite would write. */
import { REFUTED_BY_REGISTRY } from '../../model/causes.ts'
import {
  type Ask,
  askFor,
  type DecisionInput,
  factsOfNode,
  LATER,
  nodeCauseOf,
  RARELY,
  registryFact,
  registryOf,
  serves,
  SOON,
} from '../../model/decision-input.ts'
import { parseImage } from '../../model/image-reference.ts'
import { isProven, nodeOfPod, type RegistryAnswer } from '../../model/incident.ts'
import type { PlacedChange } from '../../model/plan.ts'
import { remedyOf } from '../../remedies/list.ts'
import { isLeaving } from '../../remedies/pod-template.ts'
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

interface Doubt {
  readonly message: string
  readonly waitMs: number
}

const digestOf = (image: string): string | undefined => {
  const parsed = parseImage(image)
  return parsed.ok ? parsed.reference.digest : undefined
}

const notFor = (platforms: readonly string[], where: string): Doubt => ({
  message: `the image exists for ${platforms.join(', ') || 'no known platform'}, but ${where}`,
  waitMs: RARELY,
})

/** The new image has to run on the node of each failing pod, and on those where the owner's other pods run now. */
const doubtOfPlatform = (context: Context, platforms: readonly string[]): Doubt | Ask | undefined => {
  const { facts, incident } = context.case
  for (const { pod } of incident.pods) {
    if (!pod.spec?.nodeName) continue
    const node = nodeOfPod(facts, pod)
    if (!node?.known) return { message: `the platform of node ${pod.spec.nodeName} is unknown`, waitMs: LATER }
    const { name, platform } = node.value
    if (!serves(platforms, platform)) return notFor(platforms, `node ${name} is ${platform}`)
  }
  return doubtOfOtherPods(context, platforms)
}

/** An edit of a template replaces healthy pods too. Asks for them only where the cluster has a platform that the image lacks. */
const doubtOfOtherPods = (
  { case: { facts, incident, nodes } }: Context,
  platforms: readonly string[],
): Doubt | Ask | undefined => {
  const { owner } = incident
  const all = nodes?.known ? nodes.value : []
  const lacking = new Map(
    all.flatMap(({ name, platform }) => (platform !== '' && !serves(platforms, platform) ? [[name, platform]] : [])),
  )
  if (lacking.size === 0 || owner.ref.kind === 'Pod' || owner.templateFixed) return undefined
  const ask = askFor(facts, [{ fact: 'pods' }])
  if (ask) return ask
  if (!facts.pods?.known) return { message: `where its other pods run is unknown: ${facts.pods?.why}`, waitMs: LATER }
  const pod = facts.pods.value.find((one) => !isLeaving(one) && lacking.has(one.spec?.nodeName ?? ''))
  const on = pod?.spec?.nodeName ?? ''
  return pod && notFor(platforms, `pod ${pod.metadata.name} runs on node ${on}, which is ${lacking.get(on)}`)
}

/** The objection to a target from its registry's response. */
const doubtOf = (context: Context, { from }: PlacedChange, answer: RegistryAnswer): Doubt | Ask | undefined => {
  switch (answer.kind) {
    case 'exists': {
      const pinned = digestOf(from)
      if (pinned !== undefined && answer.digest !== pinned) {
        return { message: `the image is pinned to ${pinned}, but the registry has ${answer.digest}`, waitMs: RARELY }
      }
      return doubtOfPlatform(context, answer.platforms)
    }
    case 'projectMissing':
    case 'repositoryMissing':
    case 'tagMissing':
      return { message: `the registry does not have it: ${answer.message}`, waitMs: RARELY }
    case 'denied': {
      const how = answer.withCredentials ? 'with the credentials of the pod' : 'no pull secret of the pod applies'
      return { message: `the registry denies access (${how}): ${answer.message}`, waitMs: RARELY }
    }
    case 'limited':
      return { message: `the registry limits requests: ${answer.message}`, waitMs: answer.retryAfterMs ?? 60_000 }
    case 'unreachable':
      return { message: `the registry cannot be reached: ${answer.message}`, waitMs: LATER }
    case 'refused':
      return { message: `the registry was not asked: ${answer.message}`, waitMs: RARELY }
  }
}

/** An image pinned to a digest must stay pinned to it, whatever a rule rewrites. */
const losesDigest = ({ from, to }: PlacedChange): boolean => {
  const pinned = digestOf(from)
  return pinned !== undefined && digestOf(to) !== pinned
}

/** The new image must exist for the platform of each node concerned, if the policy requires verification. */
export const targetUnverified: Guardrail = (context) => {
  const { case: c, policy, plan, noPlan, matched } = context
  const objects = (message: string, waitMs: number) => ({
    reason: 'TargetUnverified' as const,
    message,
    requeueAt: c.now + waitMs,
  })
  if (noPlan) return objects(noPlan.message, RARELY)
  const changes = plan && remedyOf(plan.type).imagesIn?.(plan)
  if (!changes) return undefined
  const unpinned = changes.find(losesDigest)
  if (unpinned) return objects(`${unpinned.to}: the rewrite would lose the digest that the image is pinned to`, RARELY)

  const verify = policy.spec.actions[plan.index]?.rewriteImage?.verify ?? 'Required'
  if (verify === 'Never') return undefined
  // Query the current image as well: an image that exists is not rewritten (the plan leaves it out), and the record must
  // not report Unauthorized, which suggests missing credentials, when the project is gone.
  const open = matched.filter(
    ({ finding: { cause, possibleCauses, image } }) =>
      (possibleCauses.length > 0 || REFUTED_BY_REGISTRY.has(cause)) && image !== '',
  )
  const images = [...changes.map(({ to }) => to), ...open.map(({ finding }) => finding.image)]
  const ask = askFor(c.facts, images.map(registryFact))
  if (ask) return ask
  for (const change of changes) {
    const fact = registryOf(c.facts, change.to)
    if (!fact?.known)
      return objects(`${change.to}: the answer of its registry is unknown: ${fact?.why ?? 'not read'}`, LATER)
    if (fact.value.kind === 'unreachable' && verify === 'IfReachable') continue
    const doubt = doubtOf(context, change, fact.value)
    if (doubt && 'ask' in doubt) return doubt
    if (doubt) return objects(`${change.to}: ${doubt.message}`, doubt.waitMs)
  }
  return undefined
}
