/** What may happen in model.test.ts, in any order: people, registry, kubelet, agent, time, and the controller. */
import * as fc from 'fast-check'
import type { Remediation } from '../api/kinds.ts'
import { formatTime } from '../model/duration.ts'
import { openRecordOf } from '../model/remediation-state.ts'
import { type Crash, reconcile, saveRecord } from './testing-controller.ts'
import {
  brokenPod,
  hashOfTemplate,
  HOUR,
  isNode,
  NEW,
  OLD,
  type Spec,
  type Target,
  unfinished,
  type World,
} from './testing-world.ts'

class Step implements fc.Command<object, World> {
  readonly name: string
  readonly happen: (world: World) => void
  constructor(name: string, happen: (world: World) => void) {
    this.name = name
    this.happen = happen
  }
  check(): boolean {
    return true
  }
  run(_model: object, world: World): void {
    this.happen(world)
  }
  toString(): string {
    return this.name
  }
}

const step = <T>(name: string, given: fc.Arbitrary<T>, happen: (world: World, value: T) => void): fc.Arbitrary<Step> =>
  given.map((value) => new Step(`${name} ${JSON.stringify(value)}`, (world) => happen(world, value)))

const which = fc.nat(2)
const on = fc.boolean()
/** Mostly the first, or an odd world would hardly ever come to an act. */
const mostly = <T>(first: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(first) },
    ...others.map((other) => ({ weight: 1, arbitrary: fc.constant(other) })),
  )

const rarely = mostly(false, true)

const rewrite = (from: string, to: string, verify: string) => ({
  type: 'RewriteImage',
  timeout: '5m',
  rewriteImage: { rules: [{ from, to }], verify, suggestions: 'Ignore' },
})
const action = (type: string) => ({
  type,
  timeout: '5m',
  ...(type === 'RecyclePod' && { recyclePod: { method: 'Delete' } }),
})
const moved = fc
  .constantFrom('Required', 'Required', 'IfReachable', 'Never')
  .map((verify) => rewrite('harbor.od.com/k8s/', 'harbor.od.com/public/', verify))
const elsewhere = fc.constant(rewrite('quay.io/a/', 'quay.io/b/', 'Required'))
const workloadActions = fc.oneof(
  moved.map((one) => [one]),
  moved.map((one) => [one, action('RecyclePod')]),
  elsewhere.map((one) => [one]),
  fc.constant([action('RecyclePod')]),
)
const nodeActions = fc.constantFrom<object[]>(
  [action('RestartRuntime')],
  [action('RestartRuntime'), action('FlagNode')],
  [action('FlagNode')],
  [action('RecyclePod'), action('RestartRuntime')],
)
const WORKLOAD_CAUSES = ['ProjectNotFound', 'ManifestNotFound']
const kind = fc.oneof(
  fc.tuple(fc.constantFrom(WORKLOAD_CAUSES, ['ProjectNotFound']), workloadActions),
  fc.tuple(fc.constant(['IptablesChainMissing']), nodeActions),
)

export const spec: fc.Arbitrary<Spec> = fc
  .record({
    kind,
    mode: mostly<Spec['mode']>('Enforce', 'Approve', 'Observe'),
    suspend: mostly(false, true),
    priority: fc.nat(2),
    namespaces: fc.constantFrom(undefined, ['web'], ['web', 'kube-system']),
    failingFor: fc.constantFrom('0s', '1m', '10m'),
    onIneffective: fc.constantFrom<Spec['onIneffective'][]>('Keep', 'Undo'),
    managedWorkloads: mostly<Spec['managedWorkloads']>('Hold', 'Act'),
    controlPlaneNodes: mostly<Spec['controlPlaneNodes']>('Hold', 'Act'),
    approvalTimeout: fc.constantFrom('10m', '24h'),
    limits: fc.record({
      cooldown: fc.constantFrom('1m', '10m'),
      maxAttempts: fc.integer({ min: 1, max: 3 }),
      maxConcurrent: fc.integer({ min: 1, max: 2 }),
      maxPerHour: fc.integer({ min: 1, max: 3 }),
      maxUnhealthyNodes: fc.constantFrom('1', '2', '100%'),
    }),
    hasActions: mostly(true, false),
  })
  .map(({ kind: [causes, actions], hasActions, ...rest }) => {
    const none = !hasActions && rest.mode === 'Observe'
    return { ...rest, causes, actions: none ? [] : actions }
  })

export const setPolicy = (world: World, name: string, next: Spec): void => {
  const before = world.policies.get(name)
  const uid = before?.uid ?? `uid-${name}-${(world.serial += 1)}`
  world.policies.set(name, { spec: next, uid, generation: (before?.generation ?? 0) + 1 })
}

/** A person takes back what stands on the record as written. */
const takeBack = (world: World, target: Target): void => {
  const begun = ({ status }: Remediation) => status?.steps?.findLast(({ state }) => state !== 'Planned')
  const record = target.records.find((one) => begun(one) !== undefined)
  const last = record && begun(record)
  if (!record || !last?.changes || target.image !== NEW) return
  target.image = OLD
  for (const pod of target.pods) Object.assign(pod, brokenPod(world, target))
  for (const pod of target.pods) delete pod.startedAt
  if (last.state !== 'Intended') target.reverted = last.policy ?? record.spec.policy
}

/** The kubelet: gives each pod the image of its template, and starts those whose image it can pull. */
const startPods = (world: World, target: Target, starts: boolean): void => {
  for (const pod of target.pods) {
    if (pod.leaving || pod.image !== target.image) {
      delete pod.startedAt
      delete pod.leaving
      Object.assign(pod, brokenPod(world, target))
    }
    const pulls = isNode(target) || (target.image === NEW && world.answer === 'there')
    if (starts && pulls) pod.startedAt ??= world.now
  }
}

const decideOn = (world: World, target: Target, decision: 'Approved' | 'Denied', foreign: boolean): void => {
  const record = openRecordOf(target.records, hashOfTemplate(target))
  const { planHash, expiresAt } = record?.status ?? {}
  // The API server refuses any other.
  if (!record || planHash === undefined || expiresAt === undefined || record.spec.approval?.planHash === planHash)
    return
  const approval = { decision, by: 'ann', planHash: foreign ? 'f'.repeat(64) : planHash }
  const time = formatTime(world.now)
  const fieldsV1 = { 'f:spec': { 'f:approval': {} } }
  const managedFields = [{ manager: 'kubectl', operation: 'Update', time, fieldsV1 }]
  saveRecord(target, {
    ...record,
    metadata: { ...record.metadata, managedFields },
    spec: { ...record.spec, approval },
  } as Remediation)
  if (!foreign && decision === 'Approved') world.approved.set(planHash, world.now)
}

const FACTS = [
  'namespace',
  'node',
  'pods',
  'registry',
  'inspection',
  'watched nodes',
  'nodePods',
  'tasks',
  'paused',
  'owners',
]

const toggle = <T>(all: Set<T>, one: T, has: boolean): void => void (has ? all.add(one) : all.delete(one))

const steps = [
  step('policy', fc.tuple(fc.constantFrom('a', 'b', 'c'), spec), (world, [name, next]) => setPolicy(world, name, next)),
  step('suspend', fc.tuple(fc.constantFrom('a', 'b', 'c'), rarely), (world, [name, suspend]) => {
    const before = world.policies.get(name)
    if (before) setPolicy(world, name, { ...before.spec, suspend })
  }),
  step('delete policy', fc.constantFrom('a', 'b', 'c'), (world, name) => void world.policies.delete(name)),
  step('pause', rarely, (world, paused) => void (world.paused = paused)),
  step('unread', fc.tuple(fc.constantFrom(...FACTS), rarely), (world, [fact, has]) => toggle(world.unread, fact, has)),
  step('exclude namespace', fc.tuple(fc.constantFrom('web', 'kube-system'), rarely), (world, [name, has]) =>
    toggle(world.excludedNamespaces, name, has),
  ),
  step(
    'exclude owner',
    fc.tuple(fc.nat(1), rarely),
    (world, [i, excluded]) => void (world.targets[i as 0].excluded = excluded),
  ),
  step('exclude pod', fc.tuple(which, rarely), (world, [i, excluded]) => {
    const pod = world.targets[i as 0].pods[0]
    if (pod) pod.excluded = excluded
  }),
  step('exclude owner of a pod', rarely, (world, ownerExcluded) => {
    const pod = world.targets[2].pods[0]
    if (pod) pod.ownerExcluded = ownerExcluded
  }),
  step(
    'node',
    fc.record({
      excluded: mostly(false, true),
      cordoned: mostly(false, true),
      controlPlane: mostly(false, true),
      othersDown: fc.nat(3),
    }),
    (world, node) => void (world.node = node),
  ),
  step(
    'registry',
    mostly<World['answer']>('there', 'gone', 'arm', 'silent'),
    (world, answer) => void (world.answer = answer),
  ),
  step('managed', fc.tuple(fc.nat(1), rarely), (world, [i, managed]) => void (world.targets[i as 0].managed = managed)),
  step('fails', fc.tuple(which, mostly(false, true)), (world, [i, hearsay]) => {
    const target = world.targets[i as 0]
    if (target.pods.length < 3) target.pods.push(brokenPod(world, target, { hearsay }))
  }),
  step('leaves', which, (world, i) => {
    const pod = world.targets[i as 0].pods[0]
    if (pod) pod.leaving = true
  }),
  step('take back', fc.constant(NEW), (world) => {
    const target = world.targets.find(({ image }) => image === NEW)
    if (target) takeBack(world, target)
  }),
  step('delete record', which, (world, i) => {
    const target = world.targets[i as 0]
    if (target.records.some(unfinished)) return
    target.records = []
    delete target.reverted
    world.shown.delete(target.uid)
  }),
  step(
    'decide',
    fc.tuple(which, fc.constantFrom<('Approved' | 'Denied')[]>('Approved', 'Approved', 'Denied'), mostly(false, true)),
    (world, [i, decision, foreign]) => decideOn(world, world.targets[i as 0], decision, foreign),
  ),
  step('agent', on, (world, done) => {
    for (const task of world.targets[2].tasks) task.done ??= done
  }),
]
const roll = step('roll', fc.tuple(which, on), (world, [i, starts]) => startPods(world, world.targets[i as 0], starts))
const wait = step(
  'wait',
  fc.constantFrom(1, 31, 61, 301, 601, 3_601, 86_401),
  (world, seconds) => void (world.now += seconds * 1_000),
)
const reconciles = step(
  'reconcile',
  fc.tuple(which, mostly<Crash>('none', 'before the write', 'after the write')),
  (world, [i, crash]) => reconcile(world, world.targets[i as 0], crash),
)

const reconcileAll = step('reconcile all', fc.constant('none' as const), (world, crash) => {
  for (const target of world.targets) reconcile(world, target, crash)
})

const askForApproval = (world: World): void => {
  for (const [name, { spec: before }] of world.policies) {
    if (before.mode !== 'Approve' || before.suspend)
      setPolicy(world, name, { ...before, mode: 'Approve', suspend: false })
  }
}

const MEANWHILE: Readonly<Record<string, (world: World, target: Target) => void>> = {
  nothing: () => undefined,
  'others fail': (world, target) => {
    for (const pod of target.pods) pod.startedAt ??= world.now
    target.pods.push(brokenPod(world, target))
  },
  'one recovers, another fails': (world, target) => {
    const [pod] = target.pods
    if (pod) pod.startedAt ??= world.now
    target.pods.push(brokenPod(world, target, { since: world.now - HOUR }))
  },
  'one more fails': (world, target) => void target.pods.push(brokenPod(world, target)),
  'a policy is edited': (world) => {
    for (const [name, { spec: before }] of world.policies) setPolicy(world, name, before)
  },
}

/** A person is asked and approves, in time or not; something may happen before the controller reads it. */
const approve = step(
  'approve',
  fc.tuple(which, fc.constantFrom('in time', 'late'), fc.constantFrom(...Object.keys(MEANWHILE))),
  (world, [i, when, meanwhile]) => {
    const target = world.targets[i as 0]
    askForApproval(world)
    reconcile(world, target, 'none')
    const expiresAt = openRecordOf(target.records, hashOfTemplate(target))?.status?.expiresAt
    if (when === 'late' && expiresAt !== undefined) world.now = Math.max(world.now, Date.parse(expiresAt) + 1_000)
    decideOn(world, target, 'Approved', false)
    MEANWHILE[meanwhile]?.(world, target)
    reconcile(world, target, 'none')
  },
)

/** What was repaired fails again, after a while. */
const failAgain = (world: World, target: Target, seconds: number, hearsay: boolean): void => {
  reconcile(world, target, 'none')
  for (const task of target.tasks) task.done ??= true
  startPods(world, target, true)
  world.now += seconds * 1_000
  reconcile(world, target, 'none')
  target.pods = [brokenPod(world, target, { hearsay, since: world.now - HOUR })]
  reconcile(world, target, 'none')
}

const relapse = step(
  'relapse',
  fc.tuple(which, fc.constantFrom(31, 61, 3_601), rarely),
  (world, [i, seconds, hearsay]) => failAgain(world, world.targets[i as 0], seconds, hearsay),
)

/** Everything fails again and again within minutes. */
const storm = step('storm', fc.constantFrom(31, 61), (world, seconds) => {
  for (let round = 0; round < 3; round += 1) {
    for (const target of world.targets) failAgain(world, target, seconds, false)
  }
})

/** Something cannot be read for one check. */
const blind = step('blind', fc.tuple(which, fc.constantFrom(...FACTS)), (world, [i, fact]) => {
  const wasUnread = world.unread.has(fact)
  world.unread.add(fact)
  reconcile(world, world.targets[i as 0], 'none')
  toggle(world.unread, fact, wasUnread)
})

const STOPS: Readonly<Record<string, (world: World, target: Target) => void>> = {
  'the operator is paused': (world) => void (world.paused = true),
  'the owner is excluded': (_, target) => void (target.excluded = !isNode(target)),
  'the node is excluded': (world) => void (world.node = { ...world.node, excluded: true }),
  'the node is cordoned': (world) => void (world.node = { ...world.node, cordoned: true }),
  'the policies are suspended': (world) => {
    for (const [name, { spec: before }] of world.policies) setPolicy(world, name, { ...before, suspend: true })
  },
}

/** The controller ends between the intent and the write; when it starts again, something stops the step. */
const stopped = step('stopped', fc.tuple(which, fc.constantFrom(...Object.keys(STOPS))), (world, [i, stop]) => {
  const target = world.targets[i as 0]
  reconcile(world, target, 'before the write')
  STOPS[stop]?.(world, target)
  reconcile(world, target, 'none')
})

const often = <T>(one: T, times: number): readonly T[] => Array.from({ length: times }, () => one)

/** Mostly the controller, pods and time, or hardly anything would come of the rest. */
export const commands = [
  ...steps,
  ...often(reconciles, 10),
  ...often(reconcileAll, 5),
  ...often(roll, 4),
  ...often(wait, 8),
  ...often(approve, 2),
  ...often(relapse, 3),
  stopped,
  storm,
  ...often(blind, 2),
]
