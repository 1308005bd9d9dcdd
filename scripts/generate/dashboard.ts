import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { RUNBOOKS_URL } from './alerts.ts'
import { BROKEN } from './dashboard/broken.ts'
import { DONE } from './dashboard/done.ts'
import { HEALTH } from './dashboard/health.ts'
import { HELD } from './dashboard/held.ts'
import { NODES } from './dashboard/nodes.ts'
import { DATASOURCE, type Panel } from './dashboard/panels.ts'
import type { Generator } from './generator.ts'

const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  'Current incidents': BROKEN,
  'Finished remedies': DONE,
  'Held remediations': HELD,
  Nodes: NODES,
  'Operator health': HEALTH,
}

/** Values of a label, all of them chosen at first. */
const labelVariable = (name: string, label: string, query: string): dashboard.QueryVariableBuilder =>
  new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: 'All', value: '$__all' })

/** The dashboard as Grafana imports it. */
export const grafanaDashboard = (): dashboard.Dashboard => {
  const builder = new dashboard.DashboardBuilder('podmend')
    .uid('podmend')
    .description(
      'Current incidents, finished remedies, held remediations with their reasons, and the health of the operator.',
    )
    .tags(['podmend', 'kubernetes'])
    .editable()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .withVariable(new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(labelVariable('job', 'Job', 'label_values(podmend_build_info, job)'))
    .withVariable(
      labelVariable(
        'policy',
        'Policy',
        'label_values({__name__=~"podmend_(held|remediations)_total", job=~"$job"}, policy)',
      ).allValue('.*'),
    )
    .link(
      new dashboard.DashboardLinkBuilder('Runbooks')
        .type(dashboard.DashboardLinkType.Link)
        .url(`${RUNBOOKS_URL}/README.md`)
        .targetBlank(true),
    )
  for (const [title, panels] of Object.entries(ROWS)) {
    builder.withRow(new dashboard.RowBuilder(title))
    for (const panel of panels) builder.withPanel(panel)
  }
  const built = builder.build()
  built.panels?.forEach((panel, i) => {
    panel.id = i + 1
  })
  return built
}

export interface PanelQuery {
  /** The panel's title and the query's letter. */
  readonly name: string
  readonly expr: string
  /** At one moment, not over a range. */
  readonly instant: boolean
}

/** Every query of the dashboard, with Grafana's variables in it. */
export const panelQueries = (): readonly PanelQuery[] =>
  (grafanaDashboard().panels ?? []).flatMap((panel) =>
    'targets' in panel
      ? ((panel.targets ?? []) as unknown as { refId: string; expr: string; instant?: boolean }[]).map(
          ({ refId, expr, instant = false }) => ({ name: `${panel.title} ${refId}`, expr, instant }),
        )
      : [],
  )

/** The first query of the panel of that title. Throws where there is none. */
export const queryOfPanel = (title: string): string => {
  const query = panelQueries().find(({ name }) => name === `${title} A`)
  if (!query) throw new Error(`the dashboard has no panel ${title}`)
  return query.expr
}

/** `charts/podmend/files/dashboard.json`. */
export const dashboardJson: Generator = {
  name: 'dashboard',
  outputs: () =>
    Promise.resolve([
      { path: 'charts/podmend/files/dashboard.json', text: `${JSON.stringify(grafanaDashboard(), null, 2)}\n` },
    ]),
}
