import { axisOf, type Caption, card, escaped, round, ticks, type Tone } from './card.ts'

/** One name over time: seconds and value, each value holds until the next. */
export interface Series {
  readonly name: string
  readonly tone: Tone
  readonly points: readonly (readonly [number, number])[]
}

export interface StackedPanel {
  readonly title: string
  readonly series: readonly Series[]
}

const TOP = 56
const PLOT = 120
const GAP = 56

/** The value at a time; nothing before the first point. */
const valueAt = ({ points }: Series, at: number): number => points.findLast(([time]) => time <= at)?.[1] ?? 0

/** Panels under one another on one axis of time, their series stacked. Pure. */
export const panelsSvg = (panels: readonly StackedPanel[], end: number, caption: Caption): string => {
  const x = axisOf(end)

  const panelOf = ({ title, series }: StackedPanel, i: number): readonly string[] => {
    const bottom = TOP + 24 + i * (PLOT + GAP) + PLOT
    const times = [...new Set([0, ...series.flatMap(({ points }) => points.map(([at]) => at)), end])]
      .filter((at) => at >= 0 && at <= end)
      .toSorted((a, b) => a - b)
    const most = Math.max(1, ...times.map((at) => series.reduce((sum, each) => sum + valueAt(each, at), 0)))
    const y = (value: number): number => round(bottom - (value / most) * PLOT)
    const under = (index: number, at: number): number =>
      series.slice(0, index).reduce((sum, each) => sum + valueAt(each, at), 0)

    const steps = (each: Series, index: number): string => {
      const rects = times.slice(0, -1).flatMap((from, j) => {
        const value = valueAt(each, from)
        const base = under(index, from)
        const width = round(x(times[j + 1] ?? end) - x(from))
        if (value === 0 || width === 0) return []
        return `<rect class="${each.tone}" x="${x(from)}" y="${y(base + value)}" width="${width}" height="${round(y(base) - y(base + value))}"/>`
      })
      return `<g shape-rendering="crispEdges"><title>${escaped(each.name)}</title>${rects.join('')}</g>`
    }
    const legend = (each: Series, index: number): string =>
      `<rect class="${each.tone}" x="20" y="${bottom - PLOT + index * 22}" width="12" height="12" rx="2"/>` +
      `<text x="40" y="${bottom - PLOT + index * 22 + 10}">${escaped(each.name)}</text>`
    const level = (value: number): string =>
      `<text class="soft num" x="${x(0) - 8}" y="${y(value) + 4}" text-anchor="end">${value}</text>` +
      `<line class="grid" x1="${x(0)}" x2="${x(end)}" y1="${y(value)}" y2="${y(value)}"/>`

    return [
      `<text class="soft" x="20" y="${bottom - PLOT - 12}">${escaped(title)}</text>`,
      ...ticks(end, bottom - PLOT, bottom),
      level(0),
      level(most),
      ...series.map(steps),
      ...series.map(legend),
    ]
  }
  return card(caption, TOP + panels.length * (PLOT + GAP) + 40, panels.flatMap(panelOf))
}
