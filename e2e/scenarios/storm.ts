/** Everything breaks at once. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Api, openApi } from '../../testbed/kubelet/api.ts'
import { BROKEN, deployment } from '../objects.ts'
import { NAMESPACE } from '../operator.ts'
import { allReady, leaderPod, wroteOnce } from '../disturb.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const BEFORE_MS = 6_000
const EVERY_MS = 200
const MEMORY_EVERY_MS = 5_000

/** The share `q` of times lies at or below it, in whole ms. */
const quantile = (times: readonly number[], q: number): string => {
  const sorted = times.toSorted((a, b) => a - b)
  return (sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? 0).toFixed(0)
}

/** Asks what any other client may ask, again and again, and notes how long the answers took, in ms. */
const askOn = (api: Api, signal: AbortSignal): { readonly times: number[]; readonly ended: Promise<void> } => {
  const times: number[] = []
  const paths = ['/api/v1/namespaces/default', '/api/v1/namespaces/default/services?limit=10']
  const ask = async (): Promise<void> => {
    for (let turn = 0; !signal.aborted; turn++) {
      const began = performance.now()
      await api.call('GET', paths[turn % paths.length] ?? '')
      times.push(performance.now() - began)
      await sleep(EVERY_MS)
    }
  }
  return { times, ended: ask() }
}

/** Working set of the leader's container in MB, as its kubelet tells. */
const memoryOf = async (fixture: Fixture): Promise<number> => {
  const { metadata, spec } = await leaderPod(fixture)
  const path = `/api/v1/nodes/${spec?.nodeName}/proxy/metrics/resource`
  const sample = `container_memory_working_set_bytes{container="controller",namespace="${NAMESPACE}",pod="${metadata.name}"} `
  const line = (await fixture.kubectl(['get', '--raw', path])).split('\n').find((each) => each.startsWith(sample))
  assert.ok(line, `the kubelet has no sample of ${metadata.name}`)
  return Number(line.slice(sample.length).split(' ')[0]) / 1e6
}

/** 400 networks of pods would only measure how fast two cores make these. */
const ON_HOST = { hostNetwork: true, containers: [{ name: 'web', image: BROKEN }] }

interface Storm {
  readonly name: string
  /** How many Deployments break. */
  readonly count: number
  readonly maxConcurrent: number
  readonly core?: true
}

const nameOf = (number: number): string => `web-${String(number).padStart(3, '0')}`

const storm = ({ name, count, maxConcurrent, core }: Storm): Scenario => ({
  name,
  title: `${count} Deployments break at once: all are repaired within the budget, none twice, and other clients are served`,
  ...(core && { core }),
  alone: true,
  timeoutMs: 720_000,
  run: async (fixture) => {
    const { cluster, namespace, apply, policy, pods, records, eventually, note, say, onEnd } = fixture
    await allReady(fixture)
    const api = openApi(cluster.kubeconfig)
    const measured = new AbortController()
    onEnd(() => {
      measured.abort()
      api.close()
    })
    const idle = await memoryOf(fixture)
    const quiet = new AbortController()
    const calm = askOn(api, quiet.signal)
    await sleep(BEFORE_MS)
    quiet.abort()
    await calm.ended

    await policy({ limits: { maxConcurrent, maxPerHour: 1000 } })
    const busy = askOn(api, measured.signal)
    const began = Date.now()
    const items = Array.from({ length: count }, (_, number) =>
      deployment(namespace, { name: nameOf(number), podSpec: ON_HOST }),
    )
    await apply({ apiVersion: 'v1', kind: 'List', items })
    say(`${count} Deployments created`)

    let [most, peak, looked] = [0, idle, 0]
    await eventually(
      async () => {
        const phases = (await records()).map(({ status }) => status?.phase)
        const inProgress = phases.filter((phase) => phase === 'Running' || phase === 'Verifying').length
        most = Math.max(most, inProgress)
        if (Date.now() - looked > MEMORY_EVERY_MS) {
          looked = Date.now()
          peak = Math.max(peak, await memoryOf(fixture))
          say(
            `${phases.filter((phase) => phase === 'Succeeded').length} of ${count} repaired, ${inProgress} in progress`,
          )
        }
        assert.equal(phases.filter((phase) => phase === 'Succeeded').length, count)
      },
      { timeoutMs: 600_000, everyMs: 1_000 },
    )
    const seconds = (Date.now() - began) / 1000
    measured.abort()
    await busy.ended

    assert.ok(most > 0 && most <= maxConcurrent, `${most} in progress at once`)
    const wanted = Array.from({ length: count }, (_, number) => `patch deployments.apps ${nameOf(number)}`)
    wroteOnce(fixture, wanted)
    const running = (await pods()).filter(({ status }) => status?.phase === 'Running')
    assert.ok(running.length >= count, `${running.length} pods run`)

    note(`all repaired ${seconds.toFixed(0)} s after their creation, at most ${most} of ${maxConcurrent} in progress`)
    const [calmP50, calmP99] = [quantile(calm.times, 0.5), quantile(calm.times, 0.99)]
    note(
      `others' requests p50 ${calmP50} → ${quantile(busy.times, 0.5)} ms, p99 ${calmP99} → ${quantile(busy.times, 0.99)} ms`,
    )
    note(`memory ${idle.toFixed(0)} MB idle, ${peak.toFixed(0)} MB at its peak`)
  },
})

/** CI runs the small one: a quarter of the Deployments, and still more than twice the budget. */
export const scenarios: readonly Scenario[] = [
  storm({ name: 'storm', count: 200, maxConcurrent: 40 }),
  storm({ name: 'storm-small', count: 50, maxConcurrent: 20, core: true }),
]
