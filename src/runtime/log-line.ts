/** The format of a log line. Uses no library, because the node agent must stay small. */
import { inspect } from 'node:util'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** A constant message with data as fields; an error goes into the field `err`. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
  /** The same log with fields on every line. */
  with(fields: Readonly<Record<string, unknown>>): Log
}

/** An error as one sentence: its message, then those of its causes. Adds the stack only for errors that indicate a bug. */
export const describeError = (error: unknown): string => {
  const parts: string[] = []
  for (let at = error, depth = 0; at !== undefined && depth < 6; depth += 1) {
    parts.push(at instanceof Error ? at.message || at.name : inspect(at))
    at = at instanceof Error ? at.cause : undefined
  }
  const unexpected = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
  const sentence = parts.join(': ')
  return unexpected && error.stack !== undefined ? `${sentence}\n${error.stack}` : sentence
}

/** Writes one JSON object per line, like `createLog`, but without pino: saves 2 MB per process. */
export const createLineLog = (
  level: LogLevel,
  write: (line: string) => void,
  always: Readonly<Record<string, unknown>> = {},
): Log => {
  const least = LOG_LEVELS.indexOf(level)
  const at =
    (name: LogLevel) =>
    (message: string, { err, ...fields }: Readonly<Record<string, unknown>> = {}): void => {
      if (LOG_LEVELS.indexOf(name) < least) return
      const errorField = err === undefined ? {} : { err: describeError(err) }
      const line = { level: name, time: new Date().toISOString(), ...always, ...errorField, ...fields, message }
      write(`${JSON.stringify(line)}\n`)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLineLog(level, write, { ...always, ...fields }),
  }
}
