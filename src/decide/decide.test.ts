import { expect, test } from 'vitest'
import type { DecisionInput } from '../model/decision-input.ts'
import { normalImage } from '../model/image-reference.ts'
import { type Fact, type Facts, incidentId, known, type Owner, unknown } from '../model/incident.ts'
import type { RecyclePodPlan } from '../remedies/recycle-pod/plan.ts'
import type { RewriteImagePlan } from '../remedies/rewrite-image/plan.ts'
import { decide } from './decide.ts'
import { aNodeCase, aWaitingPod, NODE, type NodeInputOverrides, nodePolicy } from './testing-nodes.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
  aNamespace,
  anAttempt,
  aNode,
  anOwner,
  aPod,
  aPolicy,
  aRecord,
  aStep,
  BROKEN,
  dice,
  exists,
  PATCHED,
  type Pick,
  recycling,
  rewriting,
  running,
} from './testing.ts'

test('Nothing fails and no record waits: there is nothing to decide', () => {
  expect(decide(aCase({ pods: [] }))).toMatchObject({ kind: 'Ignore', why: expect.stringContaining('is failing') })
  expect(decide(aCase({ pods: [], records: [aRecord({ phase: 'Succeeded' })] }))).toMatchObject({ kind: 'Ignore' })
})

test('The verdict is the same for the same case, and the case is left as it was', () => {
  const c = aCase({
    policies: [aPolicy({ name: 'b' }), aPolicy({ name: 'a' })],
    records: [aRecord({ phase: 'Held', steps: [] })],
  })
  const before = structuredClone({ ...c, policies: c.policies.map(({ name }) => name) })
  expect(decide(c)).toEqual(decide(c))
  expect({ ...c, policies: c.policies.map(({ name }) => name) }).toEqual(before)
})

const LONG = `harbor.od.com/k8s/${'x'.repeat(4_000)}`
const odd = <T>(value: unknown): T => value as T

const someFacts = (pick: Pick): Record<string, unknown> => ({
  namespace: pick(
    known(aNamespace()),
    unknown('403'),
    known(aNamespace({ annotations: { 'podmend.io/exclude': 'true' } })),
  ),
  nodes: { n1: pick(known(aNode()), unknown('gone'), known(aNode({ platform: '' }))) },
  pods: pick(
    known([
      aPod(),
      aPod({ name: 'new', containers: [{ name: 'coredns', image: PATCHED }], statuses: [running(-pick(1, 40_000))] }),
    ]),
    known([]),
    unknown('403'),
  ),
})
const someAnswer = (pick: Pick): Fact<unknown> =>
  pick<Fact<unknown>>(
    exists(),
    exists({ platforms: [] }),
    unknown('x'),
    known({ kind: 'tagMissing', message: '404' }),
    known({ kind: 'unreachable', message: 'x' }),
  )

const someCase = (pick: Pick): DecisionInput => {
  const image = pick(BROKEN, BROKEN, BROKEN, '', LONG, 'ünïcode:🙂', 'nginx', `${BROKEN}@sha256:zz`)
  const findings = [
    aFinding({
      image,
      source: pick('kubelet', 'kubelet', 'event', 'registry'),
      possibleCauses: pick<readonly ('ProjectNotFound' | 'Forbidden')[]>([], [], ['ProjectNotFound', 'Forbidden']),
      container: pick('coredns', 'coredns', '', 'constructor'),
      init: pick(false, false, true),
    }),
  ]
  const bare = pick(false, false, odd<boolean>(true))
  const failing = aFailingPod({
    findings,
    since: pick(-99_000, -99_000, 0, Number.NaN),
    node: pick('n1', 'n1', null),
    leaving: pick(false, false, true),
  })
  const pod = bare ? { ...failing, pod: odd<typeof failing.pod>({ metadata: { name: 'x' } }) } : failing
  const step = aStep({
    state: pick('Intended', 'Done', 'Planned', 'Ineffective', 'Undone', 'Failed'),
    action: pick('RewriteImage', 'RecyclePod'),
    changes: pick(undefined, aStep().changes, [{ container: 'gone', init: true, from: '', to: LONG }]),
    pods: pick(undefined, [{ name: 'coredns-a', uid: 'uid-coredns-a' }]),
    actedAt: pick(undefined, 'not a time', '2026-03-01T11:00:00Z'),
    index: pick(0, 1, 9),
  })
  const records = pick(
    [],
    [],
    [
      aRecord({
        phase: pick('Running', 'Verifying', 'Held', 'Succeeded', 'Ineffective'),
        steps: pick([], [step], [step, step]),
      }),
    ],
    [odd<ReturnType<typeof aRecord>>({ metadata: { name: 'r' }, spec: aRecord().spec })],
  )
  const ofJobs = pick<Partial<Owner>>({}, {}, { patchesPods: true }, { patchesPods: true, templateFixed: true })
  return aCase({
    owner: anOwner({
      kind: pick('Deployment', 'StatefulSet', 'Pod'),
      ...ofJobs,
      namespace: pick('kube-system', 'kube-system', 'web'),
      containers: pick([{ name: 'coredns', image }], [{ name: 'coredns' }], []),
      initContainers: pick([], [{ name: 'coredns', image }]),
      keepsBrokenPods: pick(false, true),
      replicas: pick(1, 0, 3),
      managedFields: pick([], [odd({ fieldsV1: 'x' })], [odd({ manager: 'm', fieldsV1: { 'f:spec': null } })]),
    }),
    pods: pick([pod], [pod], [pod, failing], []),
    policies: pick(
      [
        aPolicy({
          actions: [rewriting({ verify: pick('Required', 'IfReachable', 'Never') }), recycling()],
          mode: pick('Enforce', 'Enforce', 'Observe', 'Approve'),
          onIneffective: pick('Keep', 'Undo'),
        }),
      ],
      [
        aPolicy({
          actions: [recycling()],
          match: { namespaces: pick<string[] | undefined>(undefined, ['web', 'kube-system']) },
        }),
      ],
      [
        aPolicy({ name: 'a', suspend: true, priority: 3 }),
        aPolicy({ match: { nodeSelector: {}, namespaceSelector: {} } }),
      ],
      [aPolicy({ actions: [] }), aPolicy({ name: 'b', actions: [{ type: 'FlagNode', timeout: '1m' }] })],
      [],
    ),
    records,
    attempts: pick([], [], [anAttempt(-1)], [anAttempt(Number.NaN), anAttempt(99_000)]),
    operator: {
      paused: pick(known(false), known(false), known(false), unknown('x')),
      maxActionsPerHour: pick(60, 60, 0, -1),
    },
    facts: { namespace: undefined, node: undefined, registry: { [PATCHED]: undefined } },
  })
}

const RUNS = 4_000

/** Gathers requested facts, from one fixed set per run. */
const settled = (c: DecisionInput, pick: Pick) => {
  const allFacts = someFacts(pick)
  let facts: Facts = c.facts
  for (let round = 0; round < 8; round += 1) {
    const current = { ...c, facts }
    const verdict = decide(current)
    if (verdict.kind !== 'Ask') return { verdict, c: current }
    expect(verdict.facts).not.toEqual([])
    for (const name of verdict.facts) {
      if (name.fact === 'registry') {
        expect(facts.registry).not.toHaveProperty([name.image])
        expect(name.image).toBe(normalImage(name.image))
        facts = { ...facts, registry: { ...facts.registry, [name.image]: odd(someAnswer(pick)) } }
      } else {
        expect(facts[name.fact]).toBeUndefined()
        facts = { ...facts, [name.fact]: allFacts[name.fact] }
      }
    }
  }
  throw new Error('it never came to a verdict')
}

test('Whatever comes, it neither throws nor asks for a fact that is there, and it comes to a verdict', () => {
  const kinds = new Set<string>()
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const pick = dice(seed * 7_919)
    kinds.add(settled(someCase(pick), pick).verdict.kind)
  }
  expect([...kinds].toSorted()).toEqual(['Act', 'Hold', 'Ignore', 'Verify'])
})

test('It never acts while a fact that the act needs is unknown', () => {
  let acts = 0
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const pick = dice(seed * 104_729)
    const { verdict, c } = settled(someCase(pick), pick)
    if (verdict.kind !== 'Act') continue
    acts += 1
    const { plan } = verdict
    const { facts, incident, policies } = c
    const policy = policies.find(({ uid }) => uid === verdict.policy.uid)
    expect(c.operator.paused).toEqual(known(false))
    expect(policy).toMatchObject({ spec: { suspend: false } })
    expect(policy?.spec.mode).not.toBe('Observe')
    expect(facts.namespace?.known).toBe(true)
    for (const { pod } of incident.pods)
      if (pod.spec?.nodeName) expect(facts.nodes?.[pod.spec.nodeName]?.known).toBe(true)
    if (plan.type === 'RecyclePod') {
      expect(incident.owner.recreatesPods).toBe(true)
      expect((plan as RecyclePodPlan).pods).not.toEqual([])
      continue
    }
    if (plan.type !== 'RewriteImage') throw new Error(`${plan.type} was not to be planned here`)
    if (incident.owner.keepsBrokenPods || incident.owner.patchesPods) expect(facts.pods?.known).toBe(true)
    const { changes, podsOnly, thenPatch } = plan as RewriteImagePlan
    expect(changes).not.toEqual([])
    if (podsOnly) expect(thenPatch).not.toEqual([])
    if (policy?.spec.actions[plan.index]?.rewriteImage?.verify === 'Never') continue
    for (const { was, to } of changes) {
      if (was === to) continue
      expect(facts.registry[normalImage(to)]).toMatchObject({
        known: true,
        value: { kind: expect.stringMatching(/exists|unreachable/) },
      })
    }
  }
  expect(acts).toBeGreaterThan(200)
})

const askedOf = (words: NodeInputOverrides) => {
  const verdict = decide(aNodeCase({ ...words, facts: { ...words.facts, inspection: undefined } }))
  if (verdict.kind !== 'Ask') throw new Error(`it is ${verdict.kind}`)
  return verdict.facts.find(({ fact }) => fact === 'inspection')
}
const spent = [-1, -2, -3].map((hours) =>
  anAttempt(hours * 3_600_000, { incident: incidentId(NODE, 'IptablesChainMissing') }),
)
const hearsay = [aWaitingPod({ finding: { source: 'event' } })]

const held: readonly (readonly [why: string, words: NodeInputOverrides])[] = [
  ['the operator is paused', { operator: { paused: known(true) } }],
  ['the policy is suspended', { policies: [nodePolicy({ suspend: true })] }],
  ['the policy only observes', { policies: [nodePolicy({ mode: 'Observe' })] }],
  ['it has not failed long enough', { policies: [nodePolicy({ match: { failingFor: '10m' } })] }],
  ['the attempts are spent', { attempts: spent }],
  [
    'the operator began as much as it may',
    { operator: { maxActionsPerHour: 1 }, attempts: [anAttempt(-60_000, { incident: 'another' })] },
  ],
  ['the policy only observes what an Event says', { policies: [nodePolicy({ mode: 'Observe' })], pods: hearsay }],
]

test.each(held)('where %s an old look will do', (_, words) => {
  expect(askedOf(words)).toEqual({ fact: 'inspection', maxAgeMs: 600_000 })
})

const open: readonly (readonly [why: string, words: NodeInputOverrides])[] = [
  ['it is about to be acted on', {}],
  ['what only an Event says is to be confirmed', { pods: hearsay }],
  ['a pause between attempts is to pass', { attempts: spent.slice(0, 1) }],
]

test.each(open)('where %s the agent looks now', (_, words) => {
  expect(askedOf(words)).toEqual({ fact: 'inspection' })
})

test('A record that waited and whose pods recovered is told of by the policy that applies now, not by the one that opened it', () => {
  const applies = { name: 'narrower', uid: 'uid-narrower', generation: 2 }
  const waiting = aRecord({ phase: 'Held', steps: [], status: { policy: applies } })
  expect(decide(aCase({ pods: [], records: [waiting] }))).toMatchObject({
    kind: 'Hold',
    reason: 'AlreadyRecovered',
    policy: applies,
  })
})
