import { REFUTED_BY_REGISTRY } from '../../model/causes.ts'
import { type Ask, askFor, LATER, RARELY, registryFact, registryOf, serves } from '../../model/decision-input.ts'
import { parseImage } from '../../model/image-reference.ts'
import { nodeOfPod, type RegistryAnswer } from '../../model/incident.ts'
import type { PlacedChange } from '../../model/plan.ts'
import { isLeaving } from '../../remedies/pod-template.ts'
import { remedyOf } from '../../remedies/list.ts'
import type { Context, Guardrail } from './guardrail.ts'

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
