import { Writable } from 'node:stream'
import { type DestinationStream, pino } from 'pino'
import { describeError, type Log, type LogLevel } from './log-line.ts'

export { describeError, type Log, LOG_LEVELS, type LogLevel } from './log-line.ts'

export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

interface LogOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Default: stderr, which keeps stdout free for results. */
  readonly destination?: (NodeJS.WritableStream & { readonly isTTY?: boolean }) | undefined
}

/** JSON lines, or one short readable line per message. `auto` chooses the readable form when the destination is a terminal. */
export const createLog = ({ level, format, destination = process.stderr }: LogOptions): Log => {
  const pretty = format === 'pretty' || (format === 'auto' && destination.isTTY === true)
  const stream: DestinationStream = pretty ? prettified(destination) : destination
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    stream,
  )
  return wrap(logger)
}

type PinoLogger = pino.Logger<never, boolean>

const wrap = (logger: PinoLogger): Log => ({
  debug: (message, fields = {}) => logger.debug(fields, message),
  info: (message, fields = {}) => logger.info(fields, message),
  warn: (message, fields = {}) => logger.warn(fields, message),
  error: (message, fields = {}) => logger.error(fields, message),
  with: (fields) => wrap(logger.child(fields)),
})

const prettified = (destination: NodeJS.WritableStream): DestinationStream =>
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      destination.write(prettyLine(chunk.toString('utf8')))
      done()
    },
  })

/** `12:00:00 warn  message key=value`; other lines are returned unchanged. */
export const prettyLine = (line: string): string => {
  try {
    const { time, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>
    const shown = Object.entries(fields).map(
      ([key, value]) => `${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`,
    )
    return `${[String(time).slice(11, 19), String(level).padEnd(5), String(message), ...shown].join(' ')}\n`
  } catch {
    return line
  }
}

const quoted = (value: string): string => (/[\s"=]/.test(value) ? JSON.stringify(value) : value)
