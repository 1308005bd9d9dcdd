/** The policies of `examples/` together, each allowed to act: none keeps another from its incident. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { admitPolicy } from '../api/policy/compile.ts'
import { conflicts } from '../api/policy/conflicts.ts'
import type { DecisionInput } from '../model/decision-input.ts'
import { known } from '../model/incident.ts'
import { decide } from './decide.ts'
import { aNodeCase, aWaitingPod, type NodeInputOverrides, theNodeItself } from './testing-nodes.ts'
import { aCase, aFailingPod, aFinding, aNamespace, anOwner, exists, type InputOverrides } from './testing.ts'

const FOLDER = join(import.meta.dirname, '../../examples')

const admitted = (mode: 'Observe' | 'Enforce') =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => {
      const object = parse(readFileSync(join(FOLDER, file), 'utf8')) as {
        readonly metadata: object
        readonly spec: object
      }
      const made = admitPolicy({
        ...object,
        metadata: { ...object.metadata, uid: `uid-${file}`, generation: 1 },
        // observe-everything says that it is for no other mode.
        spec: { ...object.spec, ...(file !== 'observe-everything.yaml' && { mode }) },
      })
      if (!made.ok) throw new Error(`${file}: ${made.sentences.join('; ')}`)
      return made.policy
    })

const image = (reference: string, cause: string, words: InputOverrides & { readonly namespace?: string } = {}) => {
  const { namespace = 'default', ...rest } = words
  const failing = aFailingPod({
    namespace,
    since: -3_600_000,
    containers: [{ name: 'web', image: reference }],
    findings: [aFinding({ container: 'web', image: reference, cause: cause as 'Unauthorized' })],
  })
  return aCase({
    owner: anOwner({ name: 'web', namespace, containers: [{ name: 'web', image: reference }] }),
    pods: [failing],
    ...rest,
    facts: { namespace: known(aNamespace({ name: namespace })), ...rest.facts },
  })
}

const there = (...images: readonly string[]) => ({
  facts: { registry: Object.fromEntries(images.map((one) => [one, exists()])) },
})

const ofNode = (words: NodeInputOverrides) =>
  aNodeCase({
    ...words,
    pods: words.pods ?? [aWaitingPod({ cause: words.cause ?? 'IptablesChainMissing', since: -3_600_000 })],
  })

const MOVED = 'harbor.od.com/k8s/coredns:1.6.1'
const TARGET = 'harbor.od.com/public/coredns:1.6.1'
const TYPO = 'docker.io/nickchase/rss-php-ngnix:v1'
const MEANT = 'docker.io/nickchase/rss-php-nginx:v1'
const suggested = (of: string, meant: string) => ({
  explanations: [{ kind: 'LikelyTypo' as const, of, message: 'it is nearly that', image: meant, found: true as const }],
})

const incidents: readonly (readonly [sentence: string, c: DecisionInput, policy: string, plan: object])[] = [
  [
    'a project that moved, in kube-system',
    image(MOVED, 'ProjectNotFound', { namespace: 'kube-system', ...there(TARGET) }),
    'moved-registry-project',
    { type: 'RewriteImage', changes: [{ to: TARGET }] },
  ],
  ...(['RepositoryNotFoundOrDenied', 'ManifestNotFound', 'Unauthorized'] as const).map(
    (cause) =>
      [
        `a project that moved, in default, told as ${cause}, where a similar name exists too`,
        image(MOVED, cause, {
          diagnosis: suggested(MOVED, 'harbor.od.com/k8s/coredsn:1.6.1'),
          ...there(TARGET, 'harbor.od.com/k8s/coredsn:1.6.1'),
        }),
        'moved-registry-project',
        { type: 'RewriteImage', changes: [{ to: TARGET }] },
      ] as const,
  ),
  [
    'a mistyped image',
    image(TYPO, 'RepositoryNotFoundOrDenied', { diagnosis: suggested(TYPO, MEANT), ...there(MEANT) }),
    'mistyped-image',
    { type: 'RewriteImage', changes: [{ to: MEANT }] },
  ],
  [
    'Docker Hub’s limit',
    image('docker.io/library/nginx:1', 'RateLimited', there('mirror.example.com/dockerhub/library/nginx:1')),
    'registry-mirror',
    { type: 'RewriteImage' },
  ],
  [
    'a pod that waits long after the cause is gone',
    image(MOVED, 'BackOffOnly'),
    'recycle-stuck-pods',
    { type: 'RecyclePod' },
  ],
  ['Docker’s chain is gone', ofNode({}), 'docker-chain-gone', { type: 'RestartRuntime', runtime: 'docker' }],
  [
    'a mount helper is missing',
    ofNode({ cause: 'MountHelperMissing', nodes: [] }),
    'missing-mount-helper',
    { type: 'FlagNode', taint: true },
  ],
  ['a stale sandbox', ofNode({ cause: 'SandboxStale' }), 'stuck-sandboxes', { type: 'RecycleSandbox' }],
  ['a sandbox name in use', ofNode({ cause: 'SandboxNameConflict' }), 'stuck-sandboxes', { type: 'RecycleSandbox' }],
  [
    'a runtime that does not respond',
    ofNode({ cause: 'RuntimeUnresponsive', pods: [theNodeItself()] }),
    'stuck-sandboxes',
    { type: 'RestartRuntime', runtime: 'containerd' },
  ],
]

test.each(incidents)('All examples together repair %s', (_sentence, c, name, plan) => {
  expect(decide({ ...c, policies: admitted('Enforce') })).toMatchObject({ kind: 'Act', policy: { name }, plan })
})

test.each(incidents)('As shipped, all examples together show the plan for %s', (_sentence, c, name, plan) => {
  expect(decide({ ...c, policies: admitted('Observe') })).toMatchObject({
    kind: 'Hold',
    reason: 'ObserveOnly',
    policy: { name },
    plan,
  })
})

test('What no other example can repair is observed by observe-everything', () => {
  const c = image(TYPO, 'RepositoryNotFoundOrDenied')
  expect(decide({ ...c, policies: admitted('Enforce') })).toMatchObject({
    kind: 'Hold',
    reason: 'ObserveOnly',
    policy: { name: 'observe-everything' },
    diagnosis: {
      evidence: [{ fact: 'Policy', message: expect.stringContaining('policy mistyped-image matches too') }],
    },
  })
})

test('No two examples of the same priority match the same failures', () => {
  expect(conflicts(admitted('Enforce'))).toEqual([])
})
