/** The API server is away, for all or for the operator alone. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lease } from '../../src/kube/leader-election.ts'
import { allReady, wroteOnce } from '../disturb.ts'
import { deployment } from '../objects.ts'
import { NAMESPACE, SELECTOR } from '../operator.ts'
import type { Scenario } from '../scenario.ts'

const LABELS = 'app=web'
const CUT_MS = 60_000

interface OnNetwork {
  readonly spec: { readonly nodeName: string }
  readonly status: { readonly podIP: string }
}

const restarted: Scenario = {
  name: 'crash-api-server',
  title: 'the API server is killed and restarts: workloads that broke meanwhile are repaired',
  alone: true,
  run: async (fixture) => {
    const { cluster, namespace, apply, policy, running, record, note } = fixture
    await policy()
    // Its pods fail while no API server runs.
    await apply(deployment(namespace, { replicas: 2 }))
    await cluster.exec(cluster.controlPlane, ['pkill', '-KILL', 'kube-apiserver'])
    const killed = Date.now()
    await running(2, LABELS)
    note(`Running ${((Date.now() - killed) / 1000).toFixed(1)} s after the API server was killed`)
    const done = await record({ phase: 'Succeeded' })
    assert.equal(done.status?.attempts?.length, 1)
    wroteOnce(fixture, ['patch deployments.apps web'])
    await allReady(fixture)
  },
}

const cut: Scenario = {
  name: 'crash-network',
  title: 'the operator loses the API server for a minute and catches up',
  alone: true,
  run: async (fixture) => {
    const { cluster, namespace, apply, policy, running, record, note, get, failing, records } = fixture
    await allReady(fixture)
    await policy()
    const { items } = await get<{ items: OnNetwork[] }>('pods', '-n', NAMESPACE, '-l', SELECTOR)
    const rules = items.map(({ spec, status }) => ({
      node: spec.nodeName,
      rule: ['FORWARD', '-s', status.podIP, '-p', 'tcp', '--dport', '6443', '-j', 'DROP'],
    }))
    const lift = async (): Promise<void> => {
      for (const { node, rule } of rules.splice(0)) await cluster.exec(node, ['iptables', '-w', '-D', ...rule])
    }
    for (const { node, rule } of rules) await cluster.exec(node, ['iptables', '-w', '-I', ...rule])
    fixture.onEnd(lift)
    const began = Date.now()
    await apply(deployment(namespace))
    await failing(LABELS)
    await sleep(Math.max(0, began + CUT_MS - Date.now()))
    const { spec } = await get<Lease>('lease', 'podmend', '-n', NAMESPACE)
    const silent = Date.now() - Date.parse(spec?.renewTime ?? '')
    assert.ok(silent > 15_000, `the lease was renewed ${silent} ms ago, so nothing was cut`)
    assert.deepEqual(await records(), [])

    await lift()
    const back = Date.now()
    await running(1, LABELS)
    note(`Running ${((Date.now() - back) / 1000).toFixed(1)} s after the network was back`)
    const done = await record({ phase: 'Succeeded' })
    assert.equal(done.status?.attempts?.length, 1)
    wroteOnce(fixture, ['patch deployments.apps web'])
    await allReady(fixture)
  },
}

export const scenarios: readonly Scenario[] = [restarted, cut]
