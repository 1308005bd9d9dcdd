/** A decision that comes after its time while no controller runs: the one that comes next does not act on it. */
import { expect, test } from 'vitest'
import { runMend } from '../cli/run-mend.ts'
import { useFixture } from '../repair/fixture.ts'
import { deployment } from '../repair/objects.ts'
import { approve } from './fixture.ts'

const fixture = useFixture()

test('a plan approved after its expiry ends as expired; a recreated record requests approval again', async () => {
  const { cluster } = fixture
  const namespace = await cluster.namespace()
  await fixture.policy(namespace, { mode: 'Approve' })
  await fixture.apply(deployment(namespace))
  const { metadata, status } = await fixture.record(namespace, { phase: 'AwaitingApproval' })
  await fixture.controller.kill('SIGTERM')

  const { name } = metadata
  const expiresAt = '2026-01-01T00:00:00Z'
  const ranOut = JSON.stringify({ status: { expiresAt, proposals: [{ planHash: status?.planHash, expiresAt }] } })
  await cluster.kubectl(['patch', 'rem', name, '-n', namespace, '--subresource=status', '--type=merge', '-p', ranOut])
  const environment = { KUBECONFIG: cluster.plane.kubeconfig }
  const output = await runMend(['approve', name, '-n', namespace, '--yes'], { environment })
  expect([output.status, output.err]).toEqual([1, expect.stringContaining('expired at 2026-01-01T00:00:00Z')])
  await approve(cluster, namespace, name, { decision: 'Approved', planHash: status?.planHash ?? '', by: 'anna' })

  await fixture.start()
  const ended = await fixture.record(namespace, { phase: 'Cancelled', reason: 'Expired' })
  expect(ended.status?.message).toMatch(/^anna approved plan \w{12} at \S+, after it had expired at 2026-01-01/)
  await cluster.kubectl(['annotate', 'pods', '--all', '-n', namespace, 'touched=true'])
  expect(fixture.writes(namespace)).toEqual([])
  expect((await fixture.records(namespace)).map((one) => one.status?.reason)).toEqual(['Expired'])

  await cluster.kubectl(['delete', 'rem', name, '-n', namespace])
  expect((await fixture.record(namespace, { phase: 'AwaitingApproval' })).metadata.uid).not.toBe(metadata.uid)
})
