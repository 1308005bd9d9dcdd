import { describe, expect, test } from 'vitest'
import type { NodeTask, RemediationPolicy } from '../../api/kinds.ts'
import { checkChainSettings, checkDaemonSet, checkNodeTaskKind, checkOverdueTasks, type DaemonSet } from './agents.ts'
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

describe('the settings that a missing chain depends on', () => {
  const agentWith = (...args: readonly string[]): DaemonSet => ({
    metadata: meta,
    spec: { template: { spec: { containers: [{ args }] } } },
  })
  const policy = (mode: string, cause: string): RemediationPolicy =>
    ({
      metadata: { name: 'chains' },
      spec: { mode, match: { causes: [cause] }, actions: [{ type: 'RestartRuntime' }] },
    }) as unknown as RemediationPolicy
  const acting = [policy('Enforce', 'IptablesChainMissing')]
  const all = ['--chains', '--docker-config=/host/docker/daemon.json', '--system-bus=/host/bus']

  test('are named with the value of the chart where they are off', () => {
    expect(checkChainSettings(agentWith('--chains', '--system-bus=/host/bus'), acting)).toEqual({
      check: 'node agent settings',
      state: 'warn',
      message:
        'policy chains acts on IptablesChainMissing, and the agents run without --docker-config: whether a chain is missing stays unknown',
      todo: 'set agent.docker.enabled=true in the chart (docs/node-agent.md)',
    })
    expect(checkChainSettings({ metadata: meta }, acting)?.todo).toContain('agent.chains.enabled=true, agent.docker')
  })

  test('are in order where all are on, and do not matter to policies that do not act on it', () => {
    expect(checkChainSettings(agentWith(...all), acting)).toMatchObject({ state: 'ok' })
    for (const other of [policy('Observe', 'IptablesChainMissing'), policy('Enforce', 'SandboxStale')])
      expect(checkChainSettings(agentWith(), [other])).toBeUndefined()
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
