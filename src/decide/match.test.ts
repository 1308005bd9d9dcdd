import { expect, test } from 'vitest'
import { known, unknown } from '../model/incident.ts'
import { decide } from './decide.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
  aNamespace,
  anAttempt,
  aNode,
  anOwner,
  aPolicy,
  aRecord,
  aStep,
  BROKEN,
  exists,
  type InputOverrides,
  PATCHED,
  type PolicyOverrides,
  recycling,
  rewriting,
} from './testing.ts'

const act = { kind: 'Act' }
const ignore = { kind: 'Ignore', why: 'no policy matches' }
const ask = (...facts: readonly object[]) => ({ kind: 'Ask', facts })
const missing = known({ kind: 'tagMissing' as const, message: 'manifest unknown' })

const matching = (match: PolicyOverrides['match'], words: InputOverrides = {}): InputOverrides => ({
  ...words,
  policies: [aPolicy({ match: { ...match } })],
})
const unrefined = aFinding({ cause: 'Unauthorized', possibleCauses: ['ProjectNotFound', 'RepositoryNotFoundOrDenied'] })
const EVERY = ['Unauthorized', 'ProjectNotFound', 'RepositoryNotFoundOrDenied']
const unread = { namespace: undefined, node: undefined }
const askRegistry = { fact: 'registry', image: BROKEN }

/** Matches, but its rules are for other images. */
const other = (name: string, words: PolicyOverrides = {}) =>
  aPolicy({ name, actions: [rewriting({ rules: [{ from: 'quay.io/a/', to: 'quay.io/b/' }] })], ...words })

/** What holds a policy of higher rank deliberately: none of it lets the policy of lower rank act. */
const holds: readonly (readonly [sentence: string, words: InputOverrides, first: PolicyOverrides])[] = [
  ['its mode is Approve', {}, { mode: 'Approve' }],
  ['its budget is spent', { active: { a: 1 } }, {}],
  ['it cools down', { attempts: [anAttempt(-1_000, { policy: 'a' })] }, {}],
  ['its attempts are spent', { attempts: [anAttempt(-3_600_000, { policy: 'a' })] }, { limits: { maxAttempts: 1 } }],
  ['it waits longer', {}, { match: { failingFor: '1h' } }],
  [
    'its rule makes no reference',
    {},
    { actions: [rewriting({ rules: [{ from: 'harbor.od.com/k8s/', to: 'REFUSED/' }] })] },
  ],
  ['its target is not there', { facts: { registry: { [PATCHED]: missing } } }, {}],
  ['the registry of its target does not answer', { facts: { registry: { [PATCHED]: unknown('timeout') } } }, {}],
  ['the template differs', { owner: anOwner({ containers: [{ name: 'coredns', image: 'quay.io/x/y:1' }] }) }, {}],
  ['the rollout is blocked', { owner: anOwner({ blocked: 'the Deployment is paused' }) }, {}],
  ['its pods are unknown', { owner: anOwner({ keepsBrokenPods: true }), facts: { pods: unknown('403') } }, {}],
  ['a selector is unknown', { facts: { namespace: unknown('403') } }, { match: { namespaceSelector: {} } }],
]

test.each(holds)('A policy that could repair it governs although %s', (_sentence, words, first) => {
  const policies = [
    aPolicy({ name: 'a', priority: 1, ...first }),
    aPolicy({ name: 'b', actions: [recycling()], limits: { cooldown: '1s', maxAttempts: 9 } }),
  ]
  expect(decide(aCase({ ...words, policies }))).toMatchObject({ kind: 'Hold', policy: { name: 'a' } })
})

test('A policy in the middle of an escalation is not passed over', () => {
  const actions = [rewriting(), recycling()]
  const c = aCase({
    owner: anOwner({ recreatesPods: false }),
    policies: [aPolicy({ priority: 1, actions }), aPolicy({ name: 'b', limits: { cooldown: '1s' } })],
    records: [aRecord({ phase: 'Held', steps: [aStep({ state: 'Undone' })] })],
  })
  expect(decide(c)).toMatchObject({ kind: 'Hold', policy: { name: 'moved' }, reason: 'RolloutBlocked' })
})

const table: readonly (readonly [sentence: string, words: InputOverrides, expected: object])[] = [
  ['no policies: nothing governs', { policies: [] }, ignore],
  ['a cause that is named matches', matching({ causes: ['ProjectNotFound'] }), act],
  ['a cause that is not named does not match', matching({ causes: ['Forbidden'] }), ignore],
  [
    'the refined cause counts, not the first one',
    {
      pods: [aFailingPod({ findings: [aFinding({ cause: 'Unauthorized' })] })],
      diagnosis: { pods: [aFailingPod()] },
    },
    act,
  ],
  [
    'what fails in another area is that area’s incident',
    {
      pods: [aFailingPod({ findings: [aFinding(), aFinding({ container: '', image: '', cause: 'MountTimeout' })] })],
      diagnosis: { pods: [aFailingPod({ findings: [] })] },
    },
    ignore,
  ],
  [
    'two causes of one container on two pods are told apart by pod',
    {
      pods: [aFailingPod({ name: 'a' }), aFailingPod({ name: 'b' })],
      policies: [aPolicy({ actions: [recycling()] })],
      diagnosis: {
        pods: [aFailingPod({ name: 'a', findings: [aFinding({ cause: 'Forbidden' })] }), aFailingPod({ name: 'b' })],
      },
    },
    { ...act, plan: { pods: [{ name: 'b' }] } },
  ],

  ['a glob covers the normal form', matching({ images: ['harbor.od.com/k8s/*'] }), act],
  ['one of several globs is enough', matching({ images: ['quay.io/*', 'harbor.od.com/*'] }), act],
  ['a glob that covers only a part does not match', matching({ images: ['harbor.od.com/k8s'] }), ignore],
  [
    'a glob sees docker.io where no registry is named',
    matching(
      { images: ['docker.io/library/nginx:*'], causes: ['ManifestNotFound'] },
      { pods: [aFailingPod({ findings: [aFinding({ image: 'nginx:1', cause: 'ManifestNotFound' })] })] },
    ),
    { kind: 'Hold', reason: 'TemplateDiffers' },
  ],
  [
    'a finding without image matches no glob',
    matching({ images: ['*'] }, { pods: [aFailingPod({ findings: [aFinding({ image: '' })] })] }),
    ignore,
  ],

  ['a namespace that is named matches', matching({ namespaces: ['x', 'kube-system'] }), act],
  ['a namespace that is not named does not match', matching({ namespaces: ['web'] }), ignore],
  [
    'namespaceSelector: a label that is there',
    matching(
      { namespaceSelector: { matchLabels: { a: 'b' } } },
      { facts: { namespace: known(aNamespace({ labels: { a: 'b' } })) } },
    ),
    act,
  ],
  [
    'namespaceSelector: a label that is not there',
    matching({ namespaceSelector: { matchLabels: { a: 'b' } } }),
    ignore,
  ],
  [
    'namespaceSelector: names and labels must both hold',
    matching({ namespaces: ['web'], namespaceSelector: {} }),
    ignore,
  ],
  [
    'namespaceSelector: unknown labels hold',
    matching({ namespaceSelector: { matchLabels: { a: 'b' } } }, { facts: { namespace: unknown('403') } }),
    { kind: 'Hold', reason: 'FactUnknown' },
  ],

  [
    'podSelector: In',
    matching(
      { podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['dns'] }] } },
      { pods: [aFailingPod({ labels: { app: 'dns' } })] },
    ),
    act,
  ],
  [
    'podSelector: In, another value',
    matching(
      { podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['dns'] }] } },
      { pods: [aFailingPod({ labels: { app: 'web' } })] },
    ),
    ignore,
  ],
  [
    'podSelector: NotIn also where the label is missing',
    matching({ podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['dns'] }] } }),
    act,
  ],
  [
    'podSelector: NotIn, the value is there',
    matching(
      { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['dns'] }] } },
      { pods: [aFailingPod({ labels: { app: 'dns' } })] },
    ),
    ignore,
  ],
  [
    'podSelector: Exists',
    matching({ podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } }),
    ignore,
  ],
  [
    'podSelector: DoesNotExist',
    matching({ podSelector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } }),
    act,
  ],
  [
    'podSelector: an operator that nobody knows',
    matching({ podSelector: { matchExpressions: [{ key: 'app', operator: 'Gt' as 'In' }] } }),
    ignore,
  ],
  [
    'podSelector: a label named like a method of objects',
    matching({ podSelector: { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] } }),
    ignore,
  ],

  [
    'nodeSelector: a label of the node',
    matching(
      { nodeSelector: { matchLabels: { zone: 'a' } } },
      { facts: { node: known(aNode({ labels: { zone: 'a' } })) } },
    ),
    act,
  ],
  [
    'nodeSelector: another label',
    matching(
      { nodeSelector: { matchLabels: { zone: 'b' } } },
      { facts: { node: known(aNode({ labels: { zone: 'a' } })) } },
    ),
    ignore,
  ],
  ['nodeSelector: a pod without node', matching({ nodeSelector: {} }, { pods: [aFailingPod({ node: null })] }), ignore],
  [
    'nodeSelector: an unknown node holds',
    matching({ nodeSelector: {} }, { facts: { node: unknown('gone') } }),
    { kind: 'Hold', reason: 'FactUnknown' },
  ],
  [
    'nodeSelector: the node of the pod was not read',
    matching({ nodeSelector: {} }, { facts: { nodes: { n2: known(aNode({ name: 'n2' })) } } }),
    { kind: 'Hold', reason: 'FactUnknown' },
  ],

  ['message.include', matching({ message: { include: 'project .* found' } }), act],
  ['message.include that does not occur', matching({ message: { include: 'denied' } }), ignore],
  ['message.exclude', matching({ message: { exclude: 'name: k8s' } }), ignore],

  ['namespace and node are asked for together', { facts: unread }, ask({ fact: 'namespace' }, { fact: 'nodes' })],
  ['only what is missing is asked for', { facts: { node: undefined } }, ask({ fact: 'nodes' })],
  [
    'the node is asked for where one of the pods has one',
    { pods: [aFailingPod({ name: 'b', node: null }), aFailingPod()], facts: unread },
    ask({ fact: 'namespace' }, { fact: 'nodes' }),
  ],
  [
    'the node of a pod without node is not asked for',
    { pods: [aFailingPod({ node: null })], facts: unread },
    ask({ fact: 'namespace' }),
  ],
  ['nothing is asked for where no policy could match', matching({ causes: ['Forbidden'] }, { facts: unread }), ignore],
  [
    'namespace and node come before the registry',
    { pods: [aFailingPod({ findings: [unrefined] })], facts: unread },
    ask({ fact: 'namespace' }, { fact: 'nodes' }),
  ],
  [
    'the registry is asked where the cause may become one that is named',
    { pods: [aFailingPod({ findings: [unrefined] })] },
    ask(askRegistry),
  ],
  [
    'the registry is asked where a named cause may become another',
    matching({ causes: ['Unauthorized'] }, { pods: [aFailingPod({ findings: [unrefined] })] }),
    ask(askRegistry),
  ],
  [
    'the registry is not asked where every cause that it may be is named and the target is not asked for either',
    {
      pods: [aFailingPod({ findings: [unrefined] })],
      policies: [aPolicy({ match: { causes: EVERY }, actions: [rewriting({ verify: 'Never' })] })],
    },
    act,
  ],
  [
    'with the target the present image is asked for, so that the record names the true cause',
    matching({ causes: EVERY }, { pods: [aFailingPod({ findings: [unrefined] })] }),
    ask(askRegistry),
  ],
  [
    'the registry is not asked where no cause that it may be is named',
    matching({ causes: ['Forbidden'] }, { pods: [aFailingPod({ findings: [unrefined] })] }),
    ignore,
  ],
  [
    'the registry is not asked twice',
    { pods: [aFailingPod({ findings: [unrefined] })], facts: { registry: { [BROKEN]: unknown('x') } } },
    ignore,
  ],
  [
    'the registry is not asked for what opted out',
    { pods: [aFailingPod({ findings: [unrefined] })], owner: anOwner({ labels: { 'podmend.io/exclude': 'true' } }) },
    { kind: 'Hold', reason: 'OptedOut' },
  ],
  [
    'the registry is not asked for a suspended policy',
    { pods: [aFailingPod({ findings: [unrefined] })], policies: [aPolicy({ suspend: true })] },
    { kind: 'Hold', reason: 'PolicySuspended' },
  ],
  [
    'the registry is not asked for a protected namespace',
    { pods: [aFailingPod({ findings: [unrefined] })], policies: [aPolicy({ match: { namespaces: undefined } })] },
    { kind: 'Hold', reason: 'NamespaceProtected' },
  ],

  [
    'the highest priority governs',
    { policies: [aPolicy({ name: 'a' }), aPolicy({ name: 'b', priority: 1 })] },
    { policy: { name: 'b' } },
  ],
  [
    'of the same priority, the first by name',
    { policies: [aPolicy({ name: 'b' }), aPolicy({ name: 'a' })] },
    { policy: { name: 'a' } },
  ],
  [
    'a higher priority that does not match gives way',
    { policies: [aPolicy({ name: 'a' }), aPolicy({ name: 'b', priority: 1, match: { causes: ['Forbidden'] } })] },
    { policy: { name: 'a' } },
  ],
  [
    'a higher priority that may match is settled first',
    {
      pods: [aFailingPod({ findings: [unrefined] })],
      policies: [
        aPolicy({ name: 'b', priority: 1 }),
        aPolicy({ name: 'a', match: { causes: ['Unauthorized', 'ProjectNotFound', 'RepositoryNotFoundOrDenied'] } }),
      ],
    },
    ask(askRegistry),
  ],
  [
    'a policy that governs is not kept waiting by one of lower priority',
    {
      pods: [aFailingPod({ findings: [unrefined] })],
      policies: [
        aPolicy({ name: 'b', priority: -1 }),
        aPolicy({ name: 'a', match: { causes: EVERY }, actions: [rewriting({ verify: 'Never' })] }),
      ],
    },
    { kind: 'Act', policy: { name: 'a' } },
  ],
  [
    'a policy without a rule for the image is passed over, and the record names it',
    { policies: [other('a', { priority: 1 }), aPolicy({ name: 'b' })] },
    {
      kind: 'Act',
      policy: { name: 'b' },
      diagnosis: {
        evidence: [
          {
            fact: 'Policy',
            message: `policy b applies; policy a matches too, but none of its actions can repair this: no rewrite rule applies to ${BROKEN}`,
          },
        ],
      },
    },
  ],
  [
    'a policy that would delete pods that nothing recreates is passed over',
    {
      owner: anOwner({ kind: 'Pod' }),
      policies: [aPolicy({ name: 'a', priority: 1, actions: [recycling()] }), aPolicy({ name: 'b' })],
    },
    { kind: 'Act', policy: { name: 'b' }, plan: { type: 'RewriteImage' } },
  ],
  [
    'a policy whose rule is for a healthy image is passed over for one that recycles the pod',
    {
      facts: { registry: { [BROKEN]: exists() } },
      policies: [aPolicy({ name: 'a', priority: 1 }), aPolicy({ name: 'b', actions: [recycling()] })],
    },
    { kind: 'Act', policy: { name: 'b' }, plan: { type: 'RecyclePod' } },
  ],
  [
    'a policy that observes is passed over like one that acts',
    { policies: [other('a', { priority: 1, mode: 'Observe' }), aPolicy({ name: 'b' })] },
    { kind: 'Act', policy: { name: 'b' } },
  ],
  [
    'a policy is passed over for one that only observes',
    { policies: [other('a', { priority: 1 }), aPolicy({ name: 'b', mode: 'Observe' })] },
    { kind: 'Hold', reason: 'ObserveOnly', policy: { name: 'b' }, plan: { type: 'RewriteImage' } },
  ],
  [
    'a policy that observes and has a plan governs by rank',
    { policies: [aPolicy({ name: 'a', priority: 1, mode: 'Observe' }), aPolicy({ name: 'b' })] },
    { kind: 'Hold', reason: 'ObserveOnly', policy: { name: 'a' } },
  ],
  [
    'a policy with an empty list of actions governs by rank: it keeps the others away',
    { policies: [aPolicy({ name: 'a', priority: 1, mode: 'Observe', actions: [] }), aPolicy({ name: 'b' })] },
    { kind: 'Hold', reason: 'ObserveOnly', policy: { name: 'a' } },
  ],
  [
    'where no policy can repair it, the first by rank holds, and the record names the others',
    { policies: [other('a', { priority: 1 }), other('b')] },
    {
      kind: 'Hold',
      reason: 'TargetUnverified',
      policy: { name: 'a' },
      diagnosis: {
        evidence: [{ fact: 'Policy', message: expect.stringMatching(/^policy a applies; policy b matches/) }],
      },
    },
  ],
  [
    'a policy that cannot repair it governs before one that is suspended',
    { policies: [aPolicy({ name: 'a', priority: 1, suspend: true }), other('b')] },
    { kind: 'Hold', reason: 'TargetUnverified', policy: { name: 'b' } },
  ],
  [
    'a policy that was passed over does not tie',
    { policies: [other('a'), aPolicy({ name: 'b' }), aPolicy({ name: 'c' })] },
    {
      policy: { name: 'b' },
      diagnosis: {
        evidence: [
          { message: expect.stringMatching(/^policy b applies; c with the same priority/) },
          { message: expect.stringMatching(/^policy b applies; policy a matches too/) },
        ],
      },
    },
  ],
  [
    'facts are asked for where they may give the first policy a plan',
    {
      diagnosis: { detailFacts: [{ fact: 'knownImages' }] },
      policies: [other('a', { actions: [rewriting({ rules: [], suggestions: 'Apply' })] }), aPolicy({ name: 'b' })],
    },
    ask({ fact: 'knownImages' }),
  ],
  [
    'of policies that may not act, the first by rank says why',
    { policies: [aPolicy({ name: 'b', suspend: true }), aPolicy({ name: 'a', match: { namespaces: undefined } })] },
    { reason: 'NamespaceProtected', policy: { name: 'a' } },
  ],
  [
    'ties are told as evidence',
    {
      policies: [
        aPolicy({ name: 'a' }),
        aPolicy({ name: 'b' }),
        aPolicy({ name: 'c', priority: -1 }),
        aPolicy({ name: 'd', match: { causes: ['Forbidden'] } }),
      ],
    },
    {
      diagnosis: {
        evidence: [{ fact: 'Policy', message: expect.stringMatching(/^policy a applies; b with the same priority/) }],
      },
    },
  ],
]

test.each(table)('%s', (_sentence, words, expected) => {
  expect(decide(aCase(words))).toMatchObject(expected)
})

test('The plan covers only findings that the governing policy matches', () => {
  const other = 'harbor.od.com/k8s/proxy:2'
  const c = aCase({
    owner: anOwner({
      containers: [
        { name: 'proxy', image: other },
        { name: 'coredns', image: BROKEN },
      ],
    }),
    pods: [aFailingPod({ findings: [aFinding({ container: 'proxy', image: other }), aFinding()] })],
    policies: [aPolicy({ match: { images: ['*/coredns:*'] } })],
  })
  expect(decide(c)).toMatchObject({
    kind: 'Act',
    plan: { changes: [{ container: 'coredns', pointer: '/spec/template/spec/containers/1' }] },
  })
})

test('A policy matches the failing pods one by one', () => {
  const c = aCase({
    pods: [aFailingPod({ name: 'a', labels: { app: 'x' } }), aFailingPod({ name: 'b' })],
    policies: [
      aPolicy({
        match: { podSelector: { matchLabels: { app: 'x' } } },
        actions: [{ type: 'RecyclePod', timeout: '5m' }],
      }),
    ],
  })
  expect(decide(c)).toMatchObject({ kind: 'Act', plan: { pods: [{ name: 'a' }] } })
})
