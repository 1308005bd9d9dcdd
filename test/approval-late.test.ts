/** A decision that comes after its time while no controller runs: the one that comes next does not act on it. */
import { expect, test } from 'vitest'
import { approve } from './approval-scene.ts'
import { runMend } from './play-mend.ts'
import { deployment } from './repair-objects.ts'
import { useScene } from './repair-scene.ts'

const scene = useScene()

test('a plan that was approved after its time ends there; a record that is made anew asks again', async () => {
  const { bed } = scene
  const namespace = await bed.namespace()
  await scene.policy(namespace, { mode: 'Approve' })
  await scene.apply(deployment(namespace))
  const { metadata, status } = await scene.record(namespace, { phase: 'AwaitingApproval' })
  await scene.controller.kill('SIGTERM')

  const { name } = metadata
  const ranOut = JSON.stringify({ status: { expiresAt: '2026-01-01T00:00:00Z' } })
  await bed.kubectl(['patch', 'rem', name, '-n', namespace, '--subresource=status', '--type=merge', '-p', ranOut])
  const environment = { KUBECONFIG: bed.plane.kubeconfig }
  const said = await runMend(['approve', name, '-n', namespace, '--yes'], { environment })
  expect([said.status, said.err]).toEqual([1, expect.stringContaining('ran out at 2026-01-01T00:00:00Z')])
  await approve(bed, namespace, name, { decision: 'Approved', planHash: status?.planHash ?? '', by: 'anna' })

  await scene.start()
  const ended = await scene.record(namespace, { phase: 'Cancelled', reason: 'Expired' })
  expect(ended.status?.message).toMatch(/^anna approved plan \w{12} at \S+, after its time had run out at 2026-01-01/)
  await bed.kubectl(['annotate', 'pods', '--all', '-n', namespace, 'touched=true'])
  expect(scene.writes(namespace)).toEqual([])
  expect((await scene.records(namespace)).map((one) => one.status?.reason)).toEqual(['Expired'])

  await bed.kubectl(['delete', 'rem', name, '-n', namespace])
  expect((await scene.record(namespace, { phase: 'AwaitingApproval' })).metadata.uid).not.toBe(metadata.uid)
})
