/** The processes that are measured. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { once } from 'node:events'

export interface LoopDelay {
  readonly p99: number
  readonly p50: number
  readonly samples: number
}

export interface Contender {
  readonly pid: number
  /** ms from the start of the process to the line that shows that it is ready. */
  readonly readyMs: number
  readonly isGone: () => boolean
  /** Lines of its standard output so far. */
  readonly lines: readonly string[]
  /** Event loop delay in ms since its start; only if it was launched with `bench/loop-delay.ts`. */
  readonly loopDelay: () => Promise<LoopDelay>
  readonly stop: () => Promise<void>
}

export interface Launch {
  /** Shown in the output. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  /** Its whole environment; empty by default. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether this line of its output shows that it is ready to act. */
  readonly isReady: (line: string) => boolean
}

const READY_MS = 120_000

/** Starts a contender and waits until it is ready. Throws with its last lines if it exits before. */
export const startContender = async (
  { name, program, args, env = {}, isReady }: Launch,
  withinMs = READY_MS,
): Promise<Contender> => {
  const began = performance.now()
  // Our own environment must not influence it.
  const child = spawn(program, args, { env, stdio: 'pipe' })
  const lines: string[] = []
  const last: string[] = []
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  const delay = Promise.withResolvers<LoopDelay>()
  delay.promise.catch(() => {})
  const onLine = (line: string): void => {
    const [, p99, p50, samples] = /^loop-delay (\S+) (\S+) (\S+)$/.exec(line) ?? []
    if (samples !== undefined) return delay.resolve({ p99: Number(p99), p50: Number(p50), samples: Number(samples) })
    last.splice(0, Math.max(0, last.length - 4), ...last.slice(-4), line)
    if (isReady(line)) resolve()
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    onLine(line)
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (/"level":"(warn|error)"|^(reference|bare|kopf):/.test(line))
      process.stderr.write(`  ${name}: ${line.slice(0, 400)}\n`)
    onLine(line)
  })
  child.once('error', reject)
  const ended = once(child, 'exit').then(() => {
    const cause = new Error(`${name} exited: ${last.join('\n')}`)
    reject(cause)
    delay.reject(cause)
  })
  const timer = setTimeout(() => reject(new Error(`${name} was not ready in time: ${last.join('\n')}`)), withinMs)
  await ready
    .finally(() => clearTimeout(timer))
    .catch(async (error: unknown) => {
      child.kill('SIGKILL')
      if (child.pid !== undefined) await ended
      throw error
    })
  const readyMs = performance.now() - began
  return {
    pid: child.pid ?? 0,
    readyMs,
    isGone: () => child.exitCode !== null || child.signalCode !== null,
    lines,
    loopDelay: () => {
      child.kill('SIGUSR2')
      return delay.promise
    },
    stop: async () => {
      child.kill('SIGTERM')
      const patience = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(patience)
    },
  }
}
