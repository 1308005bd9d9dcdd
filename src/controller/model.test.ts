/**
 * A model of incidents, policies, attempts, people and time against the decision and the record: whatever happens in which
 * order, what is written is allowed by the rules of docs/guardrails.md and docs/policy-reference.md at that moment, and what
 * is unknown holds. The rules are in testing-rules.ts, in words of their own.
 *
 * Bounded; MODEL_RUNS=N tries N times as many. A failure prints the line that plays it again.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { commands, setPolicy, spec } from './testing-steps.ts'
import { newWorld } from './testing-world.ts'

const RUNS = 150 * Number(process.env['MODEL_RUNS'] ?? 1)
const [seed, path, replayPath] = (process.env['MODEL_REPLAY'] ?? '').split(' ')

test('What is written is allowed by the policies, people and facts of that moment, and what is unknown holds', () => {
  const anyOrder = fc.commands(commands, {
    maxCommands: 60,
    size: 'max',
    ...(replayPath && { replayPath }),
  })
  let acts = 0
  const property = fc.property(fc.tuple(spec, spec), anyOrder, (first, run) => {
    const world = newWorld()
    first.forEach((one, i) => setPolicy(world, i === 0 ? 'a' : 'b', one))
    fc.modelRun(() => ({ model: {}, real: world }), run)
    acts += world.begun.length
  })
  const details = fc.check(property, { numRuns: RUNS, ...(seed && { seed: Number(seed), path, endOnFailure: true }) })
  if (details.failed) {
    const { counterexample, counterexamplePath, errorInstance } = details
    const happened = fc.stringify(counterexample)
    const [, where = ''] = /replayPath="([^"]*)"/.exec(happened) ?? []
    const again = `MODEL_REPLAY='${details.seed} ${counterexamplePath} ${where}' npm test -- src/controller/model.test.ts`
    throw new Error(`to play it again: ${again}\n${happened}`, { cause: errorInstance })
  }
  expect(acts).toBeGreaterThan(seed ? 0 : RUNS / 4)
}, 600_000)
