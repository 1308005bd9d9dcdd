/**
 * The rules of model.test.ts: what docs/guardrails.md, docs/policies.md and docs/policy-reference.md promise, in words of their own. They call
 * nothing that decides.
 */
import type { Remediation } from '../api/kinds.ts'
import type { VerdictOf } from '../model/plan.ts'
import type { RecyclePodPlan } from '../remedies/recycle-pod/plan.ts'
import type { RewriteImagePlan } from '../remedies/rewrite-image/plan.ts'
import {
  type Broken,
  fails,
  findingOf,
  HOUR,
  inProgress,
  isNode,
  MAX_PER_HOUR,
  MINUTE,
  OLD,
  type Spec,
  STABLE,
  type Target,
  unfinished,
  type World,
} from './testing-world.ts'

const PROTECTED = ['kube-system', 'kube-public', 'kube-node-lease', 'podmend']

/** Pods of a workload that do not run for the stabilization window; on a node, those that fail, and a step that is younger. */
export const unproved = (world: World, target: Target): readonly string[] => {
  const step = target.records.find(unfinished)?.status?.steps?.findLast(({ state }) => state !== 'Planned')
  const young = Date.parse(step?.actedAt ?? step?.intendedAt ?? '') + STABLE > world.now
  const ended = ({ startedAt = Number.POSITIVE_INFINITY }: Broken) => startedAt + STABLE <= world.now
  if (!isNode(target)) return target.pods.filter((pod) => !ended(pod)).map(({ name }) => `${name} does not run yet`)
  return [...(young ? ['the step is too young'] : []), ...target.pods.filter(fails).map(({ name }) => `${name} fails`)]
}

export const ms = (duration: string): number =>
  Number.parseInt(duration, 10) * ({ s: 1_000, m: MINUTE, h: HOUR }[duration.at(-1) ?? ''] ?? Number.NaN)

interface Rewriting {
  readonly type: string
  readonly recyclePod?: { readonly method: string }
  readonly rewriteImage?: {
    readonly rules: readonly { readonly from: string; readonly to: string }[]
    readonly verify: string
  }
}
const actionsOf = ({ actions }: Spec) => actions as readonly Rewriting[]

const ruled = ({ rewriteImage }: Rewriting, image: string): string | undefined => {
  const rule = rewriteImage?.rules.find(({ from }) => image.startsWith(from))
  return rule && rule.to + image.slice(rule.from.length)
}

/** The failing pods that the policy names, by cause and namespace. */
const named = (spec: Spec, target: Target): readonly Broken[] => {
  const { namespaces, causes } = spec
  const here = namespaces === undefined ? !PROTECTED.includes(target.namespace) : namespaces.includes(target.namespace)
  return here ? target.pods.filter((pod) => fails(pod) && causes.includes(findingOf(target, pod).cause)) : []
}

/** It matches, is not suspended, and one of its actions is for this failure, or it has none in order to keep others away. */
const couldRepair = (spec: Spec, target: Target): boolean => {
  const pods = named(spec, target)
  const can = (action: Rewriting): boolean => {
    switch (action.type) {
      case 'RewriteImage':
        return !isNode(target) && pods.some(({ image }) => ruled(action, image) !== undefined)
      case 'RecyclePod':
        return true
      default:
        return isNode(target)
    }
  }
  return !spec.suspend && pods.length > 0 && (spec.actions.length === 0 || actionsOf(spec).some(can))
}

const ranksBefore = (a: { name: string; spec: Spec }, b: { name: string; spec: Spec }): boolean =>
  a.spec.priority > b.spec.priority || (a.spec.priority === b.spec.priority && a.name < b.name)

const rankedPolicies = (world: World) => [...world.policies].map(([name, one]) => ({ name, ...one }))

const excludedBy = (world: World, target: Target, uids: readonly string[] | undefined): string[] => [
  // The node of a workload is that of a failing pod.
  ...(world.node.excluded && target.pods.some(fails) ? ['the node is excluded'] : []),
  ...(target.excluded ? ['the owner is excluded'] : []),
  ...(world.excludedNamespaces.has(target.namespace) ? ['the namespace is excluded'] : []),
  ...target.pods
    .filter((pod) => pod.excluded && (uids === undefined ? fails(pod) : uids.includes(pod.uid)))
    .map(({ name }) => `${name} is excluded`),
  ...target.pods
    .filter(({ uid, ownerExcluded }) => uids?.includes(uid) && (ownerExcluded || world.unread.has('owners')))
    .map(({ name }) => `the owner of ${name} is excluded, or it is unknown whether`),
]

/** Whether a diff has only lines that a person saw, beside what it leaves out. */
const wasShown = (diff: string, shown: string): boolean => {
  const lines = new Set(shown.split('\n'))
  return diff
    .replace(/\n@@ left out @@[^]*/, '')
    .split('\n')
    .every((line) => lines.has(line))
}

/** What would have to hold for any write, also the rest of a begun one and an undo. */
const standing = (world: World, target: Target, spec: Spec, uids?: readonly string[]): string[] => [
  ...(spec.mode === 'Observe' ? ['the policy only observes'] : []),
  ...(spec.suspend ? ['the policy is suspended'] : []),
  ...(world.paused ? ['the operator is paused'] : []),
  ...['paused', 'namespace', ...(target.pods.some(fails) ? ['node'] : [])]
    .filter((fact) => world.unread.has(fact))
    .map((fact) => `${fact} is unknown`),
  ...excludedBy(world, target, uids),
]

/** Every rule that an action breaks. */
export const broken = (
  world: World,
  target: Target,
  { plan, policy: { name }, attempt, resume }: VerdictOf<'Act'>,
): string[] => {
  const policy = world.policies.get(name)
  if (!policy) return ['there is no such policy']
  const { spec } = policy
  const { limits } = spec
  const { now, node, unread, answer } = world
  const said: string[] = []
  const rule = (sentence: string, holds: boolean): void => {
    if (!holds) said.push(sentence)
  }
  const pods = 'pods' in plan ? (plan as RecyclePodPlan).pods.map(({ uid }) => uid) : undefined
  said.push(...standing(world, target, spec, isNode(target) ? pods : undefined))
  rule('another type than the policy lists there', actionsOf(spec)[plan.index]?.type === plan.type)

  const matched = named(spec, target)
  rule('nothing that the policy names fails', matched.length > 0)
  rule(
    'a pod that the policy does not name',
    (pods ?? []).every((uid) => matched.some((pod) => pod.uid === uid)),
  )
  rule(
    'a pod on the word of an Event',
    matched.some(({ hearsay }) => !hearsay) && !matched.some(({ uid, hearsay }) => hearsay && pods?.includes(uid)),
  )
  const early = matched.filter(({ since }) => since + ms(spec.failingFor) > now)
  rule('too early', early.length < matched.length && !early.some(({ uid }) => pods?.includes(uid)))
  rule('managed elsewhere', !target.managed || isNode(target) || spec.managedWorkloads === 'Act')

  if (spec.mode === 'Approve') {
    const shown = world.shown.get(target.uid)
    const approvedAt = world.approved.get(plan.hash)
    rule('not approved', shown?.hash === plan.hash && approvedAt !== undefined && approvedAt <= shown.until)
    rule('more than was shown', wasShown(plan.diff, shown?.diff ?? ''))
  }

  if (plan.type === 'RewriteImage') {
    const { changes } = plan as RewriteImagePlan
    const { verify = '' } = actionsOf(spec)[plan.index]?.rewriteImage ?? {}
    for (const { from, to } of changes) {
      rule('another image than a rule gives', to === ruled(actionsOf(spec)[plan.index] as Rewriting, from))
      rule(
        'not the image that fails',
        matched.some(({ image }) => image === from),
      )
    }
    rule(
      'not verified',
      verify === 'Never' ||
        (!unread.has('registry') && (answer === 'there' || (verify === 'IfReachable' && answer === 'silent'))),
    )
  }
  rule(
    'a pod that is going',
    target.pods.every(({ uid, leaving }) => plan.type !== 'RecyclePod' || !leaving || !pods?.includes(uid)),
  )

  const same = policy.uid === target.reverted?.uid && policy.generation === target.reverted.generation
  const stands = rankedPolicies(world).some(
    ({ uid, generation }) => uid === target.reverted?.uid && generation === target.reverted.generation,
  )
  rule('a person took it back', !target.reverted || target.image !== OLD || !(stands || same))

  for (const other of rankedPolicies(world)) {
    if (other.name === name || !ranksBefore(other, { name, spec })) continue
    rule(`policy ${other.name} comes first`, !couldRepair(other.spec, target))
  }

  const repairs = plan.type === 'RestartRuntime' || plan.type === 'RecycleSandbox'
  if (repairs || plan.type === 'FlagNode')
    rule('a control-plane node', !node.controlPlane || spec.controlPlaneNodes === 'Act')
  if (repairs) {
    rule('the node is cordoned', !node.cordoned)
    rule('nothing inspected the node', !unread.has('inspection'))
    const allowed = limits.maxUnhealthyNodes.endsWith('%') ? 4 : Number(limits.maxUnhealthyNodes)
    const others = world.targets.filter((other) => other !== target && isNode(other) && other.records.some(unfinished))
    rule(
      'too many nodes are unhealthy',
      !unread.has('watched nodes') && (1 + node.othersDown <= allowed || others.length === 0),
    )
  }

  // Only what counts attempts is excused for a step that was begun.
  if (resume) return said

  const own = world.begun.filter((one) => one.target === target && one.at > now - 24 * HOUR)
  const further = own.some((one) => one.attempt === attempt && one.policy === name)
  const lastHour = world.begun.filter((one) => one.at > now - HOUR)
  const running = world.targets.flatMap((other) => (other === target ? [] : other.records.filter(inProgress)))
  const flags = plan.type === 'FlagNode' && plan.index > 0
  rule('one is in progress', !target.records.some(unfinished))
  rule('cooling down', further || flags || own.every((one) => one.at + ms(limits.cooldown) <= now))
  rule('attempts spent', further || own.length < limits.maxAttempts)
  rule('too many at once', running.filter(({ status }) => status?.policy?.name === name).length < limits.maxConcurrent)
  rule('budget of the policy', lastHour.filter((one) => one.policy === name).length < limits.maxPerHour)
  rule('budget of the operator', lastHour.length < MAX_PER_HOUR)
  return said
}

export const wronglyUndone = (world: World, target: Target, record: Remediation): string[] => {
  const { uid } = record.status?.policy ?? record.spec.policy
  const policy = rankedPolicies(world).find((one) => one.uid === uid)
  if (!policy) return ['its policy is gone']
  return [
    ...standing(world, target, policy.spec),
    ...(policy.spec.onIneffective === 'Undo' ? [] : ['the policy keeps it']),
  ]
}

/** A policy that cannot repair it must not keep one that can from governing. */
export const neglected = (world: World, target: Target, { reason, policy }: VerdictOf<'Hold'>): string[] => {
  const holding = world.policies.get(policy.name)
  if (!holding || target.records.some(unfinished) || reason === 'AlreadyRecovered' || couldRepair(holding.spec, target))
    return []
  // Where the template has another image than the pods that fail, whichever policy comes first says so.
  if (!isNode(target) && target.pods.some((pod) => fails(pod) && pod.image !== target.image)) return []
  const wasBegun = target.records.some(({ status }) => status?.steps?.some(({ state }) => state !== 'Planned'))
  return rankedPolicies(world)
    .filter(({ spec }) => !wasBegun && couldRepair(spec, target))
    .map(({ name }) => `${policy.name} holds with ${reason}, but ${name} could repair it`)
}
