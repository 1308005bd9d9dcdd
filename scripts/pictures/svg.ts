/** A time line as an SVG that reads well on light and on dark pages, and to a screen reader. Pure. */
import type { Lane, Moment, Span, TimeLine, Tone } from './time-line.ts'

export interface Caption {
  readonly title: string
  /** When, where and by what it was measured. */
  readonly source: string
}

const WIDTH = 960
const LEFT = 216
const RIGHT = 24
const TOP = 56
const LANE = 40
const BAR = 24
const ROW = 22
/** Of a letter at 12 px; labels that do not fit into their bar are left out, the title on it tells all. */
const LETTER = 6.9

/** Bars have a light and a dark face; letters on them are dark in both. */
const COLOURS: Readonly<Record<Tone, readonly [string, string]>> = {
  bad: ['#ffb3ad', '#f2837b'],
  waiting: ['#ffe08a', '#e3b341'],
  looking: ['#d8c7ff', '#b394f0'],
  working: ['#a8d1ff', '#6cb0f5'],
  good: ['#a7e3b5', '#5fc07a'],
}

const STYLE = `
  text { font: 12px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .head { font-size: 15px; font-weight: 600 } .soft { fill: #59636e } .on { fill: #14171b } .num { font-variant-numeric: tabular-nums }
  .card { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #d1d9e0 } .mark { stroke: #59636e; stroke-dasharray: 2 3 }
${Object.entries(COLOURS)
  .map(([tone, [light]]) => `  .${tone} { fill: ${light} }`)
  .join('\n')}
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .soft { fill: #9198a1 } .on { fill: #14171b }
    .card { fill: #0d1117; stroke: #3d444d } .grid { stroke: #3d444d } .mark { stroke: #9198a1 }
${Object.entries(COLOURS)
  .map(([tone, [, dark]]) => `    .${tone} { fill: ${dark} }`)
  .join('\n')}
  }`

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const round = (value: number): number => Math.round(value * 10) / 10

const seconds = (value: number): string => `${value.toFixed(1)} s`

export const timeLineSvg = ({ lanes, moments, end }: TimeLine, { title, source }: Caption): string => {
  const x = (at: number): number => round(LEFT + (Math.max(at, 0) / end) * (WIDTH - LEFT - RIGHT))
  const axis = TOP + lanes.length * LANE
  const list = axis + 48
  const height = list + moments.length * ROW + 28

  const bar = (y: number, { from, to, label, tone }: Span): string => {
    const [left, width] = [x(from), round(Math.max(x(to) - x(from), 2))]
    const told = `<title>${escaped(label)}, from ${seconds(from)} to ${seconds(to)}</title>`
    const word =
      width > label.length * LETTER + 8 ? `<text class="on" x="${left + 6}" y="${y + 16}">${escaped(label)}</text>` : ''
    return `<g>${told}<rect class="${tone}" x="${left}" y="${y}" width="${width}" height="${BAR}" rx="3"/>${word}</g>`
  }
  const lane = ({ title: name, spans }: Lane, i: number): string => {
    const y = TOP + i * LANE
    return `<text x="20" y="${y + 16}">${escaped(name)}</text>${spans.map((span) => bar(y, span)).join('')}`
  }
  const tick = (at: number): string =>
    `<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="${TOP - 8}" y2="${axis}"/>` +
    `<text class="soft num" x="${x(at)}" y="${axis + 16}" text-anchor="middle">${at} s</text>`
  const mark = ({ at }: Moment): string =>
    `<line class="mark" x1="${x(at)}" x2="${x(at)}" y1="${TOP - 8}" y2="${axis}"/>`
  const row = ({ at, text }: Moment, i: number): string =>
    `<text class="num" x="96" y="${list + i * ROW}" text-anchor="end">${seconds(at)}</text>` +
    `<text x="112" y="${list + i * ROW}">${escaped(text)}</text>`

  const ticks = Array.from({ length: Math.floor(end / 5) + 1 }, (_, i) => i * 5)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title source">`,
    `<title id="title">${escaped(title)}</title><desc id="source">${escaped(source)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    `<text class="head" x="20" y="28">${escaped(title)}</text>`,
    ...ticks.map(tick),
    ...moments.map(mark),
    ...lanes.map(lane),
    ...moments.map(row),
    `<text class="soft" x="20" y="${height - 14}">${escaped(source)}</text>`,
    '</svg>\n',
  ].join('\n')
}
