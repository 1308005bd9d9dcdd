import { describe, expect, test } from 'vitest'
import type { NodeTask } from '../../api/kinds.ts'
import { checkDaemonSet, checkNodeTaskKind, checkOverdueTasks, type DaemonSet } from './agents.ts'
import type { Check } from './check.ts'

const meta = { name: 'podmend-agent', uid: 'u', resourceVersion: '1', generation: 2 }

describe('the DaemonSet', () => {
  test.each<readonly [string, DaemonSet['status'], Check['state'], RegExp]>([
    ['that no controller has looked at', undefined, 'warn', /not rolled out yet/],
    [
      'that was changed since',
      { observedGeneration: 1, desiredNumberScheduled: 3, numberReady: 3 },
      'warn',
      /not rolled out yet/,
    ],
    ['of no node', { observedGeneration: 2 }, 'warn', /nodeSelector matches no node/],
    ['all ready', { observedGeneration: 2, desiredNumberScheduled: 3, numberReady: 3 }, 'ok', /^3 of 3 ready$/],
    ['without its last', { observedGeneration: 2, desiredNumberScheduled: 3, numberReady: 2 }, 'warn', /^2 of 3 ready/],
  ])('%s', (_, status, state, message) => {
    const check = checkDaemonSet({ metadata: meta, ...(status && { status }) }, 'ops')
    expect(check).toMatchObject({ state, message: expect.stringMatching(message) })
    expect(check.todo?.startsWith('kubectl -n ops ') ?? 'none').toBe(state === 'ok' ? 'none' : true)
  })
})

test('an admission policy that lets pass what it cannot check is a warning', () => {
  const policyName = 'podmend-node-task'
  const binding = { metadata: meta, spec: { policyName, validationActions: ['Deny'] } }
  const evaluated = (failurePolicy: string) =>
    checkNodeTaskKind(true, { policy: { metadata: meta, spec: { failurePolicy } }, binding }).state
  expect([evaluated('Fail'), evaluated('Ignore')]).toEqual(['ok', 'warn'])
})

describe('an order without an answer', () => {
  const deadline = '2030-01-01T00:00:00Z'
  const task = (of = deadline): NodeTask => ({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'NodeTask',
    metadata: meta,
    spec: { nodeName: 'a', nodeUid: 'u', verb: 'Inspect', deadline: of },
  })
  test.each<readonly [string, number, string, Check['state']]>([
    ['before its deadline', -1_000, deadline, 'ok'],
    ['whose answer may still be written', 30_000, deadline, 'ok'],
    ['long after its deadline', 30_001, deadline, 'warn'],
    ['whose deadline cannot be read', 30_001, 'soon', 'ok'],
  ])('%s', (_, afterMs, of, state) => {
    expect(checkOverdueTasks([task(of)], 'ops', Date.parse(deadline) + afterMs).state).toBe(state)
  })
})
