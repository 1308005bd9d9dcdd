/**
 * `npm run pictures`: runs the demo with a Prometheus and draws what happened. The pictures in `docs/pictures/` show that run
 * and name it; nothing in them is drawn by hand.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { queryOfPanel } from '../../scripts/generate/dashboard.ts'
import { LEFT_ALONE, REPAIRED } from '../fixture.ts'
import type { Tone } from './card.ts'
import { panelsSvg } from './panels-svg.ts'
import { recordDemo } from './record-demo.ts'
import { timeLineSvg } from './time-line-svg.ts'
import { timeLineOf } from './time-line.ts'

const root = join(import.meta.dirname, '../..')

/** Panels of the dashboard that are shown, with the label that names their series. */
const PANELS = { 'Open remediations by phase': 'phase', 'Held now by reason': 'reason' } as const

const TONES: Readonly<Record<string, Tone>> = {
  Observed: 'looking',
  ObserveOnly: 'looking',
  Held: 'waiting',
  NotFailingLongEnough: 'waiting',
  Running: 'working',
  Verifying: 'working',
}

const kubernetesVersion = (): string => {
  const modules = readFileSync(join(root, 'testbed/control-plane/go/go.mod'), 'utf8')
  return /k8s\.io\/kubernetes (?<version>v[\d.]+)/.exec(modules)?.groups?.['version'] ?? 'of the test bed'
}

const machine = (): string => {
  const all = cpus()
  const model = all[0]?.model.trim() ?? ''
  return `${all.length} cores${model === '' || model === 'unknown' ? '' : ` (${model})`}`
}

/** The variables as Grafana substitutes them: all jobs, all policies. */
const substituted = (expr: string): string => expr.replaceAll('$job', '.*').replaceAll('$policy', '.*')

console.log('Running the demo; takes about a minute.')
const { lines, series } = await recordDemo(
  Object.entries(PANELS).map(([title, by]) => ({ expr: substituted(queryOfPanel(title)), by })),
)
const workloads = {
  repaired: REPAIRED.place,
  becomes: REPAIRED.becomes,
  // Only those of the same incident, not those that are explained.
  leftAlone: LEFT_ALONE.filter(({ explained }) => explained === undefined).map(({ place }) => place),
}
const timeLine = timeLineOf(lines, workloads)
const run = `npm run pictures, ${new Date().toISOString().slice(0, 10)}: ${machine()}, Kubernetes ${kubernetesVersion()}`

const pictures = {
  'incident-a.svg': timeLineSvg(timeLine, {
    title: 'A moved registry project: seconds from the first failed pull',
    source: `${run}, real API server and registry, fake kubelets`,
  }),
  'dashboard-a.svg': panelsSvg(
    Object.keys(PANELS).map((title, i) => ({
      title,
      series: (series[i] ?? []).map((each) => ({ ...each, tone: TONES[each.name] ?? 'bad' })),
    })),
    timeLine.end,
    {
      title: 'The same minute on the dashboard: two of its panels, from a real Prometheus',
      source: `${run}, scraped each second`,
    },
  ),
}
mkdirSync(join(root, 'docs/pictures'), { recursive: true })
for (const [name, svg] of Object.entries(pictures)) {
  writeFileSync(join(root, 'docs/pictures', name), svg)
  console.log(`Written: docs/pictures/${name}`)
}
