import { describe, expect, it } from 'vitest'
import { createPaint } from '../src/cli/terminal.ts'
import { createTimeline, type Entry, entryText } from './timeline.ts'

const PLAIN = createPaint(false)
const LONG = `Failed to pull image "${'harbor.od.com/k8s/'.repeat(12)}coredns:1.6.1": ${'and so on '.repeat(30)}`

const timelineOf = (options: { json: boolean; colour: boolean }) => {
  let text = ''
  let at = Date.parse('2030-01-01T00:00:00Z')
  const timeline = createTimeline({ ...options, out: { write: (more) => void (text += more) }, now: () => at })
  return { timeline, pass: (ms: number) => void (at += ms), text: () => text }
}

const ENTRY: Entry = { who: 'podmend', what: 'Held', about: 'default/web', text: 'too early', data: { reason: 'Why' } }

describe('the time line', () => {
  it('wraps at 100 columns, also within words that are longer than a line, and loses nothing', () => {
    const text = entryText({ ...ENTRY, text: LONG }, 12.34, PLAIN)
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100)
    const squeezed = (some: string): string => some.replaceAll(/\s/g, '')
    expect(squeezed(text)).toBe(squeezed(`12.3s podmend default/web: ${LONG}`))
  })

  it('counts seconds from the first failure, and none before it', () => {
    const { timeline, pass, text } = timelineOf({ json: false, colour: false })
    timeline.say({ who: 'demo', what: 'Ready', text: 'ready' })
    timeline.failureBegan()
    pass(1500)
    timeline.failureBegan()
    timeline.say(ENTRY)
    expect(text().split('\n').slice(0, 2)).toEqual([
      '         demo      ready',
      '   1.5s  podmend   default/web: too early',
    ])
  })

  it('writes no control characters without colours', () => {
    const { timeline, text } = timelineOf({ json: false, colour: false })
    timeline.say({ ...ENTRY, mood: 'bad' })
    timeline.close()
    expect(text()).not.toContain('\u001b')
  })

  it('writes JSON lines and nothing else when asked', () => {
    const { timeline, pass, text } = timelineOf({ json: true, colour: true })
    timeline.say({ who: 'demo', what: 'Ready', text: 'ready' })
    timeline.failureBegan()
    pass(250)
    timeline.print('a table for people')
    timeline.say({ ...ENTRY, mood: 'good' })
    timeline.close()
    expect(
      text()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { time: '2030-01-01T00:00:00.000Z', seconds: null, who: 'demo', what: 'Ready', text: 'ready' },
      {
        time: '2030-01-01T00:00:00.250Z',
        seconds: 0.25,
        who: 'podmend',
        what: 'Held',
        about: 'default/web',
        text: 'too early',
        reason: 'Why',
      },
    ])
  })
})
