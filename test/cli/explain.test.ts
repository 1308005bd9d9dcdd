import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Overview } from '../../src/cli/explain/explain-all.ts'
import type { Explanation } from '../../src/cli/explain/explain.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { writeHostsDir } from '../../testbed/registry/hosts-directory.ts'
import { type Registry, startRegistry } from '../../testbed/registry/registry.ts'
import {
  applyPolicy,
  BROKEN,
  brokenDeployment,
  deploymentIn,
  HOST,
  install,
  REPAIRED,
  restrictedUser,
} from './fixture.ts'
import { runMend } from './run-mend.ts'

const cluster = useControlPlane()
let registry: Registry
const hosts = mkdtempSync(join(tmpdir(), 'podmend-hosts-'))

beforeAll(async () => {
  await install(cluster)
  registry = await startRegistry()
  await registry.pushImage('public/web', '1')
  writeHostsDir(hosts, { [HOST]: registry.url })
})

afterAll(async () => {
  await registry?.down()
  rmSync(hosts, { recursive: true, force: true })
})

const mend = (args: readonly string[], kubeconfig = cluster.plane.kubeconfig) =>
  runMend([...args, '--registry-hosts-dir', hosts, '--allow-registry-address', '127.0.0.0/8'], {
    environment: { KUBECONFIG: kubeconfig },
  })

const explain = async (args: readonly string[], kubeconfig?: string): Promise<Explanation> => {
  const { status, out, err } = await mend(['explain', ...args, '-o', 'json'], kubeconfig)
  expect([status, err]).toEqual([0, ''])
  return JSON.parse(out) as Explanation
}

describe('a pod whose image cannot be pulled', () => {
  test('is explained by cause, owner, policy, guardrail and change, and nothing is written', async () => {
    const namespace = await cluster.namespace()
    const pod = await brokenDeployment(cluster, namespace)
    await applyPolicy(cluster, 'observing', { namespace })
    const before = await deploymentIn(cluster, namespace)
    const { incidents } = await explain([`pod/${pod}`, '-n', namespace, '--ask-registry=false'])
    expect(incidents).toHaveLength(1)
    const [incident] = incidents
    expect(incident).toMatchObject({
      target: { kind: 'Deployment', namespace, name: 'web' },
      cause: 'ProjectNotFound',
      pods: [{ name: pod, node: 'node-1' }],
      mode: 'Observe',
      decision: { verdict: 'Hold', policy: 'observing', reason: 'ObserveOnly' },
      ifEnforced: { verdict: 'Act', action: 'RewriteImage' },
    })
    expect(incident?.decision.diff).toContain(`- image: ${BROKEN}\n+ image: ${REPAIRED}`)
    expect((await deploymentIn(cluster, namespace)).metadata.generation).toBe(before.metadata.generation)
    expect(await cluster.get('rem', '-A')).toMatchObject({ items: [] })
    await cluster.kubectl(['delete', 'rempol', 'observing'])
  })

  test('is explained by its workload too, as text', async () => {
    const namespace = await cluster.namespace()
    const pod = await brokenDeployment(cluster, namespace)
    const { status, out } = await mend(['explain', 'deploy', 'web', `--namespace=${namespace}`])
    expect(status).toBe(0)
    // The stand-in knows no projects, so it says of the path what it can.
    expect(out).toContain(`Deployment ${namespace}/web fails: RepositoryNotFoundOrDenied`)
    expect(out).toContain(`${pod} on node-1`)
    expect(out).toMatch(/decision +no action: no policy matches/)
  })

  test('is acted upon only where the registry has the new image; without asking, a guardrail holds', async () => {
    const namespace = await cluster.namespace()
    await brokenDeployment(cluster, namespace)
    await applyPolicy(cluster, 'verifying', { namespace, mode: 'Enforce', verify: 'Required' })
    const asked = await explain(['deployment/web', '-n', namespace])
    expect(asked.incidents[0]?.decision).toMatchObject({ verdict: 'Act', policy: 'verifying' })
    expect(asked.incidents[0]?.evidence.map(({ message }) => message).join('\n')).toContain(
      `${REPAIRED} exists (sha256:`,
    )
    expect(asked.incidents[0]?.cause).toBe('RepositoryNotFoundOrDenied')
    const unasked = await explain(['deployment/web', '-n', namespace, '--ask-registry=false'])
    expect(unasked.incidents[0]).toMatchObject({ cause: 'ProjectNotFound', decision: { verdict: 'Hold' } })
    expect(unasked.incidents[0]?.evidence.map(({ message }) => message).join('\n')).not.toContain('exists (sha256:')
    await cluster.kubectl(['delete', 'rempol', 'verifying'])
  })

  test('is explained as far as the rights go, and the missing ones are named', async () => {
    const namespace = await cluster.namespace()
    const pod = await brokenDeployment(cluster, namespace)
    const pods = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]
    const kubeconfig = await restrictedUser(cluster, namespace, 'reader', pods)
    const { incidents, missingRights, notes } = await explain([`pod/${pod}`, '-n', namespace], kubeconfig)
    expect(incidents[0]).toMatchObject({ cause: 'RepositoryNotFoundOrDenied', decision: { verdict: 'Unknown' } })
    // Without the right to list policies nobody can say that none matches.
    expect(incidents[0]?.decision.message).toBe(
      'the policies cannot be read: the right to list remediationpolicies.podmend.io is missing',
    )
    expect(missingRights).toEqual(
      expect.arrayContaining([
        { verb: 'get', resource: 'replicasets.apps', namespace },
        { verb: 'list', resource: 'events', namespace },
        { verb: 'list', resource: 'remediationpolicies.podmend.io' },
      ]),
    )
    expect(notes.join('\n')).toContain('the policies in the cluster cannot be read')
    const { out } = await mend(['explain', `pod/${pod}`, '-n', namespace], kubeconfig)
    expect(out).toContain(`the right to get replicasets.apps in namespace ${namespace}`)
  })

  test('cannot be read without the right to: one sentence names it', async () => {
    const namespace = await cluster.namespace()
    const kubeconfig = await restrictedUser(cluster, namespace, 'nobody', [])
    const { status, err } = await mend(['explain', 'pod/web', '-n', namespace], kubeconfig)
    expect(status).toBe(1)
    expect(err).toMatch(
      new RegExp(`^error: not allowed to get pods in namespace ${namespace}: nobody needs the verb "get"`),
    )
  })
})

describe('all that fails', () => {
  test('is shown in a few lines each, for one namespace or the whole cluster', async () => {
    const namespace = await cluster.namespace()
    const pod = await brokenDeployment(cluster, namespace)
    await applyPolicy(cluster, 'of-all', { namespace })
    const output = await mend(['explain', '--all', '-n', namespace])
    expect([output.status, output.err]).toEqual([0, ''])
    expect(output.out).toMatch(
      new RegExp(`^Deployment ${namespace}/web fails: RepositoryNotFoundOrDenied, 1 pod, for `),
    )
    expect(output.out).toMatch(/decision +policy of-all holds: ObserveOnly/)
    expect(output.out).toContain(
      `1 incident in namespace ${namespace}: RepositoryNotFoundOrDenied. Run kubectl mend explain TYPE/NAME`,
    )

    const { out } = await mend(['explain', '--all', '-o', 'json'])
    const { incidents } = JSON.parse(out) as Overview
    const mine = incidents.filter(({ target }) => target.namespace === namespace)
    expect(mine).toMatchObject([{ target: { kind: 'Deployment', name: 'web' }, pods: [{ name: pod }] }])
  })

  test('is nothing where nothing does', async () => {
    const namespace = await cluster.namespace()
    const { status, out } = await mend(['explain', '--all', '-n', namespace])
    expect([status, out]).toEqual([0, `podmend finds no failures in namespace ${namespace}.\n`])
  })

  test('is not asked of one object as well', async () => {
    const { status, err } = await mend(['explain', '--all', 'deploy/web'])
    expect([status, err]).toEqual([2, expect.stringContaining('found "deploy/web" together with --all')])
  })
})

test('what does not fail is said not to', async () => {
  const namespace = await cluster.namespace()
  await cluster.applyYaml(
    '{apiVersion: v1, kind: Pod, metadata: {name: fine}, spec: {containers: [{name: a, image: a}]}}',
    { namespace },
  )
  const { status, out } = await mend(['explain', 'po/fine', '-n', namespace])
  expect([status, out]).toEqual([0, expect.stringContaining(`Pod ${namespace}/fine is not failing: Pending`)])
  expect(out).toContain('podmend does not repair scheduling')
})

test.each([
  [['explain', 'pod/gone'], 1, 'Pod gone does not exist in namespace default; choose another namespace with -n'],
  [['explain', 'service/x'], 2, 'type "service" is not supported'],
  [['explain'], 2, 'no object given'],
  [['explain', 'pod/a', '--context', 'elsewhere'], 1, 'there is no context "elsewhere"'],
])('mend %j is answered by one sentence', async (args, status, sentence) => {
  const answer = await mend(args)
  expect(answer.err).toContain(sentence)
  expect(answer.err.trimEnd()).not.toContain('\n')
  expect([answer.status, answer.out]).toEqual([status, ''])
})
