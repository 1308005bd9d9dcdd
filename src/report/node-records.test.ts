import { describe, expect, test } from 'vitest'
import { remediationStatus } from '../api/remediation.ts'
import type { Plan } from '../model/plan.ts'
import type { FlagNodePlan } from '../remedies/flag-node/plan.ts'
import type { InstallMountHelperPlan } from '../remedies/install-mount-helper/plan.ts'
import type { RecycleSandboxPlan } from '../remedies/recycle-sandbox/plan.ts'
import type { RestartRuntimePlan } from '../remedies/restart-runtime/plan.ts'
import { eventsOf } from './events.ts'
import { aDiagnosis, aHold, anAct, aRecord, aVerification, DONE, type Happening, happens, lived } from './testing.ts'

const NODE = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'node-1' }
const base = {
  index: 0,
  hash: 'hash-1',
  diff: '@@ node/n1 @@',
  timeoutMs: 60_000,
  target: NODE,
  pods: [{ namespace: 'web', name: 'ingress-a', uid: 'pod-a' }],
}
const order = (name: string) => ({ name, spec: { nodeName: 'n1', nodeUid: 'node-1', verb: 'RestartRuntime' as const } })
const PLANS: {
  readonly RecycleSandbox: RecycleSandboxPlan
  readonly RestartRuntime: RestartRuntimePlan
  readonly FlagNode: FlagNodePlan
  readonly InstallMountHelper: InstallMountHelperPlan
} = {
  RecycleSandbox: { ...base, type: 'RecycleSandbox', tasks: [order('r-0')] },
  RestartRuntime: {
    ...base,
    type: 'RestartRuntime',
    runtime: 'docker',
    reason: 'ChainMissing',
    touches: 'docker runs no pods here',
    tasks: [order('r-0')],
  },
  FlagNode: {
    ...base,
    type: 'FlagNode',
    cause: 'MountHelperMissing',
    detail: 'nfs',
    reason: 'NFSHelperMissing',
    message: 'install nfs-common',
    taint: false,
  },
  InstallMountHelper: {
    ...base,
    type: 'InstallMountHelper',
    fsType: 'nfs',
    packageName: 'nfs-common',
    podName: 'install-1',
  },
}

const diagnosis = aDiagnosis({
  cause: 'IptablesChainMissing',
  evidence: [{ fact: 'Agent', message: 'chain DOCKER is missing from filter' }],
})
const intended = (plan: Plan) => lived({ kind: 'Intended', verdict: anAct({ plan, diagnosis }) })
const recordOf = (status: ReturnType<typeof intended>) => {
  const record = aRecord(status, { namespace: 'podmend-system', name: 'n1-iptableschainmissing-1' })
  return { ...record, spec: { ...record.spec, cause: 'IptablesChainMissing', target: NODE } }
}
const told = (before: ReturnType<typeof intended>, change: Happening) =>
  eventsOf(before, recordOf(happens(before, change))).map(({ regarding, reason, message }) => [
    regarding.kind,
    reason,
    message,
  ])

describe('a step on a node', () => {
  test.each<[keyof typeof PLANS, object]>([
    ['RecycleSandbox', { tasks: ['r-0'] }],
    [
      'RestartRuntime',
      { tasks: ['r-0'], runtime: 'docker', reason: 'ChainMissing', touches: 'docker runs no pods here' },
    ],
    ['FlagNode', { tasks: [], detail: 'nfs', message: 'install nfs-common' }],
    ['InstallMountHelper', { tasks: ['install-1'], detail: 'nfs' }],
  ])('%s records what a later look needs, in the shape of the CRD', (type, node) => {
    const status = intended(PLANS[type])
    expect(status.steps?.[0]).toMatchObject({
      action: type,
      target: NODE,
      pods: [{ name: 'ingress-a', uid: 'pod-a', namespace: 'web' }],
      node,
    })
    expect(remediationStatus.parse(status)).toEqual(status)
  })

  test.each<[keyof typeof PLANS, string, string]>([
    [
      'RecycleSandbox',
      'NodeTaskCreated',
      'Asked the agent on Node n1 to recycle the sandboxes of pod web/ingress-a because of IptablesChainMissing (chain DOCKER is missing from filter)',
    ],
    [
      'RestartRuntime',
      'NodeTaskCreated',
      'Asked the agent on Node n1 to restart docker (docker runs no pods here) because of IptablesChainMissing (chain DOCKER is missing from filter)',
    ],
    [
      'FlagNode',
      'NodeFlagged',
      'Flagged Node n1 (install nfs-common) because of IptablesChainMissing (chain DOCKER is missing from filter)',
    ],
    [
      'InstallMountHelper',
      'HelperInstalling',
      'Created a pod on Node n1 to install mount.nfs because of IptablesChainMissing (chain DOCKER is missing from filter)',
    ],
  ])('%s is told on the node and its policy', (type, reason, message) => {
    expect(told(intended(PLANS[type]), { kind: 'Acted', outcome: DONE })).toEqual([
      ['Node', reason, message],
      ['RemediationPolicy', reason, message],
    ])
  })

  test('says what is waited for', () => {
    const acted = happens(intended(PLANS.RestartRuntime), { kind: 'Acted', outcome: DONE })
    expect(acted).toMatchObject({
      phase: 'Verifying',
      message: expect.stringContaining('waiting for the agent to execute it'),
    })
  })

  test('that is held says what it would do', () => {
    const verdict = aHold('TooManyUnhealthy', { plan: PLANS.RestartRuntime, diagnosis })
    expect(told({}, { kind: 'Held', verdict })[0]?.[2]).toContain('. Planned: restart docker (docker runs no pods here')
  })
})

test('a flag that is the last step ends the record well, and is not told a second time', () => {
  const flagged = happens(intended(PLANS.FlagNode), { kind: 'Acted', outcome: DONE })
  const verification: Happening = { kind: 'Verified', verdict: aVerification('Succeeded', 'Flagged') }
  expect(happens(flagged, verification)).toMatchObject({ phase: 'Succeeded', reason: 'Flagged' })
  expect(told(flagged, verification)).toEqual([])
})
