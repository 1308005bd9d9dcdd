import { expect, test } from 'vitest'
import { createLastChecks, evaluate, snapshotOf } from './evaluate.ts'
import { aCase, aFailingPod, anOwner, aRecord, aStep, at, NOW } from '../decide/testing.ts'
import { buildIncident } from '../diagnose/incident.ts'
import { type Facts, incidentKey, known } from '../model/incident.ts'
import type { KubeObject } from '../model/kubernetes.ts'
import { createManualClock } from '../runtime/clock.ts'
import { createState } from './state.ts'

const CONFIG = { namespace: 'podmend-system', maxActionsPerHour: 100, stabilizationWindowMs: 30_000 }
const KEY = incidentKey(anOwner().ref, 'image')

const policy = (generation: number, spec: object): KubeObject =>
  ({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name: 'moved', uid: 'uid-moved', resourceVersion: String(generation), generation },
    spec: {
      match: { causes: ['ProjectNotFound'], namespaces: ['kube-system'], failingFor: '0s' },
      actions: [
        { type: 'RewriteImage', rewriteImage: { rules: [{ from: 'harbor.od.com/k8s/', to: 'harbor.od.com/p/' }] } },
      ],
      ...spec,
    },
  }) as KubeObject

/** One failing pod of a Deployment that a policy holds, and what a check of it read. */
const setUp = async (spec: object) => {
  const clock = createManualClock(NOW)
  const state = createState({ namespace: 'podmend-system', clock, onPodChange: () => undefined })
  state.paused = known(false)
  state.nodes.synced()
  state.policies.put(policy(1, spec))
  const owner = anOwner()
  const report = (...names: readonly string[]) =>
    names.forEach((name) => state.incidents.report(aFailingPod({ name }), [{ target: owner.ref, areas: ['image'] }]))
  report('coredns-a')
  const lastChecks = createLastChecks({ state, config: CONFIG, clock })
  const open = () => {
    const incident = state.incidents.get(KEY)
    if (!incident) throw new Error('the incident is closed')
    return incident
  }
  let reads = 0
  const check = async () => {
    const began = open()
    const incident = buildIncident({ owner, area: 'image', pods: [...began.pods.values()] })
    const gather = async (_: unknown, names: readonly unknown[], have: Facts): Promise<Facts> => {
      reads += names.length
      const registry = { ...aCase().facts.registry, 'harbor.od.com/p/coredns:1.6.1': { known: false, why: 'silent' } }
      return { ...aCase().facts, ...have, registry } as Facts
    }
    const evaluation = await evaluate(incident, snapshotOf(state, began, CONFIG, clock.now()), gather)
    lastChecks.remember(began, incident, evaluation)
    return evaluation.verdict
  }
  return { clock, state, report, check, stands: () => lastChecks.stands(open()), reads: () => reads }
}

test('a hold stands in memory while its pod only changes its status', async () => {
  const { report, check, stands, reads } = await setUp({ mode: 'Observe' })
  expect(await check()).toMatchObject({ kind: 'Hold', reason: 'ObserveOnly' })
  const before = reads()
  for (let i = 0; i < 50; i += 1) {
    report('coredns-a')
    expect(stands()).toBeDefined()
  }
  expect(reads()).toBe(before)
})

test.each<[string, (parts: Awaited<ReturnType<typeof setUp>>) => void]>([
  ['another pod fails', ({ report }) => report('coredns-b')],
  ['the policy is edited', ({ state }) => state.policies.put(policy(2, { mode: 'Observe', priority: 1 }))],
  ['the policy now acts', ({ state }) => state.policies.put(policy(2, { mode: 'Enforce' }))],
  ['the operator is paused', ({ state }) => (state.paused = known(true))],
  [
    'a person decided on its record',
    ({ state }) => {
      const record = aRecord({ phase: 'Held', steps: [], spec: { target: anOwner().ref } })
      state.remediations.put({ ...record, metadata: { ...record.metadata, generation: 2 } })
    },
  ],
  [
    'its node changed',
    ({ state }) => {
      const node = {
        name: 'n1',
        uid: 'node-1',
        labels: {},
        annotations: {},
        controlPlane: false,
        unschedulable: true,
        platform: 'linux/amd64',
      }
      state.nodes.put({ ...node, ready: true })
    },
  ],
])('a hold is checked anew when %s', async (_, change) => {
  const parts = await setUp({ mode: 'Observe' })
  await parts.check()
  expect(parts.stands()).toBeDefined()
  change(parts)
  expect(parts.stands()).toBeUndefined()
})

test('facts are read again at the time of the next check, and less often the longer they hold', async () => {
  const { clock, check, stands } = await setUp({ mode: 'Enforce' })
  const pauses: number[] = []
  for (let round = 0; round < 12; round += 1) {
    expect(await check()).toMatchObject({ kind: 'Hold', reason: 'TargetUnverified' })
    const from = clock.monotonic()
    while (stands()) await clock.advance(1_000)
    pauses.push((clock.monotonic() - from) / 1_000)
  }
  expect(pauses[0]).toBe(30)
  expect(pauses.at(-1)).toBe(300)
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
})

test('what counts or is watched is decided in memory at its exact time', async () => {
  const { clock, state, check, stands } = await setUp({ mode: 'Enforce' })
  state.policies.put(
    policy(2, {
      mode: 'Enforce',
      match: { causes: ['ProjectNotFound'], namespaces: ['kube-system'], failingFor: '3m' },
    }),
  )
  expect(await check()).toMatchObject({ kind: 'Hold', reason: 'NotFailingLongEnough' })
  expect(stands()).toEqual({ requeueAfterMs: 60_000 })
  await clock.advance(59_000)
  expect(stands()).toEqual({ requeueAfterMs: 1_000 })
  await clock.advance(1_000)
  expect(stands()).toBeUndefined()
})

/** A step that was begun: its intent is on the record, and the workload still has the old image. */
const begun = (planHash = '') =>
  aRecord({
    phase: 'Running',
    spec: { target: anOwner().ref, policy: { name: 'moved', uid: 'uid-moved', generation: 1 } },
    steps: [aStep({ state: 'Intended', intendedAt: at(-1_000), planHash })],
  })

test('a begun step that a guardrail holds stands in memory, and is checked anew when that lets it pass', async () => {
  const { state, report, check, stands, reads } = await setUp({ mode: 'Enforce' })
  state.paused = known(true)
  const planned = await check()
  state.remediations.put(begun(planned.kind === 'Hold' ? planned.plan?.hash : ''))
  expect(await check()).toMatchObject({
    kind: 'Hold',
    message: expect.stringMatching(/^started but not written: .*paused/),
  })
  const before = reads()
  for (let i = 0; i < 50; i += 1) {
    report('coredns-a')
    expect(stands()).toBeDefined()
  }
  expect(reads()).toBe(before)
  state.paused = known(false)
  expect(stands()).toBeUndefined()
})

test('a begun step that nothing holds is checked each time', async () => {
  const { state, check, stands } = await setUp({ mode: 'Enforce' })
  state.remediations.put(begun())
  expect(await check()).not.toMatchObject({ kind: 'Hold', reason: 'OperatorPaused' })
  expect(stands()).toBeUndefined()
})

test('a hold is checked anew when its record was begun', async () => {
  const { state, check, stands } = await setUp({ mode: 'Enforce' })
  const { status, ...record } = begun()
  state.remediations.put({ ...record, status: { ...status, phase: 'Held', steps: [] } })
  state.paused = known(true)
  await check()
  expect(stands()).toBeDefined()
  state.remediations.put(begun())
  expect(stands()).toBeUndefined()
})
