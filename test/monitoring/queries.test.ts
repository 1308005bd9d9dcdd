/** Every query of the dashboard and of the alerts, on a real Prometheus that scrapes the real controller. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alertRules } from '../../scripts/generate/alerts.ts'
import type { Alert } from '../../scripts/generate/alerts/alert.ts'
import { ALERTS } from '../../scripts/generate/alerts/table.ts'
import { grafanaDashboard, panelQueries } from '../../scripts/generate/dashboard.ts'
import type { Controller } from '../../testbed/controller.ts'
import { eventually } from '../../testbed/fixture.ts'
import { type Prometheus, startPrometheus } from '../../testbed/prometheus/prometheus.ts'
import { PATIENTLY, useFixture } from '../repair/fixture.ts'
import { deployment } from '../repair/objects.ts'

const fixture = useFixture()

/** As Grafana would put them in, for a minute on the screen. */
const VARIABLES: Readonly<Record<string, string>> = {
  $__rate_interval: '10s',
  $__interval: '1m',
  $__range: '5m',
  $job: 'podmend',
  $policy: '.*',
}
const substituted = (expr: string): string =>
  Object.entries(VARIABLES).reduce((text, [name, value]) => text.replaceAll(name, value), expr)

const TARGETS = panelQueries().map((query) => ({ ...query, expr: substituted(query.expr) }))

/** Panels that this scene has nothing for, and why that is right. */
const EMPTY_PANELS: Readonly<Record<string, string>> = {
  'Finished remedies on nodes A': 'nothing lies with a node here',
}

/** The same of alerts, their thresholds left out. */
const EMPTY_ALERTS: Partial<Readonly<Record<Alert['name'], string>>> = {
  PodmendDown: 'absent() of what is there is nothing',
  PodmendRemediationIneffective: 'every remedy helped',
  PodmendRemediationFailed: 'no write was refused',
  PodmendApprovalExpired: 'no policy asks a person',
  PodmendGaveUp: 'no attempts were spent',
  PodmendEditReverted: 'nobody changed a repair back',
  PodmendAwaitingApproval: 'no policy asks a person',
  PodmendBudgetSpent: 'two incidents are within every budget',
  PodmendPaused: 'nobody paused it',
  PodmendAgentTasksFailing: 'no agent runs here, so none fails',
}

const metricsIn = (expr: string): readonly string[] => expr.match(/\b(?:podmend|workqueue|process|nodejs)_\w+/g) ?? []

let replicas: readonly Controller[] = []
let prometheus: Prometheus
let names: ReadonlySet<string>

const until = (expr: string): Promise<void> =>
  eventually(async () => {
    if ((await prometheus.query(expr)).length === 0) throw new Error(`Prometheus has no ${expr}`)
  }, PATIENTLY)

beforeAll(async () => {
  // As it is installed: one leads, one stands by. A second machine of the same records must not count them twice.
  replicas = [fixture.controller, await fixture.start()]
  prometheus = await startPrometheus({ scrape: { podmend: replicas.map(({ port }) => port) }, rules: alertRules() })
  const repaired = await fixture.cluster.namespace('repaired')
  await fixture.policy(repaired)
  await fixture.apply(deployment(repaired))
  const held = await fixture.cluster.namespace('held')
  await fixture.policy(held)
  const annotations = { 'argocd.argoproj.io/tracking-id': `shop:apps/Deployment:${held}/web` }
  await fixture.apply(deployment(held, { annotations }))
  await fixture.record(repaired, { phase: 'Succeeded' })
  await fixture.record(held, { phase: 'Held', reason: 'ManagedElsewhere' })
  // Flagged, and nobody there to say that it is over: asked, the agent is silent.
  await fixture.cluster.kubectl(['label', 'node', 'node-1', 'flag.podmend.io/MountHelperMissing=nfs'])
  // A rate needs two scrapes, and Prometheus takes some seconds until the first.
  await until('count(count_over_time(podmend_build_info[1m]) >= 3) == 2')
  await until('podmend_remediations_total{result="Succeeded"} == 1')
  await until('count(podmend_remediations_held{reason="ManagedElsewhere"} == 1) == 2')
  await until('count(podmend_nodes_flagged{cause="MountHelperMissing"} == 1) == 2')
  await until('podmend_agent_tasks_total{verb="Inspect", result="NoAnswer"}')
  names = new Set(await prometheus.names())
}, 240_000)

afterAll(() => prometheus?.down())

test('Prometheus accepts all metrics of the replicas', async () => {
  const targets = await prometheus.targets()
  expect(targets.toSorted((a, b) => a.url.localeCompare(b.url))).toEqual(
    replicas
      .map(({ port }) => ({ url: `http://127.0.0.1:${port}/metrics`, error: '' }))
      .toSorted((a, b) => a.url.localeCompare(b.url)),
  )
})

describe('the dashboard', () => {
  test.each(TARGETS.map((target) => [target.name, target] as const))(
    'asks what can be answered: %s',
    async (name, target) => {
      const { expr, instant } = target
      expect(expr).not.toContain('$')
      expect(metricsIn(expr)).not.toEqual([])
      for (const metric of metricsIn(expr)) expect(names).toContain(metric)
      const samples = await (instant ? prometheus.query(expr) : prometheus.queryRange(expr, { seconds: 30, step: 1 }))
      if (name in EMPTY_PANELS) expect(samples).toEqual([])
      else expect(samples).not.toEqual([])
      const values = samples.flatMap(({ value, values: many }) => many ?? (value ? [value] : []))
      if (samples.length > 0) expect(values.some(([, value]) => value !== 'NaN')).toBe(true)
    },
  )

  test('names no panel as empty that it does not have', () => {
    expect(TARGETS.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(EMPTY_PANELS)))
  })

  test('says on each panel what it answers, and gives each a place of its own', () => {
    const panels = (grafanaDashboard().panels ?? []).flatMap((panel) => ('targets' in panel ? [panel] : []))
    const places = panels.map(({ gridPos }) => `${gridPos?.x} ${gridPos?.y}`)
    expect(new Set(places).size).toBe(panels.length)
    for (const { description, gridPos } of panels) {
      expect(description?.length).toBeGreaterThan(20)
      expect((gridPos?.x ?? 0) + (gridPos?.w ?? 0)).toBeLessThanOrEqual(24)
    }
  })

  test('finds jobs and policies to choose from', async () => {
    const queries = (grafanaDashboard().templating?.list ?? []).flatMap(({ query }) =>
      typeof query === 'object' && 'query' in query ? [String(query['query'])] : [],
    )
    expect(queries).toHaveLength(2)
    for (const query of queries) {
      const { selector = '', label = '' } = /^label_values\((?<selector>.*), (?<label>\w+)\)$/.exec(query)?.groups ?? {}
      expect(await prometheus.query(`count by (${label}) (${substituted(selector)})`)).not.toEqual([])
    }
  })

  test('shows the numbers of the fixture', async () => {
    const value = async (title: string): Promise<string | undefined> => {
      const target = TARGETS.find(({ name }) => name === `${title} A`)
      return (await prometheus.query(target?.expr ?? ''))[0]?.value?.[1]
    }
    expect(await value('Repaired in this time range')).toBe('1')
    expect(await value('Held')).toBe('1')
    expect(await value('Ineffective or failed')).toBe('0')
    expect(await value('Waiting for a person')).toBe('0')
  })
})

describe('the alerts', () => {
  test.each(ALERTS.map((alert) => [alert.name, alert] as const))(
    '%s asks what can be answered',
    async (name, { expr }) => {
      for (const metric of metricsIn(expr)) expect(names).toContain(metric)
      await prometheus.query(expr)
      const withoutThreshold = await prometheus.query(expr.replaceAll(/ (?:>=?|==) [\d.]+/g, ''))
      if (name in EMPTY_ALERTS) expect(withoutThreshold).toEqual([])
      else expect(withoutThreshold).not.toEqual([])
    },
  )

  test('are loaded and evaluated without an error, and none fires while all is well', async () => {
    const rules = await eventually(async () => {
      const all = await prometheus.rules()
      expect(all.map(({ health }) => health)).toEqual(ALERTS.map(() => 'ok'))
      return all
    }, PATIENTLY)
    expect(rules.map(({ name }) => name).toSorted()).toEqual(ALERTS.map(({ name }) => name).toSorted())
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([])
  })

  test('count towards what is held, with the label that a person needs', async () => {
    const [pending, ...others] = await prometheus.query('ALERTS{alertname="PodmendHeldTooLong"}')
    expect(others).toEqual([])
    expect(pending?.metric).toMatchObject({ alertstate: 'pending', reason: 'ManagedElsewhere', severity: 'warning' })
  })
})

test('when the leader is gone the other leads, and when both are gone Prometheus says so', async () => {
  const [leader] = await prometheus.query('podmend_leader == 1')
  const first = replicas.find(({ port }) => leader?.metric['instance'] === `127.0.0.1:${port}`)
  const other = replicas.find((replica) => replica !== first)
  expect(first).toBeDefined()
  await first?.kill('SIGKILL')
  await until(`podmend_leader{instance="127.0.0.1:${other?.port}"} == 1`)
  expect(await prometheus.query('absent(podmend_build_info)')).toEqual([])
  await other?.kill('SIGKILL')
  await until('ALERTS{alertname="PodmendDown", alertstate="pending"}')
})
