/** Plays scenarios, side by side where they may, and tells how it goes. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from './environment.ts'
import { keepEvidence } from './evidence.ts'
import { makeFixture } from './fixture.ts'
import type { Scenario } from './scenario.ts'

export interface Result {
  readonly scenario: Scenario
  /** Absent when it passed. */
  readonly error?: unknown
  readonly seconds: number
  readonly notes: readonly string[]
}

export interface RunOptions {
  readonly environment: Environment
  readonly scenarios: readonly Scenario[]
  /** How many at once. */
  readonly lanes: number
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

const TIMEOUT_MS = 180_000
const LOOK_MS = 100

/** Those that wait for each other first, then those that may take long: else all would wait for them at the end. */
const longestFirst = (scenarios: readonly Scenario[]): Scenario[] =>
  scenarios.toSorted(
    (a, b) =>
      Number(b.lane !== undefined) - Number(a.lane !== undefined) ||
      (b.timeoutMs ?? TIMEOUT_MS) - (a.timeoutMs ?? TIMEOUT_MS),
  )

const runScenario = async (
  scenario: Scenario,
  { environment, signal, say }: RunOptions,
  evidence: () => string,
): Promise<Result> => {
  const began = Date.now()
  const { name } = scenario
  const late = AbortSignal.timeout(scenario.timeoutMs ?? TIMEOUT_MS)
  const ending = AbortSignal.any([late, signal])
  const ended = new Promise<never>((_, reject) => {
    ending.addEventListener('abort', () => {
      const why = signal.aborted
        ? 'interrupted'
        : `did not finish within ${(scenario.timeoutMs ?? TIMEOUT_MS) / 1000} s`
      reject(new Error(why))
    })
  })
  ended.catch(() => {})
  say(`${name}: ${scenario.title}`)
  const { fixture, notes, close } = await makeFixture(environment, scenario, {
    signal: ending,
    say: (text) => say(`${name}: ${text}`),
  })
  const result = await Promise.race([scenario.run(fixture), ended]).then(
    () => ({}),
    (error: unknown) => ({ error }),
  )
  const seconds = (Date.now() - began) / 1000
  const failed = 'error' in result
  if (failed && !signal.aborted) {
    const message = result.error instanceof Error ? result.error.message : String(result.error)
    say(`${name}: FAILED after ${seconds.toFixed(1)} s: ${message}`)
    await keepEvidence(environment, evidence(), name, result.error)
  } else if (!failed)
    say(`${name}: passed in ${seconds.toFixed(1)} s${notes.length > 0 ? `: ${notes.join('; ')}` : ''}`)
  await close({ remove: !failed || signal.aborted }).catch((cause: unknown) =>
    say(`${name}: cleaning up: ${String(cause)}`),
  )
  return { scenario, seconds, notes, ...result }
}

export interface Run {
  /** In the order in which they ended. */
  readonly results: readonly Result[]
  /** Where logs, Events and objects of failures are; absent when all passed. */
  readonly evidence?: string
}

/** Runs all of them; those that disturb others run last, one at a time. */
export const runScenarios = async (options: RunOptions): Promise<Run> => {
  const results: Result[] = []
  let folder: string | undefined
  const evidence = (): string => {
    folder ??= mkdtempSync(join(tmpdir(), 'podmend-e2e-failed-'))
    return folder
  }
  const runAll = async (scenarios: readonly Scenario[], lanes: number): Promise<void> => {
    const queue = [...scenarios]
    const busy = new Set<string>()
    /** The next scenario whose lane is free; undefined when none is left. */
    const free = async (): Promise<Scenario | undefined> => {
      for (;;) {
        if (options.signal.aborted) return undefined
        const at = queue.findIndex(({ lane }) => lane === undefined || !busy.has(lane))
        if (at >= 0 || queue.length === 0) {
          const [taken] = queue.splice(at, 1)
          if (taken?.lane !== undefined) busy.add(taken.lane)
          return taken
        }
        await sleep(LOOK_MS)
      }
    }
    const lane = async (): Promise<void> => {
      for (let next = await free(); next; next = await free()) {
        results.push(
          await runScenario(next, options, evidence).catch((error: unknown) => ({
            scenario: next as Scenario,
            error,
            seconds: 0,
            notes: [],
          })),
        )
        if (next.lane !== undefined) busy.delete(next.lane)
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
  }
  const { lanes, environment, say } = options
  const scenarios = options.scenarios.filter(({ breaks }) => environment.cluster.breakable || breaks !== true)
  for (const { name } of options.scenarios.filter((each) => !scenarios.includes(each))) {
    say(`${name}: skipped: these nodes have no Docker`)
  }
  await runAll(longestFirst(scenarios.filter(({ alone }) => alone !== true)), lanes)
  await runAll(
    scenarios.filter(({ alone }) => alone === true),
    1,
  )
  return { results, ...(folder !== undefined && { evidence: folder }) }
}

/** A line a scenario: outcome, seconds, name, notes or the failure's first line. */
export const tableOf = (results: readonly Result[]): string => {
  const width = Math.max(...results.map(({ scenario }) => scenario.name.length), 8)
  return results
    .map(({ scenario, error, seconds, notes }) => {
      const failed = error !== undefined
      const said = error instanceof Error ? error.message : String(error)
      const text = failed ? said.split('\n')[0] : notes.join('; ')
      return `${failed ? 'FAILED' : 'passed'} ${seconds.toFixed(1).padStart(7)} s  ${scenario.name.padEnd(width)}  ${text}`
    })
    .join('\n')
}
