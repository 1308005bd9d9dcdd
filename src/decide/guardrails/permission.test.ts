import { describe, expect, test } from 'vitest'
import { incidentId, known, type NodeFacts, unknown } from '../../model/incident.ts'
import type { Plan } from '../../model/plan.ts'
import { noPlan } from '../../remedies/remedy.ts'
import { aNodeCase, aWaitingPod, type NodeInputOverrides, NODE } from '../testing-nodes.ts'
import { aCase, anAttempt, aNamespace, aPolicy, NOW } from '../testing.ts'
import {
  alreadyRecovered,
  attemptsSpent,
  budgetSpent,
  coolingDown,
  inFlight,
  notFailingLongEnough,
  optedOut,
  windowFrees,
} from './permission.ts'
import { contextOf } from './testing-context.ts'

const MIN = 60_000
const HOUR = 60 * MIN

const planOf = (type: Plan['type'], index: number): Plan => ({
  type,
  index,
  timeoutMs: MIN,
  target: NODE,
  diff: '',
  hash: 'hash',
})

describe('an opt-out around a node', () => {
  const held = (words: NodeInputOverrides) => optedOut(contextOf(aNodeCase(words)))

  test('that a plan met is told, and looked at again when a person may have changed it', () => {
    const context = contextOf(aNodeCase(), { noPlan: noPlan('OptedOut', 'pod web/db is excluded', false) })
    expect(optedOut(context)).toEqual({
      reason: 'OptedOut',
      message: 'pod web/db is excluded',
      requeueAt: NOW + 5 * MIN,
    })
  })

  test('of the node itself is looked at again when a person may have changed it', () => {
    expect(held({ node: { labels: { 'podmend.io/exclude': 'true' } } })).toEqual({
      reason: 'OptedOut',
      message: 'node n1 is excluded by podmend.io/exclude',
      requeueAt: NOW + 5 * MIN,
    })
  })

  test('that cannot be read holds, and is looked at again soon', () => {
    expect(held({ facts: { node: unknown('403') } })).toEqual({
      reason: 'FactUnknown',
      message: 'whether anything opted out is unknown: node n1: 403',
      requeueAt: NOW + 30_000,
    })
  })

  test('that was not read yet is asked for', () => {
    expect(held({ facts: { namespaces: undefined } })).toEqual({ ask: [{ fact: 'namespaces' }] })
    expect(held({ facts: { node: undefined } })).toEqual({ ask: [{ fact: 'node' }] })
  })

  test('of one pod’s namespace does not speak for the others', () => {
    const pods = [aWaitingPod(), aWaitingPod({ name: 'b', namespace: 'shop' })]
    const shop = aNamespace({ name: 'shop', annotations: { 'podmend.io/exclude': 'true' } })
    const namespaces = { web: known(aNamespace({ name: 'web' })), shop: known(shop) }
    expect(held({ pods, facts: { namespaces } })).toBeUndefined()
    expect(held({ pods: pods.slice(1), facts: { namespaces } })).toMatchObject({ reason: 'OptedOut' })
  })
})

test('an opt-out of a workload that cannot be read is looked at again soon', () => {
  expect(optedOut(contextOf(aCase({ facts: { namespace: unknown('403') } })))).toMatchObject({
    reason: 'FactUnknown',
    requeueAt: NOW + 30_000,
  })
})

describe('what does not fail', () => {
  const recovered = contextOf(aCase({ pods: [] }))

  test('need not fail for longer', () => {
    expect(notFailingLongEnough(recovered)).toBeUndefined()
  })

  test('has recovered, which is not said of pods that are being deleted', () => {
    expect(alreadyRecovered(recovered)).toEqual({
      reason: 'AlreadyRecovered',
      message: 'no pod of Deployment kube-system/coredns is failing',
      requeueAt: NOW + 30_000,
    })
  })
})

describe('another’s work on the node', () => {
  const restart = planOf('RestartRuntime', 0)
  const held = (node: Partial<NodeFacts>) => inFlight(contextOf(aNodeCase({ node }), { plan: restart }))
  const lease = (ms: number) => ({ lease: known({ holder: 'medik8s', until: NOW + ms }) })

  test('holds while the node is cordoned, and is looked at again soon', () => {
    expect(held({ unschedulable: true })).toMatchObject({ reason: 'InFlight', requeueAt: NOW + 30_000 })
  })

  test('holds until the lease ends, and is looked at again before that', () => {
    expect(held(lease(10_000))).toMatchObject({ reason: 'InFlight', requeueAt: NOW + 10_000 })
    expect(held(lease(HOUR))).toMatchObject({ reason: 'InFlight', requeueAt: NOW + 30_000 })
  })
})

describe('the cooldown', () => {
  const held = (type: Plan['type'], index: number) => {
    const c = aNodeCase()
    const attempts = [anAttempt(-MIN, { incident: incidentId(NODE, c.incident.area) })]
    return coolingDown(contextOf({ ...c, attempts }, { plan: planOf(type, index) }))
  }

  test('holds a remedy, as the first action and as a later one', () => {
    expect(held('RestartRuntime', 0)).toMatchObject({ reason: 'CoolingDown', requeueAt: NOW + 9 * MIN })
    expect(held('RestartRuntime', 1)).toMatchObject({ reason: 'CoolingDown' })
  })

  test('holds a flag as the first action, and not one that tells that the actions before it are used up', () => {
    expect(held('FlagNode', 0)).toMatchObject({ reason: 'CoolingDown' })
    expect(held('FlagNode', 1)).toBeUndefined()
    expect(held('FlagNode', 2)).toBeUndefined()
  })
})

describe('budgets', () => {
  test('attempts that a plan finds spent are looked at again soon', () => {
    const context = contextOf(aCase(), { noPlan: noPlan('AttemptsSpent', 'the plan failed three times', false) })
    expect(attemptsSpent(context)).toEqual({
      reason: 'AttemptsSpent',
      message: 'the plan failed three times',
      requeueAt: NOW + 30_000,
    })
  })

  test('the window frees when the oldest that counts leaves it, in whatever order they are known', () => {
    const attempts = [-10, -50, -30].map((minutes) => anAttempt(minutes * MIN))
    expect(windowFrees(attempts, 3, HOUR, NOW)).toBe(NOW + 10 * MIN)
    expect(windowFrees(attempts, 2, HOUR, NOW)).toBe(NOW + 30 * MIN)
    expect(windowFrees(attempts, 1, HOUR, NOW)).toBe(NOW + 50 * MIN)
    expect(windowFrees(attempts, 4, HOUR, NOW)).toBeUndefined()
  })

  test('a window that allows nothing is looked at when its last attempt leaves it', () => {
    expect(windowFrees([anAttempt(-50 * MIN), anAttempt(-20 * MIN)], 0, HOUR, NOW)).toBe(NOW + 40 * MIN)
    expect(windowFrees([], 0, HOUR, NOW)).toBe(NOW + HOUR)
  })

  test('a policy that allows none at once holds while none is in progress', () => {
    const c = aCase({ policies: [aPolicy({ limits: { maxConcurrent: 0 } })], active: {} })
    expect(budgetSpent(contextOf(c))).toMatchObject({ reason: 'BudgetSpent' })
  })
})
