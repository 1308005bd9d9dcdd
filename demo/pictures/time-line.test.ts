import { expect, test } from 'vitest'
import { panelsSvg } from './panels-svg.ts'
import { timeLineSvg } from './time-line-svg.ts'
import { type Line, timeLineOf } from './time-line.ts'

const WORKLOADS = { repaired: 'shop/web', becomes: 'new/web:1', leftAlone: ['shop/other'] }
const LINES: readonly Line[] = [
  { seconds: null, who: 'demo', what: 'Controller', text: 'runs' },
  { seconds: 0, who: 'kubelet', what: 'Failed', about: 'shop/web', text: 'Failed to pull <image>' },
  { seconds: 0.5, who: 'podmend', what: 'Held', about: 'shop/web', reason: 'NotFailingLongEnough', text: '' },
  { seconds: 1, who: 'podmend', what: 'Observed', about: 'shop/other', reason: 'ObserveOnly', text: '' },
  { seconds: 1.5, who: 'kubelet', what: 'ImagePullBackOff', about: 'shop/web', text: '' },
  { seconds: 20, who: 'registry', what: '200', image: 'new/web:1', text: 'it exists' },
  { seconds: 20.1, who: 'podmend', what: 'Verifying', about: 'shop/web', reason: 'Verifying', text: '' },
  { seconds: 21, who: 'kubelet', what: 'Running', about: 'shop/web', text: '' },
  { seconds: 25, who: 'podmend', what: 'Observed', about: 'shop/other', reason: 'ObserveOnly', text: 'again' },
  { seconds: 30, who: 'podmend', what: 'Succeeded', about: 'shop/web', reason: 'Repaired', text: '' },
]

test('a state lasts until the next one of its lane, the last until the end', () => {
  const { lanes, end } = timeLineOf(LINES, WORKLOADS)
  expect(end).toBe(36)
  expect(
    lanes.map(({ title, spans }) => [title, spans.map(({ from, to, label }) => `${from}–${to} ${label}`)]),
  ).toEqual([
    ['pods of shop/web', ['0–1.5 ErrImagePull', '1.5–21 ImagePullBackOff', '21–36 Running']],
    ['record of shop/web', ['0.5–20.1 Held: NotFailingLongEnough', '20.1–30 Verifying', '30–36 Succeeded']],
    ['record of shop/other', ['1–36 Observed']],
  ])
})

test('moments are in the order of time', () => {
  expect(timeLineOf(LINES, WORKLOADS).moments.map(({ at, text }) => `${at} ${text}`)).toEqual([
    '0 the first pull of shop/web fails',
    '20 the registry confirms the image under its new path',
    '20.1 the image is written',
    '21 the pod runs',
    '30 verified: the pod keeps running',
  ])
})

test('without a repair, there is nothing to draw', () => {
  expect(() => timeLineOf(LINES.slice(0, -1), WORKLOADS)).toThrow('do not say that shop/web was repaired')
})

test('the picture has every bar and moment of the data, within its frame, and its source', () => {
  const timeLine = timeLineOf(LINES, WORKLOADS)
  const svg = timeLineSvg(timeLine, { title: 'A & B', source: 'measured here' })
  expect(svg).toContain('A &amp; B')
  expect(svg).toContain('<desc id="source">measured here</desc>')
  expect(svg.match(/<rect class="(?:bad|waiting|looking|working|good)"/g)).toHaveLength(7)
  expect(svg).toContain('<title>Verifying, from 20.1 s to 30.0 s</title>')
  for (const [, x = '', width = ''] of svg.matchAll(/<rect class="\w+" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g))
    expect(Number(x) + Number(width)).toBeLessThanOrEqual(960)
})

test('series are stacked, each value until the next one of any of them', () => {
  const series = [
    {
      name: 'Held',
      tone: 'waiting' as const,
      points: [
        [1, 2],
        [5, 0],
      ] as const,
    },
    { name: 'Running', tone: 'working' as const, points: [[3, 1]] as const },
  ]
  const svg = panelsSvg([{ title: 'open <now>', series }], 10, { title: 'A', source: 'measured here' })
  expect(svg).toContain('open &lt;now&gt;')
  // Held from 1 to 3 and on to 5; Running upon it from 3 to 5, and on the ground from then on.
  expect(svg.match(/<rect class="waiting" [^>]*height="80"/g)).toHaveLength(2)
  const running = [...svg.matchAll(/<rect class="working" x="[\d.]+" y="(?<y>[\d.]+)" width="[\d.]+" height="40"/g)]
  expect(running.map(({ groups }) => groups?.['y'])).toEqual(['80', '160'])
})
