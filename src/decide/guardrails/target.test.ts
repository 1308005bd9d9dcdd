import { expect, test } from 'vitest'
import { action, nodePolicy, nodes } from '../testing-nodes.ts'
import { breakerOf, breakerState, nodeLimit } from './target.ts'

test.each([
  ['30%', 3, 1],
  ['30%', 4, 2],
  ['1%', 0, 1],
  ['100%', 7, 7],
  ['2', 50, 2],
  ['50%', 5, 3],
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
  expect(breakerState([nodePolicy({ actions: [action('FlagNode')] })], all, [])).toBe(0)
  expect(breakerState([nodePolicy()], all, [])).toBe(0)
  expect(breakerState([nodePolicy()], nodes(3, { 1: down, 2: down }), [])).toBe(1)
})
