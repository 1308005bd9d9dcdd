import { describe, expect, test } from 'vitest'
import type { DecisionInput } from '../../model/decision-input.ts'
import { unknown } from '../../model/incident.ts'
import type { Plan } from '../../model/plan.ts'
import { noPlan } from '../../remedies/remedy.ts'
import { action, aNodeCase, NODE, type NodeInputOverrides, nodePolicy, nodes } from '../testing-nodes.ts'
import { aCase, aFailingPod, aFinding, anOwner, aRecord, aStep, type InputOverrides, NOW, PATCHED } from '../testing.ts'
import {
  breakerOf,
  breakerState,
  controlPlaneNode,
  cordoned,
  editReverted,
  leased,
  nodeLimit,
  rolloutBlocked,
  templateDiffers,
  tooManyUnhealthy,
} from './target.ts'
import { contextOf } from './testing-context.ts'

test.each([
  ['30%', 3, 1],
  ['30%', 4, 2],
  ['1%', 0, 1],
  ['100%', 7, 7],
  ['2', 50, 2],
  ['50%', 5, 3],
  ['100%', 150, 150],
])('%s of %i nodes are %i', (limit, total, expected) => {
  expect(nodeLimit(limit, total)).toBe(expected)
})

const down = { ready: false }
const state = (all: ReturnType<typeof nodes>, underRepair: readonly string[], limit = '30%') =>
  breakerState([nodePolicy({ limits: { maxUnhealthyNodes: limit } })], all, underRepair)

test('it is closed while few are unhealthy, half open while nothing is repaired of too many, open while something is', () => {
  expect(state(nodes(10, { 1: down, 2: down, 3: down }), ['node-1'])).toBe(0)
  expect(state(nodes(10, { 1: down, 2: down, 3: down, 4: down }), [])).toBe(1)
  expect(state(nodes(10, { 1: down, 2: down, 3: down, 4: down }), ['node-1'])).toBe(2)
  // One that is under repair counts whether or not it says that it is Ready.
  expect(state(nodes(3, { 1: down }), ['node-2'])).toBe(2)
})

test('repairs of nodes that the policy cannot match do not count', () => {
  const ofPool = { labels: { pool: 'a' } }
  const all = nodes(5, { 1: down, 3: ofPool, 4: ofPool, 5: { ...ofPool, ...down } })
  const policy = nodePolicy({
    match: { nodeSelector: { matchLabels: { pool: 'a' } } },
    limits: { maxUnhealthyNodes: '2' },
  })
  const stateOf = (about: string, ...underRepair: string[]) =>
    breakerOf({ policy, nodes: all, underRepair, about }).state
  // Of the three nodes of the pool one is down, and the one to repair counts too.
  expect(stateOf('node-3', 'node-1', 'node-2')).toBe('Closed')
  expect(stateOf('node-3', 'node-4')).toBe('Open')
  const strict = nodePolicy({ match: policy.spec.match, limits: { maxUnhealthyNodes: '1' } })
  expect(breakerOf({ policy: strict, nodes: all, underRepair: ['node-1'], about: 'node-3' }).state).toBe('HalfOpen')
})

test('only nodes that the policy can match count, and only policies that repair nodes', () => {
  const all = nodes(4, { 1: down, 2: down, 3: { labels: { pool: 'a' } }, 4: { labels: { pool: 'a' } } })
  const policy = nodePolicy({ match: { nodeSelector: { matchLabels: { pool: 'a' } } } })
  expect(breakerOf({ policy, nodes: all, underRepair: [] })).toMatchObject({ state: 'Closed' })
  const storm = nodes(3, { 1: down, 2: down })
  expect(breakerState([nodePolicy({ actions: [action('FlagNode')] })], storm, [])).toBe(0)
  expect(breakerState([nodePolicy({ actions: [action('RestartRuntime'), action('FlagNode')] })], storm, [])).toBe(1)
  expect(breakerState([nodePolicy()], all, [])).toBe(0)
  expect(breakerState([nodePolicy()], storm, [])).toBe(1)
})

test('a node that is only flagged is healthy to a repair, and out of service to another taint', () => {
  const all = nodes(3, { 2: { labels: { 'flag.podmend.io/disk': 'true' } } })
  const storm = { policy: nodePolicy(), nodes: all, underRepair: [], about: 'node-1' }
  expect(breakerOf(storm).state).toBe('Closed')
  expect(breakerOf({ ...storm, countFlagged: true }).state).toBe('HalfOpen')
})

describe('a person’s revert', () => {
  const record = aRecord({ phase: 'Succeeded', steps: [aStep({ state: 'Succeeded' })] })
  const held = (words: InputOverrides) => editReverted(contextOf(aCase({ records: [record], ...words })))

  test('is not seen while the template has what was written, though pods of before still fail', () => {
    expect(held({ owner: anOwner({ containers: [{ name: 'coredns', image: PATCHED }] }) })).toBeUndefined()
    expect(held({ owner: anOwner({ containers: [] }) })).toBeUndefined()
  })

  test('is seen on one pod, whatever else fails beside it', () => {
    const other = aFailingPod({ name: 'b', findings: [aFinding({ container: 'proxy' })] })
    expect(held({ pods: [other, aFailingPod()] })).toMatchObject({ reason: 'EditReverted' })
  })
})

test('a template that differs is looked at again soon', () => {
  const context = contextOf(aCase(), { noPlan: noPlan('TemplateDiffers', 'it differs', false) })
  expect(templateDiffers(context)).toEqual({
    reason: 'TemplateDiffers',
    message: 'it differs',
    requeueAt: NOW + 30_000,
  })
})

describe('a restart of a node’s runtime', () => {
  const plan: Plan = { type: 'RestartRuntime', index: 0, timeoutMs: 1, target: NODE, diff: '', hash: '' }
  const restarting = (words: NodeInputOverrides, without: Partial<DecisionInput> = {}) =>
    contextOf({ ...aNodeCase(words), ...without }, { plan })
  const unread = { facts: { node: undefined } }

  test('waits while the nodes are unknown, and is looked at again soon', () => {
    expect(tooManyUnhealthy(restarting({}, { nodes: unknown('403') }))).toEqual({
      reason: 'TooManyUnhealthy',
      message: 'the number of unhealthy nodes is unknown: 403',
      requeueAt: NOW + 30_000,
    })
  })

  test('waits for the repair of another node, which may be over in seconds', () => {
    const storm = restarting({ nodes: nodes(3, { 2: down }) }, { nodesUnderRepair: ['node-2'] })
    expect(tooManyUnhealthy(storm)).toMatchObject({ reason: 'TooManyUnhealthy', requeueAt: NOW + 5_000 })
  })

  test('waits on a node of the control plane until a person changes the policy', () => {
    expect(controlPlaneNode(restarting({ node: { controlPlane: true } }))).toEqual({
      reason: 'ControlPlaneNode',
      message: 'node n1 runs the control plane; policy nodes has controlPlaneNodes: Hold',
      requeueAt: NOW + 5 * 60_000,
    })
  })

  test.each([
    ['could not be read', { facts: { node: unknown('403') } }, '403'],
    ['was not read', unread, 'not read'],
  ])('waits where the node %s, which may change soon', (_, words, why) => {
    expect(controlPlaneNode(restarting(words))).toEqual({
      reason: 'ControlPlaneNode',
      message: `whether the node runs the control plane is unknown: ${why}`,
      requeueAt: NOW + 30_000,
    })
  })

  test('waits where the lease of the node is unknown, and is looked at again soon', () => {
    const lease = leased(restarting({ node: { lease: unknown('403') } }))
    expect(lease).toEqual({
      says: 'whether another remediator is working on node n1 is unknown: 403',
      until: NOW + 30_000,
    })
  })

  test('is left to the other guardrails where the node was not read', () => {
    expect([cordoned(restarting(unread)), leased(restarting(unread)), rolloutBlocked(restarting(unread))]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

test('a recycled sandbox needs a node that is Ready, as far as it was read', () => {
  const plan: Plan = { type: 'RecycleSandbox', index: 0, timeoutMs: 1, target: NODE, diff: '', hash: '' }
  const held = (words: NodeInputOverrides) => rolloutBlocked(contextOf(aNodeCase(words), { plan }))
  expect(held({ node: { ready: false } })).toMatchObject({
    reason: 'RolloutBlocked',
    message: 'node n1 is not Ready: only a restart of its runtime could reach it',
    requeueAt: NOW + 30_000,
  })
  expect(held({ facts: { node: undefined } })).toBeUndefined()
})
