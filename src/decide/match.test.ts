import { expect, test } from 'vitest'
import { known, unknown } from '../model/incident.ts'
import { decide } from './decide.ts'
import {
  aCase,
  aFailingPod,
  aFinding,
  aNamespace,
  aNode,
  anOwner,
  aPolicy,
  BROKEN,
  type InputOverrides,
  type PolicyOverrides,
  rewriting,
} from './testing.ts'

const act = { kind: 'Act' }
const ignore = { kind: 'Ignore', why: 'no policy matches' }
const ask = (...facts: readonly object[]) => ({ kind: 'Ask', facts })

const matching = (match: PolicyOverrides['match'], words: InputOverrides = {}): InputOverrides => ({
  ...words,
  policies: [aPolicy({ match: { ...match } })],
})
const unrefined = aFinding({ cause: 'Unauthorized', possibleCauses: ['ProjectNotFound', 'RepositoryNotFoundOrDenied'] })
const EVERY = ['Unauthorized', 'ProjectNotFound', 'RepositoryNotFoundOrDenied']
const unread = { namespace: undefined, node: undefined }
const askRegistry = { fact: 'registry', image: BROKEN }

const table: readonly (readonly [sentence: string, words: InputOverrides, expected: object])[] = [
  ['no policies: nothing governs', { policies: [] }, ignore],
  ['a cause that is named matches', matching({ causes: ['ProjectNotFound'] }), act],
  ['a cause that is not named does not match', matching({ causes: ['Forbidden'] }), ignore],
  [
    'the refined cause counts, not the first one',
    { pods: [aFailingPod({ findings: [aFinding({ cause: 'Unauthorized' })] })], diagnosis: { findings: [aFinding()] } },
    act,
  ],
  [
    'what fails in another area is that area’s incident',
    { diagnosis: { findings: [aFinding({ container: '', image: '', cause: 'MountTimeout' })] } },
    ignore,
  ],
  [
    'a refinement for another container does not count',
    {
      pods: [aFailingPod({ findings: [aFinding({ cause: 'Unauthorized' })] })],
      diagnosis: { findings: [aFinding({ container: 'x' })] },
    },
    ignore,
  ],
  [
    'a refinement for the init container of that name does not count',
    {
      pods: [aFailingPod({ findings: [aFinding({ cause: 'Unauthorized' })] })],
      diagnosis: { findings: [aFinding({ init: true })] },
    },
    ignore,
  ],
  [
    'two causes of one container on two pods are told apart by their words',
    {
      pods: [aFailingPod({ findings: [aFinding({ cause: 'Unknown', message: 'b' })] })],
      diagnosis: { findings: [aFinding({ cause: 'Forbidden', message: 'a' }), aFinding({ message: 'b' })] },
    },
    act,
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
    'nodeSelector: the pod is on another node than the one that was read',
    matching({ nodeSelector: {} }, { facts: { node: known(aNode({ name: 'n2' })) } }),
    ignore,
  ],

  ['message.include', matching({ message: { include: 'project .* found' } }), act],
  ['message.include that does not occur', matching({ message: { include: 'denied' } }), ignore],
  ['message.exclude', matching({ message: { exclude: 'name: k8s' } }), ignore],

  ['namespace and node are asked for together', { facts: unread }, ask({ fact: 'namespace' }, { fact: 'node' })],
  ['only what is missing is asked for', { facts: { node: undefined } }, ask({ fact: 'node' })],
  [
    'the node is asked for where one of the pods has one',
    { pods: [aFailingPod({ name: 'b', node: null }), aFailingPod()], facts: unread },
    ask({ fact: 'namespace' }, { fact: 'node' }),
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
    ask({ fact: 'namespace' }, { fact: 'node' }),
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
