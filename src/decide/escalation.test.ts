import { expect, test } from 'vitest'
import { decide } from './decide.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
  anAttempt,
  anOwner,
  aPod,
  aPolicy,
  aRecord,
  aStep,
  at,
  BROKEN,
  exists,
  type InputOverrides,
  PATCHED,
  pulling,
  recycling,
  rewriting,
  running,
} from './testing.ts'
import type { DecisionInput } from '../model/decision-input.ts'
import { known } from '../model/incident.ts'
import type { Plan } from '../model/plan.ts'

const planOf = (c: DecisionInput): Plan | undefined => {
  const verdict = decide(c)
  return verdict.kind === 'Act' || verdict.kind === 'Hold' ? verdict.plan : undefined
}
const hashOf = (words: InputOverrides): string | undefined => planOf(aCase(words))?.hash

test('A rewrite names the container by pointer, with the exact text that stands there and the digest that is there', () => {
  expect(planOf(aCase())).toMatchObject({
    type: 'RewriteImage',
    index: 0,
    timeoutMs: 300_000,
    target: { kind: 'Deployment', name: 'coredns', uid: 'owner-1' },
    resourceVersion: '100',
    thenDelete: [],
    changes: [
      {
        container: 'coredns',
        init: false,
        pointer: '/spec/template/spec/containers/0',
        was: BROKEN,
        from: BROKEN,
        to: PATCHED,
        digestAfter: `sha256:${'a'.repeat(64)}`,
      },
    ],
  })
})

test('The diff shows the path, the old image and the new one', () => {
  expect(planOf(aCase())?.diff).toBe(
    [
      '--- a/deployment/kube-system/coredns',
      '+++ b/deployment/kube-system/coredns',
      '@@ /spec/template/spec/containers/0 (coredns) @@',
      `- image: ${BROKEN}`,
      `+ image: ${PATCHED}`,
    ].join('\n'),
  )
})

test('A bare pod is patched in its own spec', () => {
  expect(planOf(aCase({ owner: anOwner({ kind: 'Pod' }) }))).toMatchObject({
    changes: [{ pointer: '/spec/containers/0' }],
  })
})

test('An init container is found among init containers, behind a healthy one', () => {
  const owner = anOwner({
    containers: [],
    initContainers: [
      { name: 'a', image: 'a' },
      { name: 'coredns', image: BROKEN },
    ],
  })
  const pods = [aFailingPod({ findings: [aFinding({ init: true })] })]
  expect(planOf(aCase({ owner, pods }))).toMatchObject({
    changes: [{ init: true, pointer: '/spec/template/spec/initContainers/1' }],
  })
})

test('Many pods with the same broken container make one change', () => {
  const pods = [aFailingPod({ name: 'a' }), aFailingPod({ name: 'b' })]
  expect(planOf(aCase({ pods }))).toMatchObject({ changes: [{ container: 'coredns' }] })
})

test('Of several failing containers only those are rewritten to which a rule applies', () => {
  const other = 'quay.io/a/b:1'
  const owner = anOwner({
    containers: [
      { name: 'b', image: other },
      { name: 'coredns', image: BROKEN },
    ],
  })
  const pods = [aFailingPod({ findings: [aFinding({ container: 'b', image: other }), aFinding()] })]
  expect(planOf(aCase({ owner, pods }))).toMatchObject({ changes: [{ container: 'coredns' }] })
})

test('Tag and digest are kept', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const pinned = `${BROKEN}@${digest}`
  const owner = anOwner({ containers: [{ name: 'coredns', image: pinned }] })
  const c = aCase({
    owner,
    pods: [aFailingPod({ findings: [aFinding({ image: pinned })] })],
    facts: { registry: { [`${PATCHED}@${digest}`]: exists({ digest }) } },
  })
  expect(planOf(c)).toMatchObject({
    changes: [{ to: `${PATCHED}@${digest}`, digestBefore: digest, digestAfter: digest }],
  })
})

test('The hash stays the same from look to look', () => {
  expect(hashOf({})).toMatch(/^[0-9a-f]{64}$/)
  expect(hashOf({ owner: anOwner({ resourceVersion: '999' }) })).toBe(hashOf({}))
  expect(hashOf({ facts: { registry: { [PATCHED]: exists({ digest: `sha256:${'f'.repeat(64)}` }) } } })).toBe(
    hashOf({}),
  )
  expect(hashOf({ policies: [aPolicy({ mode: 'Observe' })] })).toBe(hashOf({}))
})

test('The hash changes with the policy’s generation, the target, the change and the pods', () => {
  const bare = anOwner()
  const pods = known([aPod()])
  const hashes = [
    hashOf({}),
    hashOf({ policies: [aPolicy({ generation: 2 })] }),
    hashOf({ owner: { ...bare, ref: { ...bare.ref, uid: 'owner-2' } } }),
    hashOf({
      policies: [
        aPolicy({ actions: [rewriting({ verify: 'Never', rules: [{ from: 'harbor.od.com/k8s', to: 'quay.io/x' }] })] }),
      ],
    }),
    hashOf({ policies: [aPolicy({ actions: [recycling()] })] }),
    hashOf({ policies: [aPolicy({ actions: [recycling()] })], pods: [aFailingPod({ name: 'other' })] }),
    hashOf({ owner: anOwner({ keepsBrokenPods: true }), facts: { pods } }),
  ]
  expect(hashes).not.toContain(undefined)
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('A StatefulSet’s pods are asked for, then its broken pods of the old revision are deleted by uid and version', () => {
  const words = { owner: anOwner({ kind: 'StatefulSet', keepsBrokenPods: true, replicas: 6 }) }
  expect(decide(aCase(words))).toEqual({ kind: 'Ask', facts: [{ fact: 'pods' }] })
  const pods = known([
    aPod(),
    aPod({ name: 'never-started' }),
    aPod({ name: 'healthy', statuses: [running(-99_000)] }),
    aPod({ name: 'leaving', leaving: true }),
    aPod({ name: 'crashes', statuses: [{ ...pulling(), restartCount: 3 }] }),
    aPod({ name: 'repaired', containers: [{ name: 'coredns', image: PATCHED }] }),
    aPod({ name: 'unscheduled', statuses: [], node: null }),
  ])
  const plan = planOf(aCase({ ...words, facts: { pods } }))
  expect(plan).toMatchObject({
    thenDelete: [
      { namespace: 'kube-system', name: 'coredns-a', uid: 'uid-coredns-a', resourceVersion: '7' },
      { name: 'never-started' },
    ],
  })
  expect(plan?.diff).toContain('- pod/kube-system/never-started (uid uid-never-started)')
})

test('A diff of very many pods names the first and counts the rest', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => aFailingPod({ name: `pod-${i}` }))
  const policies = [aPolicy({ actions: [recycling()] })]
  expect(planOf(aCase({ pods: many(20), policies }))?.diff).not.toContain('more')
  expect(planOf(aCase({ pods: many(21), policies }))?.diff).toMatch(/- and 1 more$/)
  expect(planOf(aCase({ pods: many(513), policies }))).toMatchObject({ pods: { length: 512 } })
})

test('Recycling names the failing pods by uid and version, each once', () => {
  const findings = [aFinding(), aFinding({ container: 'b' })]
  const pods = [
    aFailingPod({ name: 'b' }),
    aFailingPod({ name: 'a', findings }),
    aFailingPod({ name: 'c', leaving: true }),
  ]
  expect(planOf(aCase({ pods, policies: [aPolicy({ actions: [recycling('Evict')] })] }))).toMatchObject({
    type: 'RecyclePod',
    method: 'Evict',
    pods: [
      { namespace: 'kube-system', name: 'a', uid: 'uid-a', resourceVersion: '7' },
      { name: 'b', uid: 'uid-b' },
    ],
  })
})

const both = aPolicy({ actions: [rewriting(), recycling()] })
const tried = (state: 'Ineffective' | 'Failed' | 'Succeeded' | 'Undone', words: object = {}) =>
  aStep({ state, changes: undefined, ...words })

const escalation: readonly (readonly [
  sentence: string,
  words: InputOverrides,
  expected: { type: string; attempt: number },
])[] = [
  ['the first action comes first', {}, { type: 'RewriteImage', attempt: 1 }],
  [
    'an action that did not help gives way to the next of the same attempt',
    { records: [aRecord({ phase: 'Held', steps: [tried('Ineffective')] })] },
    { type: 'RecyclePod', attempt: 1 },
  ],
  [
    'an action that was refused gives way',
    { records: [aRecord({ phase: 'Held', steps: [tried('Failed', { attempt: 2 })] })] },
    { type: 'RecyclePod', attempt: 2 },
  ],
  [
    'an action that was undone gives way',
    {
      records: [aRecord({ phase: 'Held', steps: [tried('Ineffective'), tried('Undone', { intendedAt: at(-10) })] })],
    },
    { type: 'RecyclePod', attempt: 1 },
  ],
  [
    'an attempt of a record that has ended goes on no more',
    { records: [aRecord({ phase: 'Ineffective', steps: [tried('Ineffective')] })] },
    { type: 'RewriteImage', attempt: 2 },
  ],
  [
    'after the last action a new attempt begins',
    {
      records: [
        aRecord({
          phase: 'Held',
          steps: [tried('Ineffective'), tried('Ineffective', { index: 1, intendedAt: at(-10) })],
        }),
      ],
    },
    { type: 'RewriteImage', attempt: 2 },
  ],
  [
    'after success a new attempt begins',
    { records: [aRecord({ phase: 'Succeeded', steps: [tried('Succeeded')] })] },
    { type: 'RewriteImage', attempt: 2 },
  ],
  [
    'a proposal is no attempt',
    { records: [aRecord({ phase: 'Held', steps: [aStep({ state: 'Planned' })] })] },
    { type: 'RewriteImage', attempt: 1 },
  ],
  [
    'a changed policy begins anew',
    {
      policies: [{ ...both, generation: 2 }],
      records: [aRecord({ phase: 'Held', steps: [tried('Ineffective')] })],
    },
    { type: 'RewriteImage', attempt: 2 },
  ],
  [
    'a record that another policy opened, which only observed, goes on by the policy that acted',
    {
      records: [
        aRecord({
          phase: 'Held',
          spec: { policy: { name: 'observes', uid: 'uid-observes', generation: 1 } },
          steps: [tried('Ineffective', { policy: { name: 'moved', uid: 'uid-moved', generation: 1 } })],
        }),
      ],
    },
    { type: 'RecyclePod', attempt: 1 },
  ],
  [
    'a record that this policy opened while it observed goes on by the policy as it acted',
    {
      policies: [{ ...both, generation: 2 }],
      records: [
        aRecord({
          phase: 'Held',
          steps: [tried('Ineffective', { policy: { name: 'moved', uid: 'uid-moved', generation: 2 } })],
        }),
      ],
    },
    { type: 'RecyclePod', attempt: 1 },
  ],
  [
    'what another policy tried is no step of this one’s',
    {
      records: [
        aRecord({
          phase: 'Held',
          steps: [tried('Ineffective', { policy: { name: 'other', uid: 'uid-other', generation: 1 } })],
        }),
      ],
    },
    { type: 'RewriteImage', attempt: 2 },
  ],
  [
    'another revision that we did not make begins anew',
    { records: [aRecord({ phase: 'Held', spec: { templateHash: 'x' }, steps: [tried('Ineffective')] })] },
    { type: 'RewriteImage', attempt: 2 },
  ],
  [
    'the revision that our own edit made goes on',
    {
      owner: anOwner({ containers: [{ name: 'coredns', image: PATCHED }] }),
      pods: [aFailingPod({ findings: [aFinding({ image: PATCHED })] })],
      records: [aRecord({ phase: 'Held', spec: { templateHash: 'x' }, steps: [aStep({ state: 'Ineffective' })] })],
    },
    { type: 'RecyclePod', attempt: 1 },
  ],
  [
    'attempts of deleted records are counted too',
    { attempts: [anAttempt(-3_600_000), anAttempt(-7_200_000)] },
    { type: 'RewriteImage', attempt: 3 },
  ],
  [
    'an action of the node agent gives way',
    { policies: [aPolicy({ actions: [{ type: 'RestartRuntime', timeout: '1m' }, recycling()] })] },
    { type: 'RecyclePod', attempt: 1 },
  ],
  [
    'recycling what nothing recreates gives way',
    { owner: anOwner({ kind: 'Pod' }), policies: [aPolicy({ actions: [recycling(), rewriting()] })] },
    { type: 'RewriteImage', attempt: 1 },
  ],
  [
    'an action without anything to offer gives way',
    { policies: [aPolicy({ actions: [rewriting({ rules: [] }), recycling()] })] },
    { type: 'RecyclePod', attempt: 1 },
  ],
]

test.each(escalation)('Escalation: %s', (_sentence, words, { type, attempt }) => {
  expect(decide(aCase({ policies: [both], ...words }))).toMatchObject({ kind: 'Act', attempt, plan: { type } })
})

test('Where no action has anything to offer the first one says why', () => {
  const owner = anOwner({ kind: 'Pod' })
  const policies = [aPolicy({ actions: [rewriting({ rules: [] }), recycling()] })]
  expect(decide(aCase({ owner, policies }))).toMatchObject({ kind: 'Hold', reason: 'TargetUnverified' })
})

test('What fails otherwise than its template says is not recycled instead', () => {
  const owner = anOwner({ containers: [{ name: 'coredns', image: PATCHED }] })
  expect(decide(aCase({ owner, policies: [both] }))).toMatchObject({ kind: 'Hold', reason: 'TemplateDiffers' })
})

test('The target is asked for once, in its normal form, after everything that is cheaper', () => {
  expect(decide(aCase({ facts: { registry: { [PATCHED]: undefined } } }))).toEqual({
    kind: 'Ask',
    facts: [{ fact: 'registry', image: PATCHED }],
  })
})

test('The target is asked for in Observe mode too, but not for what would be held anyway', () => {
  const policies = [aPolicy({ mode: 'Observe' })]
  const facts = { registry: { [PATCHED]: undefined } }
  expect(decide(aCase({ policies, facts })).kind).toBe('Ask')
  const owner = anOwner({ blocked: 'the rollout is paused' })
  expect(decide(aCase({ policies, facts, owner }))).toMatchObject({ kind: 'Hold', reason: 'ObserveOnly' })
})

test('Where only an Event says it, the registry is asked about the present image', () => {
  const pods = [aFailingPod({ findings: [aFinding({ source: 'event' })] })]
  expect(decide(aCase({ pods }))).toEqual({ kind: 'Ask', facts: [{ fact: 'registry', image: BROKEN }] })
})

const there = (platforms: readonly string[] = ['linux/amd64', 'linux/arm64/v8']) => ({
  registry: { [BROKEN]: exists({ platforms }) },
})

test.each(['ManifestNotFound', 'ProjectNotFound'] as const)(
  'An image that the registry has for the node’s platform is not rewritten, whatever was found: %s',
  (cause) => {
    const c = aCase({ pods: [aFailingPod({ findings: [aFinding({ cause })] })], facts: there() })
    expect(decide(c)).toMatchObject({
      kind: 'Hold',
      reason: 'TargetUnverified',
      message: expect.stringContaining(`the registry has ${BROKEN} for linux/amd64, so it is not rewritten`),
    })
    expect(planOf(c)).toBeUndefined()
  },
)

test('Before an image is rewritten the registry is asked for the present one too', () => {
  const asked = { registry: { [BROKEN]: undefined } }
  expect(decide(aCase({ facts: asked }))).toEqual({ kind: 'Ask', facts: [{ fact: 'registry', image: BROKEN }] })
})

test('An image that is there only for other platforms is rewritten', () => {
  const pods = [aFailingPod({ findings: [aFinding({ cause: 'ManifestNotFound' })] })]
  expect(decide(aCase({ pods, facts: there(['linux/arm64']) }))).toMatchObject({ kind: 'Act' })
})

test('An image that is there, but that its registry does not give to the node, is rewritten to a mirror', () => {
  const policies = [aPolicy({ match: { causes: ['RateLimited'] } })]
  const pods = [aFailingPod({ findings: [aFinding({ cause: 'RateLimited' })] })]
  expect(decide(aCase({ policies, pods, facts: there() }))).toMatchObject({ kind: 'Act' })
})

test('Where the image is there the next action has its turn', () => {
  const policies = [aPolicy({ actions: [rewriting(), recycling()] })]
  expect(planOf(aCase({ policies, facts: there() }))).toMatchObject({ type: 'RecyclePod' })
})

const VOLUME = aFinding({ image: 'harbor.od.com/k8s/model:9', imageSource: { kind: 'Volume', volume: 'model' } })

test.each([
  ['an image volume', VOLUME, 'container coredns waits for image volume model (harbor.od.com/k8s/model:9)'],
  [
    'an image of nobody',
    { ...VOLUME, imageSource: { kind: 'Unknown' } },
    'container coredns waits for harbor.od.com/k8s/model:9, which is not known to be its own image',
  ],
] as const)('Where %s fails the container is not rewritten', (_, finding, says) => {
  const c = aCase({ pods: [aFailingPod({ findings: [finding] })] })
  expect(decide(c)).toMatchObject({ kind: 'Hold', reason: 'RolloutBlocked', message: expect.stringContaining(says) })
  expect(planOf(c)).toBeUndefined()
})

test('A container that waits for an image volume is named beside those that are rewritten', () => {
  const owner = anOwner({
    containers: [
      { name: 'coredns', image: BROKEN },
      { name: 'web', image: 'harbor.od.com/k8s/web:1' },
    ],
  })
  const pods = [aFailingPod({ findings: [aFinding(), { ...VOLUME, container: 'web' }] })]
  const plan = planOf(aCase({ owner, pods }))
  expect(plan).toMatchObject({ changes: [{ container: 'coredns', to: PATCHED }] })
  expect(plan?.diff).toContain('@@ unchanged @@\n  container web waits for image volume model')
})
