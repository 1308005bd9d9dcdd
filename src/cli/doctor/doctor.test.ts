import { describe, expect, test } from 'vitest'
import { customResourceDefinitions, type RemediationPolicy } from '../../api/kinds.ts'
import { policySpec } from '../../api/policy/policy.ts'
import type { Lease } from '../../kube/leader-election.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import { createPaint } from '../terminal.ts'
import { checkApprovals, checkRecords } from './admission.ts'
import { type Check, formatChecks } from './check.ts'
import {
  checkCrd,
  checkExcludes,
  checkLease,
  checkPause,
  checkPolicies,
  checkVersion,
  type FoundCrd,
} from './installation.ts'
import { checkRole, rolesIn } from './rights.ts'

type Expected = readonly [Check['state'], RegExp]

const expectCheck = ({ state, message, todo }: Check, [wanted, words]: Expected): void => {
  expect(message).toMatch(words)
  expect(state).toBe(wanted)
  // A check that is not ok always says what to do.
  expect(todo === undefined).toBe(state === 'ok')
}

const meta = (name: string, more = {}) => ({ name, uid: `uid-${name}`, resourceVersion: '1', generation: 2, ...more })

describe('the API server', () => {
  test.each<readonly [string, string, string, Expected]>([
    ['1', '32', 'v1.32.0', ['ok', /^Kubernetes v1\.32\.0$/]],
    ['1', '36+', 'v1.36.3-eks', ['ok', /v1\.36/]],
    ['2', '0', 'v2.0.0', ['ok', /v2/]],
    ['1', '31', 'v1.31.9', ['fail', /v1\.31\.9; podmend needs 1\.32 or newer/]],
    ['', '', '', ['fail', /needs 1\.32/]],
  ])('of version %s.%s (%s)', (major, minor, gitVersion, expected) => {
    expectCheck(checkVersion({ major, minor, gitVersion }), expected)
  })
})

describe('a CRD', () => {
  const [wanted] = customResourceDefinitions()
  if (!wanted) throw new Error('there is no CRD')
  const established = { conditions: [{ type: 'Established', status: 'True' }] }
  const found = (more: Partial<FoundCrd> = {}): FoundCrd =>
    structuredClone({ metadata: meta(wanted.metadata.name), spec: wanted.spec, status: established, ...more })
  const changed = (change: (version: Record<string, unknown>) => void): FoundCrd => {
    const crd = found()
    change(crd.spec?.versions[0] as unknown as Record<string, unknown>)
    return crd
  }

  const table: readonly (readonly [string, FoundCrd | undefined, Expected])[] = [
    ['as this version has it', found(), ['ok', /current/]],
    ['that is not there', undefined, ['fail', /is not installed/]],
    [
      'whose names another CRD has',
      found({ status: { conditions: [{ type: 'NamesAccepted', status: 'False', message: '"rempol" is taken' }] } }),
      ['fail', /not established: "rempol" is taken/],
    ],
    [
      'whose schema the API server does not take',
      found({
        status: {
          conditions: [...established.conditions, { type: 'NonStructuralSchema', status: 'True', message: 'spec: x' }],
        },
      }),
      ['fail', /spec: x/],
    ],
    [
      'of an older version',
      changed((v) => (v['schema'] = { openAPIV3Schema: { type: 'object' } })),
      ['warn', /schema\.openAPIV3Schema/],
    ],
    [
      'without our selectable fields',
      changed((v) => delete v['selectableFields']),
      ['warn', /selectableFields differs/],
    ],
    ['that serves another version', changed((v) => (v['name'] = 'v2')), ['warn', /version v1alpha1 differs/]],
  ]
  test.each(table)('%s', (_, crd, expected) => expectCheck(checkCrd(crd, wanted), expected))
})

describe('the stop annotation', () => {
  test.each<readonly [string, Record<string, string> | undefined, Expected]>([
    ['absent', {}, ['ok', /not paused/]],
    ['set', { 'podmend.io/paused': 'true' }, ['warn', /paused by an annotation on namespace ops/]],
    ['of another value', { 'podmend.io/paused': 'yes' }, ['warn', /paused by .*"yes" is neither "true" nor "false"/]],
    ['empty', { 'podmend.io/paused': '' }, ['warn', /paused by .*"" is neither/]],
    ['explicitly off', { 'podmend.io/paused': 'false' }, ['ok', /not paused/]],
    ['without its namespace', undefined, ['warn', /namespace ops does not exist/]],
  ])('%s', (_, annotations, expected) => {
    expectCheck(checkPause(annotations && { metadata: meta('ops', { annotations }) }, 'ops'), expected)
  })
})

describe('opt-outs', () => {
  const marked = (name: string, value?: string): KubeObject => ({
    metadata: meta(name, { annotations: value === undefined ? {} : { 'podmend.io/exclude': value } }),
  })
  test('are told where their value is neither true nor false', () => {
    const [check, ...others] = checkExcludes('node', [
      marked('a', 'yes'),
      marked('b', 'true'),
      marked('c', ''),
      marked('d'),
    ])
    expect(others).toEqual([])
    expect(check).toMatchObject({ state: 'warn', message: expect.stringContaining('on node a ("yes"), c ("")') })
  })
  test('are no matter otherwise', () => {
    expect(checkExcludes('namespace', [marked('b', 'true'), marked('c', 'false'), marked('d')])).toEqual([])
  })
})

describe('the lease', () => {
  const now = Date.parse('2030-01-01T00:00:20Z')
  const lease = (spec: Lease['spec'], name = 'podmend'): Lease => ({ metadata: { name }, ...(spec && { spec }) })
  const held = { holderIdentity: 'pod-a', leaseDurationSeconds: 15 }
  test.each<readonly [string, readonly Lease[], Expected]>([
    [
      'renewed just now',
      [lease({ ...held, renewTime: '2030-01-01T00:00:10.000000Z' })],
      ['ok', /pod-a is the leader.*10s ago/],
    ],
    [
      'run out',
      [lease({ ...held, renewTime: '2030-01-01T00:00:00.000000Z' })],
      ['fail', /pod-a holds the lease but renewed it 20s ago/],
    ],
    ['without a time', [lease(held)], ['fail', /at an unknown time/]],
    [
      'given back',
      [lease({ holderIdentity: '', renewTime: '2030-01-01T00:00:10.000000Z' })],
      ['fail', /released the lease/],
    ],
    ['never held, as the chart makes it', [lease(undefined)], ['fail', /never held/]],
    [
      'of somebody else',
      [lease({ ...held, renewTime: '2030-01-01T00:00:10.000000Z' }, 'other')],
      ['warn', /no controller/],
    ],
  ])('%s', (_, leases, expected) => expectCheck(checkLease(leases, 'ops', now), expected))
})

const policy = (name: string, more: Partial<RemediationPolicy> = {}, mode = 'Enforce'): RemediationPolicy => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'RemediationPolicy',
  metadata: meta(name),
  spec: policySpec.parse({
    mode,
    match: { causes: ['ProjectNotFound'] },
    actions: [{ type: 'RewriteImage', rewriteImage: { rules: [{ from: 'a.io/b/', to: 'a.io/c/' }] } }],
  }),
  ...more,
})

const condition = (type: string, status: 'True' | 'False', message = '', observedGeneration = 2) => ({
  status: {
    conditions: [
      { type, status, reason: 'X', message, lastTransitionTime: '2030-01-01T00:00:00Z', observedGeneration },
    ],
  },
})

describe('policies', () => {
  test.each<readonly [string, readonly RemediationPolicy[], Expected]>([
    ['none', [], ['warn', /^none/]],
    [
      'understood',
      [policy('a', condition('Ready', 'True')), policy('b', condition('Ready', 'True'), 'Observe')],
      ['ok', /2 valid: 1 Enforce, 1 Observe/],
    ],
    ['not looked at', [policy('a')], ['warn', /no controller has processed/]],
    [
      'changed since they were looked at',
      [policy('a', condition('Ready', 'True', '', 1))],
      ['warn', /no controller has processed/],
    ],
    [
      'not understood',
      [policy('a', condition('Ready', 'False', 'pattern "(" cannot be used'))],
      ['fail', /pattern "\("/],
    ],
  ])('%s', (_, policies, expected) => {
    const [first] = checkPolicies(policies)
    if (!first) throw new Error('no check')
    expectCheck(first, expected)
  })
})

describe('approvals that a policy asks for', () => {
  const vap = (failurePolicy = 'Fail') => ({ metadata: meta('podmend-approval'), spec: { failurePolicy } })
  const bound = (validationActions = ['Deny', 'Audit'], policyName = 'podmend-approval') => ({
    metadata: meta('podmend-approval'),
    spec: { policyName, validationActions },
  })
  test.each<readonly [string, Parameters<typeof checkApprovals>[0], Expected]>([
    ['checked', { policy: vap(), binding: bound() }, ['ok', /^a, b require approval, and the API server checks/]],
    ['without the policy', { policy: undefined, binding: bound() }, ['fail', /Policy podmend-approval is absent/]],
    ['without the binding', { policy: vap(), binding: undefined }, ['fail', /Binding podmend-approval is absent/]],
    ['that only warn', { policy: vap(), binding: bound(['Warn']) }, ['fail', /to Warn, not podmend-approval to Deny/]],
    ['bound elsewhere', { policy: vap(), binding: bound(['Deny'], 'other') }, ['fail', /binds other to Deny/]],
    ['that fail open', { policy: vap('Ignore'), binding: bound() }, ['warn', /admits what it cannot check/]],
  ])('%s', (_, found, expected) => expectCheck(checkApprovals(found, ['a', 'b']), expected))

  test('are one thing, and who writes records another', () => {
    const found = { policy: vap(), binding: bound() }
    expectCheck(checkRecords(found, ['a']), ['fail', /^a acts, but .* binds podmend-approval to Deny.*forge attempts/])
  })
})

describe('rights', () => {
  const manifest = `
kind: ClusterRole
metadata: {name: podmend-rewrite-image}
rules: [{apiGroups: [apps], resources: [deployments, statefulsets], verbs: [get, patch]}]
---
kind: Role
metadata: {name: podmend-lead}
rules: [{apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [podmend], verbs: [update]}]
---
kind: ClusterRoleBinding
metadata: {name: podmend-observe}
`
  const [rewrite, lead, ...others] = rolesIn(manifest, 'ops')
  if (!rewrite || !lead) throw new Error('roles are missing')

  test('are read from the roles of the manifest, one by one', () => {
    expect(others).toEqual([])
    expect(rewrite.rights).toHaveLength(4)
    expect(lead.rights).toEqual([
      { verb: 'update', group: 'coordination.k8s.io', resource: 'leases', namespace: 'ops', name: 'podmend' },
    ])
  })

  const acting = [policy('moved')]
  test.each<readonly [string, Check, Expected]>([
    ['that are all there', checkRole(rewrite, [], 'this user', acting), ['ok', /this user has all 4/]],
    [
      'that an acting policy lacks',
      checkRole(rewrite, rewrite.rights.slice(1, 2), 'this user', acting),
      ['fail', /cannot patch deployments\.apps; policy moved needs it/],
    ],
    [
      'that only an observing policy would use',
      checkRole(rewrite, rewrite.rights, 'x', [policy('a', {}, 'Observe')]),
      ['ok', /no acting policy/],
    ],
    ['to lead', checkRole(lead, lead.rights, 'x', []), ['fail', /cannot update leases\.coordination\.k8s\.io podmend/]],
    [
      'to read pull secrets',
      checkRole({ action: 'read-pull-secrets', rights: rewrite.rights }, rewrite.rights, 'x', acting),
      ['warn', /private registries/],
    ],
  ])('%s', (_, check, expected) => expectCheck(check, expected))
})

test('checks are printed in columns, with what to do under each', () => {
  const checks: readonly Check[] = [
    { check: 'a', state: 'ok', message: 'well' },
    { check: 'longer', state: 'fail', message: 'bad', todo: 'mend it' },
  ]
  expect(formatChecks(checks, createPaint(false))).toBe(
    ' ok   a       well\nFAIL  longer  bad\n              → mend it\n',
  )
  expect(formatChecks(checks, createPaint(true))).toContain('\u001b[31mFAIL\u001b[39m')
})
