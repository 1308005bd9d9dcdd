import { describe, expect, test } from 'vitest'
import { aNodeCase } from '../../decide/testing-nodes.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
  aNode,
  anOwner,
  aPod,
  aPolicy,
  BROKEN,
  exists,
  type InputOverrides,
  PATCHED,
  pulling,
  rewriting,
  running,
} from '../../decide/testing.ts'
import type { ApplicablePolicy } from '../../model/decision-input.ts'
import { known, unknown } from '../../model/incident.ts'
import type { PlacedChange } from '../../model/plan.ts'
import type { ActionStep } from '../remedy.ts'
import { failingOrNew, leavesAllAsIs, planRewriteImage, podEdits, podsToPatch, type RewriteImagePlan } from './plan.ts'

const proxy = 'harbor.od.com/k8s/proxy:2'
const containers = [
  { name: 'proxy', image: proxy },
  { name: 'coredns', image: BROKEN },
]
const change = (words: Partial<PlacedChange> = {}): PlacedChange => ({
  container: 'coredns',
  init: false,
  from: BROKEN,
  to: PATCHED,
  pointer: '/spec/containers/0',
  was: BROKEN,
  ...words,
})

const planned = (words: InputOverrides, options: object = {}) => {
  const policies = [aPolicy({ actions: [rewriting(options)] })]
  const c = aCase({ policies, ...words })
  const [policy = aPolicy()] = c.policies
  const matched = c.incident.pods.flatMap((failing) => failing.findings.map((finding) => ({ failing, finding })))
  const applicable: ApplicablePolicy = { policy, matched, leftOut: [] }
  return planRewriteImage(c, applicable, { action: policy.spec.actions[0], index: 0 } as unknown as ActionStep)
}
const failing = (...findings: readonly Parameters<typeof aFinding>[0][]) => [
  aFailingPod({ findings: findings.map((words) => aFinding(words)) }),
]

describe('a rewrite is planned', () => {
  test('for no node', () => {
    const c = aNodeCase()
    const [policy = aPolicy()] = c.policies
    const step = { action: policy.spec.actions[0], index: 0 } as unknown as ActionStep
    expect(planRewriteImage(c, { policy, matched: [], leftOut: [] }, step)).toEqual({
      reason: 'RolloutBlocked',
      message: 'the node fails, not an image',
      tryNext: true,
      notApplicable: true,
    })
  })

  test('for all failing containers, in the order of the template, whatever fails first', () => {
    const order = (...names: readonly string[]) => {
      const findings = names.map((container) => ({ container, image: container === 'proxy' ? proxy : BROKEN }))
      const plan = planned({ owner: anOwner({ containers }), pods: failing(...findings) })
      if (!('plan' in plan)) throw new Error('no plan')
      return plan.plan.changes.map(({ container }) => container)
    }
    expect(order('coredns', 'proxy')).toEqual(['proxy', 'coredns'])
    expect(order('proxy', 'coredns')).toEqual(['proxy', 'coredns'])
  })

  test('for none whose image the registry has, on the platform of the node as far as known', () => {
    const there = (platforms: readonly string[], node?: object) =>
      planned({
        pods: failing({ cause: 'ManifestNotFound' }),
        facts: { registry: { [BROKEN]: exists({ platforms }) }, ...node },
      })
    const healthy = (message: string) => ({
      reason: 'TargetUnverified',
      message: expect.stringContaining(message),
      notApplicable: true,
    })
    expect(there(['linux/amd64'])).toMatchObject(healthy(`the registry has ${BROKEN} for linux/amd64, so`))
    expect(there(['linux/arm64'])).toHaveProperty('plan')
    expect(there([])).toMatchObject(healthy(`${BROKEN} for linux/amd64, so`))
    const unread = { node: undefined, nodes: {} }
    expect(there(['linux/arm64'], unread)).toMatchObject(healthy(`the registry has ${BROKEN}, so`))
    expect(there(['linux/arm64'], { nodes: { n1: unknown('403') } })).toMatchObject(healthy(`${BROKEN}, so`))
    expect(there(['linux/arm64'], { nodes: { n1: known(aNode({ platform: '' })) } })).toMatchObject(
      healthy(`${BROKEN}, so`),
    )
  })

  test('names what it leaves: the same name as an init container is another container', () => {
    const init = { container: 'coredns', init: true, cause: 'ManifestNotFound', image: proxy } as const
    const plan = planned({
      owner: anOwner({ initContainers: [{ name: 'coredns', image: proxy }] }),
      pods: failing({}, init),
      facts: { registry: { [proxy]: exists() } },
    })
    expect(plan).toMatchObject({
      plan: {
        changes: [{ container: 'coredns', init: false }],
        diff: expect.stringContaining('@@ unchanged @@\n  init container coredns'),
      },
    })
  })

  test('is held by one container that differs, and left to the next action where none is for it', () => {
    const gone = { container: 'sidecar' }
    const none = { container: 'coredns', image: 'quay.io/a/b:1' }
    const owner = anOwner({ containers: [{ name: 'coredns', image: 'quay.io/a/b:1' }] })
    expect(planned({ owner, pods: failing(none) })).toMatchObject({ reason: 'TargetUnverified', notApplicable: true })
    const both = planned({ owner, pods: failing(none, gone) })
    expect(both).toMatchObject({ reason: 'TargetUnverified', tryNext: true })
    expect(both).not.toHaveProperty('notApplicable')
    expect(planned({ owner, pods: failing(gone) })).toMatchObject({ reason: 'TemplateDiffers', tryNext: false })
    expect(planned({ owner, pods: [] })).toMatchObject({ message: 'no failing container is left' })
  })

  test('by a suggestion asks for the details, if one of the images has no rule', () => {
    const detailFacts = [{ fact: 'optOuts' as const }]
    const asked = (image: string, options: object) =>
      planned(
        { owner: anOwner({ containers }), pods: failing({}, { container: 'x', image }), diagnosis: { detailFacts } },
        options,
      )
    expect(asked('quay.io/a/b:1', { suggestions: 'Apply' })).toEqual({ ask: detailFacts })
    expect(asked(proxy, { suggestions: 'Apply' })).toHaveProperty('plan')
    expect(asked('', { suggestions: 'Apply' })).not.toHaveProperty('ask')
    expect(asked('quay.io/a/b:1', {})).toHaveProperty('plan')
  })

  test('needs the pods that it would leave broken, and is nothing where none waits', () => {
    const owner = anOwner({ kind: 'StatefulSet', keepsBrokenPods: true })
    expect(planned({ owner })).toEqual({ ask: [{ fact: 'pods' }] })
    expect(planned({ owner, facts: { pods: unknown('403') } })).toMatchObject({ reason: 'FactUnknown', tryNext: false })
    const job = anOwner({ kind: 'Job', patchesPods: true, templateFixed: true })
    const done = [aPod({ statuses: [running(-1_000)], name: 'other' })]
    expect(planned({ owner: job, facts: { pods: known(done) } })).toEqual({
      reason: 'AlreadyRecovered',
      message: 'no pod of Job kube-system/coredns is waiting',
      tryNext: false,
    })
  })

  test('of a CronJob is of its pods alone only if all images of its template are there', () => {
    const of = (first: string, second: string) => {
      const owner = anOwner({
        kind: 'CronJob',
        patchesPods: true,
        containers: [
          { name: 'coredns', image: first },
          { name: 'proxy', image: second },
        ],
      })
      const pod = aPod({
        containers: [
          { name: 'coredns', image: BROKEN },
          { name: 'proxy', image: proxy },
        ],
        statuses: [pulling(), pulling('proxy')],
      })
      const findings = [aFinding(), aFinding({ container: 'proxy', image: proxy })]
      const plan = planned({ owner, pods: [{ ...aFailingPod({ findings }), pod }], facts: { pods: known([pod]) } })
      return 'plan' in plan ? plan.plan.podsOnly : plan
    }
    const newProxy = 'harbor.od.com/public/proxy:2'
    expect(of(BROKEN, proxy)).toBeUndefined()
    expect(of(PATCHED, newProxy)).toBe(true)
    expect(of(PATCHED, proxy)).toBeUndefined()
  })
})

describe('the pods of a rewrite', () => {
  const set = anOwner({ kind: 'StatefulSet', keepsBrokenPods: true })
  const twoOf = (first: string, second: string, statuses = [pulling(), pulling('proxy')]) =>
    aPod({
      containers: [
        { name: 'coredns', image: first },
        { name: 'proxy', image: second },
      ],
      statuses,
    })
  const changes = [change(), change({ container: 'proxy', from: proxy })]
  const toDelete = (pod: ReturnType<typeof aPod>, owner = set) =>
    podsToPatch(owner, [pod], new Set(), changes).thenDelete.length

  test('are deleted where one of the containers has the image from before and never started', () => {
    expect(toDelete(twoOf(BROKEN, PATCHED))).toBe(1)
    expect(toDelete(twoOf(PATCHED, proxy))).toBe(1)
    expect(toDelete(twoOf(PATCHED, PATCHED))).toBe(0)
    expect(toDelete(twoOf(BROKEN, proxy, [running(-1), running(-1, 'proxy')]))).toBe(0)
    expect(toDelete(twoOf(BROKEN, proxy, []))).toBe(0)
    expect(toDelete(twoOf(BROKEN, proxy, [{ name: 'coredns', restartCount: 0 }]))).toBe(0)
    expect(toDelete(twoOf(BROKEN, proxy), anOwner())).toBe(0)
    expect(toDelete(aPod({ annotations: { 'podmend.io/exclude': 'true' } }))).toBe(0)
  })

  test('are patched newest first, 64 at most, and none that ended or leaves', () => {
    const pods = Array.from({ length: 66 }, (_, i) => {
      const pod = aPod({ name: `p${i}` })
      return { ...pod, metadata: { ...pod.metadata, creationTimestamp: new Date(i * 1_000).toISOString() } }
    })
    const names = podEdits(pods, [change()], failingOrNew(new Set())).map(({ target }) => target.name)
    expect(names).toHaveLength(64)
    expect([names[0], names.at(-1)]).toEqual(['p65', 'p2'])
    const others = [aPod({ phase: 'Succeeded' }), aPod({ leaving: true })]
    expect(podEdits(others, [change()], () => true)).toEqual([])
    const { status: _, ...bare } = aPod()
    expect(podEdits([bare as ReturnType<typeof aPod>], [change()], () => true)).toMatchObject([
      { target: { apiVersion: 'v1', kind: 'Pod', name: 'coredns-a', namespace: 'kube-system' } },
    ])
  })

  test('leave all as it is only if nothing is written anywhere', () => {
    const plan = (words: Partial<RewriteImagePlan>) =>
      leavesAllAsIs({ changes: [], thenDelete: [], thenPatch: [], ...words } as unknown as RewriteImagePlan)
    const same = change({ was: PATCHED })
    expect(plan({ changes: [same] })).toBe(true)
    expect(plan({ changes: [same, change()] })).toBe(false)
    expect(plan({ changes: [change()], podsOnly: true })).toBe(true)
    expect(plan({ podsOnly: true, thenDelete: [{} as never] })).toBe(false)
    expect(plan({ podsOnly: true, thenPatch: [{} as never] })).toBe(false)
  })
})
