import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createLineLog } from './log-line.ts'
import { createLog, describeError, type LogFormat, type LogLevel, prettyLine } from './log.ts'

const written = (level: LogLevel, format: LogFormat, isTTY = false) => {
  const destination = Object.assign(new PassThrough(), { isTTY })
  const log = createLog({ level, format, destination })
  return { log, text: () => String(destination.read() ?? '') }
}

describe('the log', () => {
  it('writes one JSON object a line, with data as fields and an error as a sentence', () => {
    const { log, text } = written('info', 'json', true)
    log
      .with({ component: 'watch' })
      .warn('watch failed', { err: new Error('watching pods', { cause: new Error('reset') }) })
    const { time, ...line } = JSON.parse(text()) as Record<string, unknown>
    expect(line).toEqual({ level: 'warn', component: 'watch', err: 'watching pods: reset', message: 'watch failed' })
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT/)
  })

  it('writes short lines for a person at a terminal', () => {
    const { log, text } = written('info', 'auto', true)
    log.info('synced', { resource: 'pods', why: 'a b' })
    expect(text()).toMatch(/^\d\d:\d\d:\d\d info {2}synced resource=pods why="a b"\n$/)
  })

  it('leaves out what is below its level', () => {
    const { log, text } = written('warn', 'json')
    log.info('quiet')
    log.debug('quieter')
    expect(text()).toBe('')
  })

  it('leaves lines alone that are none of its own', () => {
    expect(prettyLine('not JSON\n')).toBe('not JSON\n')
  })

  it('keeps the stack of an error that nobody planned', () => {
    expect(describeError(new TypeError('x is not a function'))).toContain('log.test.ts')
    expect(describeError(new Error('planned'))).toBe('planned')
    expect(describeError({ odd: true })).toBe('{ odd: true }')
  })

  it('is written line by line without the library as with it', () => {
    const lines: string[] = []
    const { log, text } = written('info', 'json')
    for (const each of [log, createLineLog('info', (line) => lines.push(line))]) {
      each.debug('quiet')
      each.with({ component: 'watch' }).warn('failed', { err: new Error('a', { cause: new Error('b') }), n: 1 })
    }
    const [one, other] = [text(), lines.join('')].map((line) => JSON.parse(line) as Record<string, unknown>)
    expect({ ...other, time: '' }).toEqual({ ...one, time: '' })
  })
})
