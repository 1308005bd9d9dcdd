import { beforeAll, expect, test } from 'vitest'
import type { Explanation } from '../../src/cli/explain/explain.ts'
import { remediationName } from '../../src/model/incident.ts'
import type { Pod, Workload } from '../../src/model/kubernetes.ts'
import { type TestCluster, useControlPlane } from '../../testbed/fixture.ts'
import {
  applyPolicy,
  BROKEN,
  brokenDeployment,
  deploymentIn,
  imageOf,
  install,
  REPAIRED,
  restrictedUser,
} from './fixture.ts'
import { runMend } from './run-mend.ts'

const cluster = useControlPlane()
beforeAll(() => install(cluster))

const mend = (args: readonly string[], kubeconfig = cluster.plane.kubeconfig) =>
  runMend(args, { environment: { KUBECONFIG: kubeconfig } })

/** A Deployment that podmend repaired, with the record of it. */
const repaired = async ({ kubectl, applyYaml, get }: TestCluster, namespace: string) => {
  const policy = await applyPolicy(cluster, `moved-${namespace}`, { namespace, mode: 'Enforce' })
  const podName = await brokenDeployment(cluster, namespace)
  const pod = await get<Pod>('pod', podName, '-n', namespace)
  const deployment = await deploymentIn(cluster, namespace)
  const { uid } = deployment.metadata
  const annotations = { 'podmend.io/original-image': JSON.stringify({ web: BROKEN }) }
  const template = { spec: { containers: [{ name: 'web', image: REPAIRED }] } }
  const patch = JSON.stringify({ metadata: { annotations }, spec: { template } })
  await kubectl(['patch', 'deployment', 'web', '-n', namespace, '--field-manager=podmend', '-p', patch])
  const templateHash = pod.metadata.labels?.['pod-template-hash'] ?? ''
  const name = remediationName('web', uid, 'image', templateHash)
  const { generation = 1 } = policy.metadata
  const record = {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'Remediation',
    metadata: { name, namespace, labels: { 'podmend.io/owner-uid': uid, 'podmend.io/area': 'image' } },
    spec: {
      policy: { name: policy.metadata.name, uid: policy.metadata.uid, generation },
      cause: 'ProjectNotFound',
      target: { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web', uid },
      templateHash,
    },
  }
  await applyYaml(JSON.stringify(record))
  const at = new Date(Date.now() - 3_600_000).toISOString()
  const changes = [{ container: 'web', init: false, from: BROKEN, to: REPAIRED }]
  const step = {
    index: 0,
    attempt: 1,
    action: 'RewriteImage',
    state: 'Succeeded',
    changes,
    planHash: 'abcdef0123456789',
  }
  const status = {
    phase: 'Succeeded',
    reason: 'Repaired',
    attempts: [at],
    finishedAt: at,
    steps: [{ ...step, intendedAt: at, actedAt: at }],
  }
  await kubectl([
    'patch',
    'rem',
    name,
    '-n',
    namespace,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ])
  return { name, podName }
}

const annotationsOf = ({ metadata }: Workload) => Object.keys(metadata.annotations ?? {})

test('the original image comes back, the annotation goes, and the controller would leave it alone', async () => {
  const namespace = await cluster.namespace()
  const { name } = await repaired(cluster, namespace)

  const rehearsal = await mend(['undo', `rem/${name}`, '-n', namespace, '--dry-run'])
  expect(rehearsal.out).toContain(`- image: ${REPAIRED}\n+ image: ${BROKEN}`)
  expect(imageOf(await deploymentIn(cluster, namespace))).toBe(REPAIRED)

  const { status, out } = await mend(['undo', 'rem', name, '-n', namespace])
  expect([status, out]).toEqual([0, expect.stringContaining('the original images are restored')])
  const deployment = await deploymentIn(cluster, namespace)
  expect(imageOf(deployment)).toBe(BROKEN)
  expect(annotationsOf(deployment)).not.toContain('podmend.io/original-image')
  expect(deployment.metadata.managedFields?.map(({ manager }) => manager)).toContain('kubectl-mend')

  const again = await mend(['undo', `rem/${name}`, '-n', namespace])
  expect([again.status, again.out]).toEqual([0, expect.stringContaining('already has its original images')])

  const { out: json } = await mend(['explain', 'deploy/web', '-n', namespace, '-o', 'json', '--ask-registry=false'])
  const { incidents } = JSON.parse(json) as Explanation
  expect(incidents[0]?.decision).toMatchObject({ verdict: 'Hold', reason: 'EditReverted' })
  expect(incidents[0]?.decision.message).toContain('kubectl-mend')

  // The record expires; the workload remembers, whatever policy applies, until a person says otherwise.
  const decide = async () => {
    const args = ['explain', 'deploy/web', '-n', namespace, '-o', 'json', '--ask-registry=false']
    return (JSON.parse((await mend(args)).out) as Explanation).incidents[0]?.decision
  }
  expect(JSON.parse(deployment.metadata.annotations?.['podmend.io/reverted-image'] ?? '')).toEqual({ web: BROKEN })
  await cluster.kubectl(['delete', 'rem', name, '-n', namespace])
  expect(await decide()).toMatchObject({
    verdict: 'Hold',
    reason: 'EditReverted',
    message: expect.stringContaining('remove annotation podmend.io/reverted-image from Deployment'),
  })
  await cluster.kubectl(['annotate', 'deployment/web', 'podmend.io/reverted-image-', '-n', namespace])
  expect(await decide()).not.toMatchObject({ reason: 'EditReverted' })
})

test('a workload that has moved on is left as it is', async () => {
  const namespace = await cluster.namespace()
  const { name } = await repaired(cluster, namespace)
  await cluster.kubectl(['set', 'image', 'deployment/web', 'web=example.com/other:2', '-n', namespace])
  const { status, err } = await mend(['undo', `rem/${name}`, '-n', namespace])
  expect([status, err]).toEqual([
    1,
    expect.stringContaining('has changed since: container web has image example.com/other:2'),
  ])
  expect(imageOf(await deploymentIn(cluster, namespace))).toBe('example.com/other:2')
})

test('a missing right is named, and nothing is written', async () => {
  const namespace = await cluster.namespace()
  const { name } = await repaired(cluster, namespace)
  const kubeconfig = await restrictedUser(cluster, namespace, 'looker', [
    { apiGroups: ['podmend.io'], resources: ['remediations'], verbs: ['get'] },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] },
  ])
  const { status, err } = await mend(['undo', `rem/${name}`, '-n', namespace], kubeconfig)
  expect([status, err]).toEqual([
    1,
    expect.stringContaining(`not allowed to patch deployments.apps in namespace ${namespace}`),
  ])
  expect(imageOf(await deploymentIn(cluster, namespace))).toBe(REPAIRED)
})

test('a missing record, one that wrote nothing and one whose workload is gone are distinguished', async () => {
  const namespace = await cluster.namespace()
  const { name } = await repaired(cluster, namespace)
  expect((await mend(['undo', 'rem/none', '-n', namespace])).err).toContain(
    `Remediation none does not exist in namespace ${namespace}`,
  )
  await cluster.kubectl([
    'patch',
    'rem',
    name,
    '-n',
    namespace,
    '--subresource=status',
    '--type=json',
    '-p',
    '[{"op":"remove","path":"/status/steps"}]',
  ])
  expect((await mend(['undo', `rem/${name}`, '-n', namespace])).err).toContain(
    'wrote no image: it is Succeeded (Repaired)',
  )
  await cluster.kubectl(['delete', 'deployment', 'web', '-n', namespace])
  const { status, err } = await mend(['undo', `rem/${name}`, '-n', namespace])
  expect([status, err]).toEqual([1, expect.stringContaining('no longer exists; nothing to undo')])
})
