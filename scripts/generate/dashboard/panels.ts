/** Panels as this dashboard uses them: one call a panel, with what differs between panels as its argument. */
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import * as stat from '@grafana/grafana-foundation-sdk/stat'
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline'
import * as table from '@grafana/grafana-foundation-sdk/table'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'
import type { Alert } from '../alerts/alert.ts'
import { runbookUrl } from '../alerts.ts'

export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

export interface Query {
  readonly expr: string
  /** How a series is called, e.g. `{{reason}}`. */
  readonly legend?: string
}

interface Common {
  readonly title: string
  /** What it answers, and when to worry. */
  readonly description: string
  readonly queries: readonly Query[]
  /** Of 24. */
  readonly width: number
  readonly height: number
  /** Alerts whose pages help with it. */
  readonly alerts?: readonly Alert['name'][]
  readonly unit?: string
}

export type Panel = Builder<dashboard.Panel>

type Format = 'range' | 'instant' | 'heatmap'

const queryOf = ({ expr, legend }: Query, i: number, format: Format, asTable: boolean): DataqueryBuilder => {
  const query = new DataqueryBuilder()
    .refId(String.fromCodePoint('A'.codePointAt(0)! + i))
    .datasource(DATASOURCE)
    .expr(expr)
  if (legend !== undefined) query.legendFormat(legend)
  if (format === 'heatmap') query.format(PromQueryFormat.Heatmap)
  else if (asTable) query.format(PromQueryFormat.Table)
  return format === 'instant' ? query.instant() : query.range()
}

interface AnyPanel extends Panel {
  title(title: string): this
  description(description: string): this
  datasource(datasource: common.DataSourceRef): this
  span(width: number): this
  height(height: number): this
  unit(unit: string): this
  withTarget(target: DataqueryBuilder): this
  links(links: Builder<dashboard.DashboardLink>[]): this
}

const runbookLink = (name: Alert['name']): Builder<dashboard.DashboardLink> =>
  new dashboard.DashboardLinkBuilder(name)
    .type(dashboard.DashboardLinkType.Link)
    .url(runbookUrl({ name }))
    .targetBlank(true)

const laidOut = <P extends AnyPanel>(panel: P, given: Common, format: Format, asTable = false): P => {
  const { title, description, queries, width, height, alerts = [], unit } = given
  panel.title(title).description(description).datasource(DATASOURCE).span(width).height(height)
  for (const [i, query] of queries.entries()) panel.withTarget(queryOf(query, i, format, asTable))
  if (unit !== undefined) panel.unit(unit)
  return alerts.length > 0 ? panel.links(alerts.map(runbookLink)) : panel
}

/** From which value on a number has which colour; the first colour is that of anything below. */
export type Steps = readonly [string, ...(readonly [number, string])[]]

const thresholds = ([base, ...steps]: Steps): dashboard.ThresholdsConfigBuilder =>
  new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))])

const mapping = (names: Readonly<Record<string, readonly [string, string]>>): dashboard.ValueMapping => ({
  type: dashboard.MappingType.ValueToText,
  options: Object.fromEntries(Object.entries(names).map(([value, [text, color]]) => [value, { text, color }])),
})

const lastValue = (): common.ReduceDataOptionsBuilder => new common.ReduceDataOptionsBuilder().calcs(['lastNotNull'])

interface Coloured {
  readonly steps: Steps
  /** Words and colours for values. */
  readonly names?: Readonly<Record<string, readonly [string, string]>>
}

/** One big number. */
export const bigNumber = ({ steps, names, ...given }: Common & Coloured): Panel => {
  const panel = new stat.PanelBuilder()
    .thresholds(thresholds(steps))
    .colorMode(common.BigValueColorMode.Background)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(lastValue())
  if (names) panel.mappings([mapping(names)])
  return laidOut(panel, given, 'instant')
}

interface Drawn {
  /** `bars`: each stands for what happened within its time. */
  readonly draw?: 'lines' | 'bars'
  readonly stacked?: boolean
  /** Least step between points, where windows must hold several scrapes. */
  readonly interval?: string
}

const LEGEND = () =>
  new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([])

/** Values over time. */
export const overTime = ({ draw = 'lines', stacked = false, interval, ...given }: Common & Drawn): Panel => {
  const bars = draw === 'bars'
  const panel = new timeseries.PanelBuilder()
    .min(0)
    .drawStyle(bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .fillOpacity(bars ? 80 : stacked ? 30 : 5)
    .showPoints(common.VisibilityMode.Never)
    .legend(LEGEND())
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
  if (interval !== undefined) panel.interval(interval)
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal))
  return laidOut(panel, given, 'range')
}

/** Names with a bar each, the longest first. */
export const ranking = (given: Common): Panel =>
  laidOut(
    new bargauge.PanelBuilder()
      .min(0)
      .orientation(common.VizOrientation.Horizontal)
      .displayMode(common.BarGaugeDisplayMode.Basic)
      .reduceOptions(lastValue())
      .thresholds(thresholds(['blue'])),
    given,
    'instant',
  )

/** How many fell into which bucket, over time. */
export const buckets = (given: Common & Pick<Drawn, 'interval'>): Panel => {
  const panel = new heatmap.PanelBuilder()
    .calculate(false)
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme('Oranges')
        .steps(32)
        .exponent(0.5)
        .reverse(false)
        .fill('dark-orange')
        .scale(heatmap.HeatmapColorScale.Exponential),
    )
    .yAxis(new heatmap.YAxisConfigBuilder().unit(given.unit ?? 'short'))
  if (given.interval !== undefined) panel.interval(given.interval)
  return laidOut(panel, given, 'heatmap')
}

/** A row a series, its labels as columns; `columns`: label or `Value` → heading, others are left out. */
export const rowsOf = ({ columns, ...given }: Common & { readonly columns: Readonly<Record<string, string>> }): Panel =>
  laidOut(
    new table.PanelBuilder()
      .withTransformation({ id: 'filterFieldsByName', options: { include: { names: Object.keys(columns) } } })
      .withTransformation({
        id: 'organize',
        options: {
          renameByName: columns,
          indexByName: Object.fromEntries(Object.keys(columns).map((name, i) => [name, i])),
        },
      })
      .sortBy([
        new common.TableSortByFieldStateBuilder().displayName(Object.values(columns).at(-1) ?? 'Value').desc(true),
      ]),
    given,
    'instant',
    true,
  )

/** A band a series whose colour is its state. */
export const states = ({ steps, names, ...given }: Common & Coloured): Panel => {
  const panel = new statetimeline.PanelBuilder()
    .thresholds(thresholds(steps))
    .mergeValues(true)
    .showValue(common.VisibilityMode.Auto)
    .legend(LEGEND())
  if (names) panel.mappings([mapping(names)])
  return laidOut(panel, given, 'range')
}
