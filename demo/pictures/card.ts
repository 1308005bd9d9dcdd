/** The card that all pictures share: readable on light and dark pages, and by screen readers. Pure. */

export type Tone = 'bad' | 'waiting' | 'looking' | 'working' | 'good'

export interface Caption {
  readonly title: string
  /** When, where and how it was measured. */
  readonly source: string
}

export const WIDTH = 960
/** Margins of the time axis. */
const LEFT = 216
const RIGHT = 24

/** The colour on light and on dark pages; text on them is dark on both. */
const COLOURS: Readonly<Record<Tone, readonly [string, string]>> = {
  bad: ['#ffb3ad', '#f2837b'],
  waiting: ['#ffe08a', '#e3b341'],
  looking: ['#d8c7ff', '#b394f0'],
  working: ['#a8d1ff', '#6cb0f5'],
  good: ['#a7e3b5', '#5fc07a'],
}

const fills = (face: 0 | 1): string =>
  Object.entries(COLOURS)
    .map(([tone, faces]) => `.${tone} { fill: ${faces[face]} }`)
    .join(' ')

const STYLE = `
  text { font: 12px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .head { font-size: 15px; font-weight: 600 } .soft { fill: #59636e } .on { fill: #14171b } .num { font-variant-numeric: tabular-nums }
  .card { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #d1d9e0 } .mark { stroke: #59636e; stroke-dasharray: 2 3 }
  ${fills(0)}
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .soft { fill: #9198a1 } .on { fill: #14171b }
    .card { fill: #0d1117; stroke: #3d444d } .grid { stroke: #3d444d } .mark { stroke: #9198a1 }
    ${fills(1)}
  }`

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export const round = (value: number): number => Math.round(value * 10) / 10

export const seconds = (value: number): string => `${value.toFixed(1)} s`

/** From seconds to the place on the axis of time, which ends at `end`. */
export const axisOf =
  (end: number) =>
  (at: number): number =>
    round(LEFT + (Math.min(Math.max(at, 0), end) / end) * (WIDTH - LEFT - RIGHT))

/** Lines of time each five seconds from `top` to `bottom`, with their numbers under them. */
export const ticks = (end: number, top: number, bottom: number): readonly string[] => {
  const x = axisOf(end)
  return Array.from({ length: Math.floor(end / 5) + 1 }, (_, i) => i * 5).map(
    (at) =>
      `<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="${top}" y2="${bottom}"/>` +
      `<text class="soft num" x="${x(at)}" y="${bottom + 16}" text-anchor="middle">${at} s</text>`,
  )
}

/** The whole file around its content. */
export const card = ({ title, source }: Caption, height: number, content: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title source">`,
    `<title id="title">${escaped(title)}</title><desc id="source">${escaped(source)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    `<text class="head" x="20" y="28">${escaped(title)}</text>`,
    ...content,
    `<text class="soft" x="20" y="${height - 14}">${escaped(source)}</text>`,
    '</svg>\n',
  ].join('\n')
