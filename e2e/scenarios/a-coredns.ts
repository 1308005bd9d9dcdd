/** The first of the incidents: cluster DNS itself, its image in a project that was renamed. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeEvent } from '../../src/model/kubernetes.ts'
import { deployment } from '../objects.ts'
import { NEW, OLD } from '../registries.ts'
import type { Scenario } from '../scenario.ts'
import { allStarted, firstFailure } from '../times.ts'

const WHERE = 'kube-system'
const LABELS = 'app=coredns'

/** Longer than a policy that may act takes to do so. */
const LEFT_ALONE_MS = 15_000

const coredns: Scenario = {
  name: 'a-coredns',
  title: 'cluster DNS in kube-system is repaired in place, but only once a policy names kube-system',
  core: true,
  run: async ({ apply, policy, pods, failing, running, record, records, workload, get, kubectl, note, say, onEnd }) => {
    onEnd(() => kubectl(['delete', 'deployment', 'coredns', '-n', WHERE, '--ignore-not-found']))
    // Acts wherever it may: no namespace is named.
    const anywhere = { match: { causes: ['ProjectNotFound'], images: [`${OLD}/coredns*`], failingFor: '0s' } }
    await policy(anywhere)
    await apply(
      deployment(WHERE, {
        name: 'coredns',
        image: `${OLD}/coredns:1.6.1`,
        podSpec: {
          priorityClassName: 'system-cluster-critical',
          containers: [{ name: 'coredns', image: `${OLD}/coredns:1.6.1` }],
        },
      }),
    )
    const stuck = await failing(LABELS, { namespace: WHERE })
    const { uid } = (await workload('Deployment', 'coredns', WHERE)).metadata
    say('in ImagePullBackOff; a policy that does not name kube-system may not act')
    const held = await record({ reason: 'NamespaceProtected' }, { namespace: WHERE })
    await sleep(LEFT_ALONE_MS)
    const [same] = await pods(LABELS, WHERE)
    assert.equal(same?.metadata.uid, stuck.metadata.uid, 'the pod is still the same')
    assert.equal((await records(WHERE)).length, 1)

    const allowed = Date.now()
    await policy({ ...anywhere, match: { ...anywhere.match, namespaces: [WHERE] } })
    const [repaired] = await running(1, LABELS, { namespace: WHERE })
    assert.ok(repaired)
    const ranAfter = (Date.now() - allowed) / 1000
    const done = await record({ phase: 'Succeeded' }, { namespace: WHERE })
    assert.equal(done.metadata.uid, held.metadata.uid, 'one incident, one record')
    assert.equal(done.status?.cause ?? done.spec.cause, 'ProjectNotFound')
    assert.equal(repaired.spec?.containers?.[0]?.image, `${NEW}/coredns:1.6.1`)
    assert.equal((await workload('Deployment', 'coredns', WHERE)).metadata.uid, uid, 'repaired in place')

    const { items } = await get<{ items: KubeEvent[] }>(
      'events',
      '-n',
      WHERE,
      `--field-selector=involvedObject.name=${stuck.metadata.name}`,
    )
    const [failed, started] = [firstFailure(items), allStarted([repaired])]
    assert.ok(failed && started)
    const message = items.find(({ message: said }) => said?.includes('Failed to pull'))?.message ?? ''
    say(`the kubelet reports: ${message}`)
    const whole = (started.getTime() - failed.getTime()) / 1000
    note(`first failure to Running ${whole} s, of which ${ranAfter.toFixed(1)} s since a policy allowed it`)
  },
}

const unattended: Scenario = {
  name: 'a-unattended',
  title: 'with a policy already in place, a broken Deployment runs within a minute of its first failure',
  core: true,
  run: async ({ namespace, apply, policy, running, record, get, note }) => {
    await policy()
    await apply(deployment(namespace))
    const pods = await running(1, 'app=web')
    const done = await record({ phase: 'Succeeded' })
    assert.equal(done.status?.cause ?? done.spec.cause, 'ProjectNotFound')
    const { items } = await get<{ items: KubeEvent[] }>('events', '-n', namespace)
    const [failed, started] = [firstFailure(items), allStarted(pods)]
    assert.ok(failed && started)
    const seconds = (started.getTime() - failed.getTime()) / 1000
    note(`first failure to Running ${seconds} s`)
    assert.ok(seconds < 60, `${seconds} s`)
  },
}

export const scenarios: readonly Scenario[] = [coredns, unattended]
