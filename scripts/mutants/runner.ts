/**
 * Runs in vitest's worker, in place of its runner. Each test runs once as it is; then again for each mutant that it reached,
 * with that mutant on, until one run fails: a mutant costs no process and no import. See `Order` and `Event`.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunnerTestCase, TestRunner } from 'vitest'
import { type Event, EVENTS_FILE, FOLDER, type Order, ORDER_FILE, PROBE } from './protocol.ts'

/** A test may be repeated for so long. Most take milliseconds; one that takes seconds would add an hour. */
const MOST_SECONDS = 15

const folder = process.env[FOLDER] ?? ''
const order = JSON.parse(readFileSync(join(folder, ORDER_FILE), 'utf8')) as Order
const emit = (event: Event): void => appendFileSync(join(folder, EVENTS_FILE), `${JSON.stringify(event)}\n`)

/** Still alive; empty where one mutant is on from the start. */
const live = new Set(order.mode === 'Each' ? order.live : [])
const outside = new Set<number>()
const inTests = new Set<number>()

let on = order.mode === 'One' ? order.mutant : 0
let reached = outside
let calls = 0
let maxCalls = order.mode === 'One' ? order.maxCalls : Number.POSITIVE_INFINITY
let allCalls = 0

Object.defineProperty(globalThis, PROBE, {
  value: (mutant: number): boolean => {
    calls += 1
    if (calls > maxCalls) throw new Error(`mutant ${on} does not come to an end`)
    if (on === 0) reached.add(mutant)
    return mutant === on
  },
})

emit({ kind: 'Started', pid: process.pid })

const nameOf = (test: RunnerTestCase): string => `${test.file.name} > ${test.name}`

const mayRepeat = (test: string): boolean => order.mode !== 'Each' || (order.tests?.includes(test) ?? true)

// oxlint-disable-next-line import/no-default-export -- vitest takes it from there.
export default class MutantRunner extends TestRunner {
  async runTask(test: RunnerTestCase): Promise<void> {
    const run = TestRunner.getTestFn(test)
    if (order.mode === 'One') return run()
    allCalls += calls
    calls = 0
    const mine = new Set<number>()
    reached = mine
    const began = performance.now()
    try {
      await run()
    } finally {
      reached = outside
    }
    const took = (performance.now() - began) / 1_000
    const ownCalls = calls
    allCalls += calls
    calls = 0
    for (const mutant of mine) inTests.add(mutant)
    const open = [...mine].filter((mutant) => live.has(mutant))
    const seconds = took * open.length
    if (!mayRepeat(nameOf(test))) return
    if (seconds > MOST_SECONDS) emit({ kind: 'Costly', test: nameOf(test), seconds })
    else await this.#tryEach(test, run, open, ownCalls * 100 + 10_000)
  }

  /** A kill counts only if the test passes again without the mutant: else the leftovers of an earlier run may be what fails. */
  async #tryEach(test: RunnerTestCase, run: () => unknown, open: readonly number[], most: number): Promise<void> {
    for (const mutant of open) {
      emit({ kind: 'Trying', mutant })
      on = mutant
      maxCalls = most
      const passed = await this.#passes(test, run)
      on = 0
      maxCalls = Number.POSITIVE_INFINITY
      if (passed) emit({ kind: 'Survived' })
      else if (await this.#passes(test, run)) {
        live.delete(mutant)
        emit({ kind: 'Killed', mutant, test: nameOf(test) })
      } else {
        emit({ kind: 'Once', test: nameOf(test), mutants: open })
        return
      }
    }
  }

  async #passes(test: RunnerTestCase, run: () => unknown): Promise<boolean> {
    reached = new Set()
    this.onBeforeTryTask(test)
    try {
      await run()
      this.onAfterTryTask(test)
      return test.result?.state !== 'fail'
    } catch {
      return false
    } finally {
      calls = 0
      reached = outside
      // What `expect.soft` leaves.
      if (test.result) {
        test.result.state = 'run'
        delete test.result.errors
      }
    }
  }

  override onAfterRunFiles(): void {
    super.onAfterRunFiles()
    emit({ kind: 'Ended', inTests: [...inTests], outside: [...outside], calls: allCalls + calls })
  }
}
