/** The operator is replaced, or taken away, in the middle of a remediation. */
import assert from 'node:assert/strict'
import type { Remediation } from '../../src/api/kinds.ts'
import { allReady, wroteOnce } from '../disturb.ts'
import { statefulSet } from '../objects.ts'
import type { Scenario, Stage } from '../scenario.ts'

const LABELS = 'app=web'
const WRITES = ['patch statefulsets.apps web', 'delete pods web-0']
const KINDS = ['remediationpolicies.podmend.io', 'remediations.podmend.io']

/** A StatefulSet whose pods come one after the other, met while its repair is being proven. */
const inTheMiddle = async (stage: Stage): Promise<void> => {
  await allReady(stage)
  await stage.policy()
  await stage.apply(statefulSet(stage.namespace, { replicas: 2 }))
  await stage.record({ phase: 'Verifying' }, { everyMs: 50 })
}

const finished = async (stage: Stage): Promise<Remediation> => {
  await stage.running(2, LABELS)
  const done = await stage.record({ phase: 'Succeeded' })
  assert.equal(done.status?.attempts?.length, 1)
  wroteOnce(stage, WRITES)
  return done
}

/** Everything in the cluster that bears the release's name; the kinds that are kept do not. */
const ofRelease = async ({ kubectl }: Stage): Promise<readonly string[]> => {
  const kinds = (await kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n').join(',')
  const found = await kubectl(['get', kinds, '-A', '-l', 'app.kubernetes.io/instance=podmend', '-o', 'name'])
  return found.trim().split('\n').filter(Boolean)
}

const upgraded: Scenario = {
  name: 'release-upgraded',
  title: 'the chart is upgraded while a repair is being proven: the new pods finish it',
  alone: true,
  run: async (stage) => {
    const { operator, note, eventually } = stage
    await inTheMiddle(stage)
    const before = new Set((await operator.pods()).map(({ metadata }) => metadata.uid))
    const began = Date.now()
    await operator.install({ podAnnotations: { 'example.com/upgraded': String(began) } })
    note(`upgraded in ${((Date.now() - began) / 1000).toFixed(1)} s`)
    await finished(stage)
    await eventually(async () => {
      const kept = (await operator.pods()).filter(({ metadata }) => before.has(metadata.uid))
      assert.equal(kept.length, 0, `${kept.length} of the replicas are of before`)
    })
    await allReady(stage)
  },
}

const uninstalled: Scenario = {
  name: 'release-uninstalled',
  title: 'the operator is uninstalled while a repair is being proven: only the kinds stay; installed anew, it finishes',
  alone: true,
  run: async (stage) => {
    const { operator, onEnd, note, kubectl, eventually, records } = stage
    // Whatever happens, the next scenario needs it.
    let there = true
    onEnd(() => (there ? undefined : operator.install()))
    await inTheMiddle(stage)
    there = false
    await operator.uninstall()
    await eventually(async () => assert.deepEqual(await ofRelease(stage), []))
    await kubectl(['get', 'crd', ...KINDS])
    assert.equal((await kubectl(['get', 'leases', '-n', 'podmend-system', '-o', 'name'])).trim(), '')
    const [left] = await records()
    assert.equal(left?.status?.phase, 'Verifying', 'the record stays as it was')
    const began = Date.now()
    await operator.install()
    there = true
    const done = await finished(stage)
    assert.equal(done.metadata.uid, left?.metadata.uid)
    note(`finished ${((Date.now() - began) / 1000).toFixed(1)} s after it was installed anew`)
  },
}

export const scenarios: readonly Scenario[] = [upgraded, uninstalled]
