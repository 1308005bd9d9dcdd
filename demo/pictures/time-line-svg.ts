import { axisOf, type Caption, card, escaped, round, seconds, ticks } from './card.ts'
import type { Lane, Moment, Span, TimeLine } from './time-line.ts'

const TOP = 56
const LANE = 40
const BAR = 24
const ROW = 22
/** Of a letter at 12 px; a label that does not fit into its bar is omitted; the bar's title has it. */
const LETTER = 7.4

/** Lanes of states, a mark for each moment, and the moments in words. Pure. */
export const timeLineSvg = ({ lanes, moments, end }: TimeLine, caption: Caption): string => {
  const x = axisOf(end)
  const axis = TOP + lanes.length * LANE
  const list = axis + 48

  const bar = (y: number, { from, to, label, tone }: Span): string => {
    // One pixel shorter, to separate bars of the same colour.
    const [left, width] = [x(from), round(Math.max(x(to) - x(from) - 1, 1))]
    const tooltip = `<title>${escaped(label)}, from ${seconds(from)} to ${seconds(to)}</title>`
    const fits = width > label.length * LETTER + 8
    const word = fits ? `<text class="on" x="${left + 6}" y="${y + 16}">${escaped(label)}</text>` : ''
    return `<g>${tooltip}<rect class="${tone}" x="${left}" y="${y}" width="${width}" height="${BAR}" rx="3"/>${word}</g>`
  }
  const lane = ({ title, spans }: Lane, i: number): string => {
    const y = TOP + i * LANE
    return `<text x="20" y="${y + 16}">${escaped(title)}</text>${spans.map((span) => bar(y, span)).join('')}`
  }
  const mark = ({ at }: Moment): string =>
    `<line class="mark" x1="${x(at)}" x2="${x(at)}" y1="${TOP - 8}" y2="${axis}"/>`
  const row = ({ at, text }: Moment, i: number): string =>
    `<text class="num" x="96" y="${list + i * ROW}" text-anchor="end">${seconds(at)}</text>` +
    `<text x="112" y="${list + i * ROW}">${escaped(text)}</text>`

  return card(caption, list + moments.length * ROW + 28, [
    ...ticks(end, TOP - 8, axis),
    ...moments.map(mark),
    ...lanes.map(lane),
    ...moments.map(row),
  ])
}
