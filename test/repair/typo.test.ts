/** A mistyped image, or one whose credentials are missing: told apart by evidence, and written only where a policy lets it be. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RemediationStatus } from '../../src/api/remediation.ts'
import type { IncidentReport } from '../../src/cli/incident/report.ts'
import { eventually } from '../../testbed/fixture.ts'
import { writeHostsDir } from '../../testbed/registry/hosts-directory.ts'
import { ROOT } from '../api/manifests.ts'
import { runMend } from '../cli/run-mend.ts'
import { HOST, NEW, PATIENTLY, useFixture } from './fixture.ts'
import { barePod, deployment } from './objects.ts'

const fixture = useFixture()
const MEANT = `${NEW}/web:1`
const TYPED = `${NEW}/wbe:1`

/** No rule says anything of these images. */
const rules = [{ from: 'other.example.com/', to: 'another.example.com/' }]
const policy = (namespace: string, suggestions: string, more: object = {}) =>
  fixture.policy(namespace, { actions: [{ type: 'RewriteImage', rewriteImage: { rules, suggestions } }], ...more })

/** A namespace in which the image that was meant runs already. */
const neighbourhood = async (): Promise<string> => {
  const namespace = await fixture.cluster.namespace()
  await fixture.apply(barePod(namespace, { name: 'neighbour', image: MEANT }))
  await fixture.cluster.kubectl(['wait', '--for=condition=Ready', 'pod/neighbour', '-n', namespace, '--timeout=60s'])
  return namespace
}

const hosts = mkdtempSync(join(tmpdir(), 'hosts-'))
beforeAll(() => writeHostsDir(hosts, { [HOST]: fixture.proxy.url }))
afterAll(() => rmSync(hosts, { recursive: true }))

const explain = (args: readonly string[]) =>
  runMend(['explain', ...args, '--registry-hosts-dir', hosts, '--allow-registry-address', '127.0.0.0/8'], {
    environment: { KUBECONFIG: fixture.cluster.plane.kubeconfig },
  })

const explained = (status: RemediationStatus | undefined) =>
  (status?.explanations ?? []).map(({ kind, image }) => [kind, image])

test('a mistyped name is explained with what was meant, and left alone', async () => {
  const namespace = await neighbourhood()
  await policy(namespace, 'Ignore')
  await fixture.apply(deployment(namespace, { image: TYPED }))
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' }, PATIENTLY)
  expect(explained(status)).toEqual([['LikelyTypo', MEANT]])
  expect(status?.message).toBe(`no rewrite rule applies to ${TYPED}; LikelyTypo, ${MEANT} may be meant`)
  expect(status?.explanations?.[0]?.message).toContain('"public/wbe" may be a typo for "public/web"')
  expect(status?.evidence).toContainEqual({
    fact: 'KnownImages',
    message: expect.stringMatching(/compared: \d+$/),
  })
  expect(fixture.writes(namespace)).toEqual([])

  const said = await explain(['deploy/web', '-n', namespace])
  expect(said.out).toMatch(/why +likely a typo: /)
  expect(said.out).toMatch(new RegExp(`did you mean +${MEANT}`))
  expect(said.out).not.toMatch(/^similar/m)
  await fixture.apply(barePod(namespace, { name: 'other', image: TYPED }))
  await eventually(async () => {
    const { out } = await explain(['deploy/web', '-n', namespace])
    expect(out).toMatch(new RegExp(`^similar +1 other fails the same way: Pod ${namespace}/other$`, 'm'))
  }, PATIENTLY)
  // Also of a pod that no policy governs: whoever asks wants to know.
  await fixture.cluster.kubectl(['delete', 'rempol', namespace])
  const ungoverned = await explain(['deploy/web', '-n', namespace, '-o', 'json'])
  const [incident] = (JSON.parse(ungoverned.out) as { incidents: IncidentReport[] }).incidents
  expect(incident?.decision.verdict).toBe('Ignore')
  expect(incident?.explanations.map(({ kind, image }) => [kind, image])).toEqual([['LikelyTypo', MEANT]])
})

/** The screen as the documents have it: what differs from run to run is masked. */
const masked = (screen: string): string =>
  screen
    // Those of the tests beside it.
    .replace(/^similar .*\n(?: {15}.*\n)*/m, '')
    .replace(/^(since +).*$/m, '$12s (2030-01-01T00:00:00Z)')
    .replace(/\bnode-\d\b/g, 'node-1')
    .replace(/^(next check +in ).*$/m, '$15m at the latest')
    .replace(/(were compared: )\d+/, '$11')
    .replace(/sha256:[0-9a-f]{64}/g, 'sha256:885b4defbf57…')

/** What people see of a pod, once it says these words, is what stands in docs/images.md under this name. */
const holdsScreen = async (name: string, pod: readonly [namespace: string, name: string], words: string) => {
  const [namespace, podName] = pod
  const file = join(ROOT, 'docs/images.md')
  const text = readFileSync(file, 'utf8')
  const place = new RegExp(`(<!-- screen: ${name} -->\\n\\n\`\`\`\\n)[\\s\\S]*?(\`\`\`\\n)`)
  expect(text).toMatch(place)
  // A kubelet says by turns that it failed and that it waits: the screen is of the former.
  await eventually(async () => {
    const { out } = await explain([`pod/${podName}`, '-n', namespace])
    expect(out).toContain(words)
    expect(out).not.toContain('Back-off')
    const drawn = text.replace(place, (_, begin: string, end: string) => begin + masked(out) + end)
    if (process.env['UPDATE_SCREENS']) writeFileSync(file, drawn)
    else expect(text).toBe(drawn)
  }, PATIENTLY)
}

const runs = async (namespace: string, name: string, image: string, podSpec: object = {}): Promise<void> => {
  await fixture.apply(barePod(namespace, { name, image, podSpec }))
  await fixture.cluster.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '-n', namespace, '--timeout=60s'])
}

test('the screen of a typo in docs/images.md is the one that people see', async () => {
  await fixture.cluster.kubectl(['create', 'namespace', 'shop'])
  await runs('shop', 'neighbour', MEANT)
  await fixture.apply(barePod('shop', { name: 'rss-site', image: TYPED }))
  await holdsScreen('typo', ['shop', 'rss-site'], 'likely a typo')
})

test('it is explained while the policy only observes as well', async () => {
  const namespace = await neighbourhood()
  await policy(namespace, 'Ignore', { mode: 'Observe' })
  await fixture.apply(deployment(namespace, { image: TYPED }))
  const { status } = await fixture.record(namespace, { phase: 'Observed' }, PATIENTLY)
  expect(explained(status)).toEqual([['LikelyTypo', MEANT]])
})

test('it is repaired if the policy applies suggestions', async () => {
  const namespace = await neighbourhood()
  await policy(namespace, 'Apply')
  await fixture.apply(deployment(namespace, { image: TYPED }))
  await fixture.record(namespace, { phase: 'Succeeded', reason: 'Repaired' }, PATIENTLY)
  const { spec } = await fixture.workload('Deployment', namespace)
  expect(spec?.template?.spec?.containers?.[0]?.image).toBe(MEANT)
  expect(fixture.writes(namespace)).toHaveLength(1)
})

test('an update to a mistyped name is recognized by the previous revision', async () => {
  const namespace = await fixture.cluster.namespace()
  await policy(namespace, 'Ignore')
  await fixture.apply(deployment(namespace, { image: MEANT }))
  await fixture.cluster.kubectl(['rollout', 'status', 'deployment/web', '-n', namespace, '--timeout=60s'])
  await fixture.cluster.kubectl(['set', 'image', 'deployment/web', `web=${TYPED}`, '-n', namespace])
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' }, PATIENTLY)
  expect(explained(status)).toEqual([['LikelyTypo', MEANT]])
  expect(status?.explanations?.[0]?.message).toMatch(/seen in ReplicaSet web-\w+, an earlier revision/)
})

test('a missing tag is reported with the existing ones, and another version is never written', async () => {
  const namespace = await neighbourhood()
  await policy(namespace, 'Apply')
  await fixture.apply(deployment(namespace, { image: `${NEW}/web:2` }))
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'TargetUnverified' }, PATIENTLY)
  expect(explained(status)).toEqual([['WrongTag', undefined]])
  expect(status?.explanations?.[0]?.message).toContain('its tags: 1')
  expect(fixture.writes(namespace)).toEqual([])
})

test('an image of a private project is not treated as a typo if no pull secret applies', async () => {
  const namespace = await neighbourhood()
  await policy(namespace, 'Apply')
  await fixture.apply(deployment(namespace, { image: `${HOST}/team/web:1` }))
  const { status } = await fixture.record(namespace, { phase: 'Held' }, PATIENTLY)
  expect(explained(status).map(([kind]) => kind)).toEqual(['Undetermined', 'MissingCredentials'])
  expect(fixture.writes(namespace)).toEqual([])
})

// Last: that its image ran on a node is known to all that come after it.
test('the screen of missing credentials in docs/images.md is the one that people see', async () => {
  const namespace = 'staff'
  await fixture.cluster.kubectl(['create', 'namespace', namespace])
  const login = ['--docker-server', HOST, '--docker-username', 'robot', '--docker-password', 'secret']
  await fixture.cluster.kubectl(['create', 'secret', 'docker-registry', 'harbor', '-n', namespace, ...login])
  await fixture.registry.pushImage('team/intranet', '7')
  await fixture.registry.pushImage('team/intranet', '8')
  await runs(namespace, 'intranet', `${HOST}/team/intranet:7`, { imagePullSecrets: [{ name: 'harbor' }] })
  await fixture.apply(barePod(namespace, { name: 'intranet-next', image: `${HOST}/team/intranet:8` }))
  await holdsScreen('credentials', [namespace, 'intranet-next'], 'missing credentials')
})
