/** The operator is replaced, or taken away, in the middle of a remediation. */
import assert from 'node:assert/strict'
import type { Remediation } from '../../src/api/kinds.ts'
import { allReady, wroteOnce } from '../disturb.ts'
import { statefulSet } from '../objects.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const LABELS = 'app=web'
const WRITES = ['patch statefulsets.apps web', 'delete pods web-0']
const KINDS = ['remediationpolicies.podmend.io', 'remediations.podmend.io']

/** A StatefulSet whose pods come one after the other, observed while its repair is verified. */
const inTheMiddle = async (fixture: Fixture): Promise<void> => {
  await allReady(fixture)
  await fixture.policy()
  await fixture.apply(statefulSet(fixture.namespace, { replicas: 2 }))
  await fixture.record({ phase: 'Verifying' }, { everyMs: 50 })
}

const finished = async (fixture: Fixture): Promise<Remediation> => {
  await fixture.running(2, LABELS)
  const done = await fixture.record({ phase: 'Succeeded' })
  assert.equal(done.status?.attempts?.length, 1)
  wroteOnce(fixture, WRITES)
  return done
}

/** Everything in the cluster that bears the release's name; the kinds that are kept do not. */
const ofRelease = async ({ kubectl }: Fixture): Promise<readonly string[]> => {
  const kinds = (await kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n').join(',')
  const found = await kubectl(['get', kinds, '-A', '-l', 'app.kubernetes.io/instance=podmend', '-o', 'name'])
  return found.trim().split('\n').filter(Boolean)
}

const upgraded: Scenario = {
  name: 'release-upgraded',
  title: 'the chart is upgraded while a repair is verified: the new pods finish it',
  alone: true,
  run: async (fixture) => {
    const { operator, note, eventually } = fixture
    await inTheMiddle(fixture)
    const before = new Set((await operator.pods()).map(({ metadata }) => metadata.uid))
    const began = Date.now()
    await operator.install({ podAnnotations: { 'example.com/upgraded': String(began) } })
    note(`upgraded in ${((Date.now() - began) / 1000).toFixed(1)} s`)
    await finished(fixture)
    await eventually(async () => {
      const kept = (await operator.pods()).filter(({ metadata }) => before.has(metadata.uid))
      assert.equal(kept.length, 0, `${kept.length} of the replicas are of before`)
    })
    await allReady(fixture)
  },
}

const uninstalled: Scenario = {
  name: 'release-uninstalled',
  title: 'the operator is uninstalled while a repair is verified: only the CRDs stay; after a new install it finishes',
  alone: true,
  run: async (fixture) => {
    const { operator, onEnd, note, kubectl, eventually, records } = fixture
    // Whatever happens, the next scenario needs it.
    let there = true
    onEnd(() => (there ? undefined : operator.install()))
    await inTheMiddle(fixture)
    there = false
    await operator.uninstall()
    await eventually(async () => assert.deepEqual(await ofRelease(fixture), []))
    await kubectl(['get', 'crd', ...KINDS])
    assert.equal((await kubectl(['get', 'leases', '-n', 'podmend-system', '-o', 'name'])).trim(), '')
    const [left] = await records()
    assert.equal(left?.status?.phase, 'Verifying', 'the record stays as it was')
    const began = Date.now()
    await operator.install()
    there = true
    const done = await finished(fixture)
    assert.equal(done.metadata.uid, left?.metadata.uid)
    note(`finished ${((Date.now() - began) / 1000).toFixed(1)} s after the new install`)
  },
}

export const scenarios: readonly Scenario[] = [upgraded, uninstalled]
