import { expect, test } from 'vitest'
import type { Remediation } from '../api/kinds.ts'
import { incidentKey } from '../model/incident.ts'
import { AREA_LABEL, OWNER_UID_LABEL } from '../model/names.ts'
import type { Phase } from '../model/reasons.ts'
import { areaOfRecord, incidentKeyOf, isInPlace, isOpen } from '../model/remediation-state.ts'
import { createRemediationCache } from './remediation-cache.ts'

interface Given {
  readonly uid: string
  readonly owner?: string
  /** The owner in the label; correct unless someone changed it. */
  readonly label?: string
  readonly area?: string
  readonly cause?: string
  readonly target?: object
  readonly phase?: Phase
  readonly reason?: string
  readonly finishedAt?: string
  readonly policy?: string
  readonly version?: string
  readonly created?: string
}

const ownerOf = (uid: string) => ({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: uid, uid })

const record = ({
  uid,
  owner = 'o',
  label = owner,
  area = 'image',
  cause = 'ManifestNotFound',
  target = ownerOf(owner),
  phase = 'Held',
  policy = 'p',
  version = '1',
  created,
  reason,
  finishedAt,
}: Given) =>
  ({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'Remediation',
    metadata: {
      name: uid,
      uid,
      resourceVersion: version,
      labels: { [OWNER_UID_LABEL]: label, [AREA_LABEL]: area },
      creationTimestamp: created ?? '2030-01-01T00:00:00Z',
    },
    spec: { policy: { name: policy, uid: 'pu', generation: 1 }, cause, target },
    status: { phase, reason, finishedAt },
  }) as unknown as Remediation

test('the later version wins, however they arrive', () => {
  const records = createRemediationCache(() => true)
  records.put(record({ uid: 'a', version: '10', phase: 'Running' }))
  records.put(record({ uid: 'a', version: '9', phase: 'Held' }))
  expect(records.of(ownerOf('o'), 'image').map(({ status }) => status?.phase)).toEqual(['Running'])
})

test('a record is of the target in its spec, whatever its labels were made to say', () => {
  const records = createRemediationCache(() => true)
  const forged = record({ uid: 'forged', owner: 'own', label: 'other', area: 'constructor', phase: 'Running' })
  records.put(forged)
  expect(records.ofOwner(ownerOf('other'))).toEqual([])
  expect(records.of(ownerOf('own'), 'image')).toEqual([forged])
  expect(incidentKeyOf(forged)).toBe(incidentKey(ownerOf('own'), 'image'))
  records.drop('forged')
  expect(records.ofOwner(ownerOf('own'))).toEqual([])
})

test('a record is of an owner only if kind, namespace, name and uid agree', () => {
  const records = createRemediationCache(() => true)
  const owner = ownerOf('victim')
  for (const wrong of [{ namespace: 'tenant' }, { name: 'other' }, { kind: 'StatefulSet' }, { uid: 'other' }]) {
    const uid = Object.keys(wrong).join('')
    records.put(record({ uid, target: { ...owner, ...wrong }, phase: 'Running' }))
  }
  expect(records.of(owner, 'image')).toEqual([])
  expect(records.ofOwner(owner)).toEqual([])
  const mine = record({ uid: 'mine', target: owner })
  records.put(mine)
  expect(records.of(owner, 'image')).toEqual([mine])
})

test('the label names the area only where the cause leaves it open', () => {
  const areaIn = (given: Omit<Given, 'uid'>) => areaOfRecord(record({ uid: 'a', ...given }))
  expect(areaIn({ cause: 'ManifestNotFound', area: 'volume' })).toBe('image')
  expect(areaIn({ cause: 'Unknown', area: 'volume' })).toBe('volume')
  expect(areaIn({ cause: 'Unknown', area: 'RuntimeUnresponsive' })).toBeUndefined()
})

test('records are found by owner and area, newest first', () => {
  const records = createRemediationCache(() => true)
  records.put(record({ uid: 'old', created: '2030-01-01T00:00:00Z' }))
  records.put(record({ uid: 'new', created: '2030-01-02T00:00:00Z' }))
  records.put(record({ uid: 'volume', cause: 'MountTimeout' }))
  records.put(record({ uid: 'other', owner: 'else' }))
  expect(records.of(ownerOf('o'), 'image').map(({ metadata }) => metadata.uid)).toEqual(['new', 'old'])
  expect(records.ofOwner(ownerOf('o'))).toHaveLength(3)
})

test('what is under way counts against its policy, but for the incident that asks', () => {
  const records = createRemediationCache(() => true)
  records.put(record({ uid: 'a', owner: 'o1', phase: 'Running' }))
  records.put(record({ uid: 'b', owner: 'o2', phase: 'Verifying' }))
  records.put(record({ uid: 'c', owner: 'o3', phase: 'Held' }))
  records.put(record({ uid: 'd', owner: 'o4', phase: 'Running', policy: 'q' }))
  expect(records.activeByPolicy(incidentKey(ownerOf('o1'), 'image'))).toEqual({ p: 1, q: 1 })
  expect(records.activeByPolicy(incidentKey(ownerOf('o1'), 'volume'))).toEqual({ p: 2, q: 1 })
  expect(records.countOf('p')).toEqual({ active: 2, held: 1 })
})

test('a step that is held in the middle does not count against its policy', () => {
  const records = createRemediationCache(() => true)
  const held = record({ uid: 'a', owner: 'o1', phase: 'Held', reason: 'PolicySuspended' })
  const steps = [{ index: 0, attempt: 1, action: 'RewriteImage', state: 'Intended', planHash: 'h' } as const]
  records.put({ ...held, status: { ...held.status, steps: [...steps] } })
  expect(records.activeByPolicy('')).toEqual({})
  expect(records.countOf('p')).toEqual({ active: 0, held: 1 })
  expect(records.countHeld()).toEqual([{ policy: 'p', reason: 'PolicySuspended', count: 1 }])
})

test('what is held is told by policy and reason, without what came to an end or is under way', () => {
  const records = createRemediationCache(() => true)
  records.put(record({ uid: 'a', reason: 'BudgetSpent' }))
  records.put(record({ uid: 'b', reason: 'BudgetSpent' }))
  records.put(record({ uid: 'c', reason: 'BudgetSpent', policy: 'q' }))
  records.put(record({ uid: 'd', phase: 'Observed', reason: 'ObserveOnly' }))
  records.put(record({ uid: 'e', phase: 'Ineffective', reason: 'AttemptsSpent', finishedAt: '2030-01-01T00:00:00Z' }))
  records.put(record({ uid: 'f', phase: 'Verifying', reason: 'Verifying' }))
  expect(records.countHeld()).toEqual([
    { policy: 'p', reason: 'BudgetSpent', count: 2 },
    { policy: 'q', reason: 'BudgetSpent', count: 1 },
    { policy: 'p', reason: 'ObserveOnly', count: 1 },
  ])
})

test('a record that ends or is deleted counts no more', () => {
  const records = createRemediationCache(() => true)
  records.put(record({ uid: 'a', phase: 'Running' }))
  records.put(record({ uid: 'a', phase: 'Succeeded', version: '2' }))
  records.put(record({ uid: 'b', phase: 'Running' }))
  records.drop('b')
  expect(records.activeByPolicy('')).toEqual({})
  expect(records.all().map(({ metadata }) => metadata.uid)).toEqual(['a'])
})

test('a record is open until it has an end', () => {
  expect(isOpen(record({ uid: 'a', phase: 'Ineffective' }))).toBe(true)
  expect(isOpen({ ...record({ uid: 'a' }), status: { phase: 'Succeeded', finishedAt: '2030-01-01T00:00:00Z' } })).toBe(
    false,
  )
})

test('a node on which a remedy is under way is under repair, but not for its own incident, and not by a mere flag', () => {
  const records = createRemediationCache((action) => action !== 'FlagNode')
  const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', name, uid: name })
  const onNode = (uid: string, owner: string, phase: Phase, action: string): Remediation => {
    const plain = record({ uid, target: node(owner), cause: 'IptablesChainMissing', phase })
    return { ...plain, status: { ...plain.status, action } } as Remediation
  }
  records.put(onNode('1', 'a', 'Running', 'RestartRuntime'))
  records.put(onNode('2', 'b', 'Verifying', 'RecycleSandbox'))
  records.put(onNode('3', 'c', 'Held', 'RestartRuntime'))
  records.put(onNode('4', 'd', 'Verifying', 'FlagNode'))
  const begun = onNode('6', 'f', 'Held', 'RestartRuntime')
  const steps = [{ index: 0, attempt: 1, action: 'RestartRuntime', state: 'Intended', planHash: 'h' } as const]
  records.put({ ...begun, status: { ...begun.status, steps: [...steps] } })
  records.put(record({ uid: '5', owner: 'workload', phase: 'Running' }))
  expect(records.nodesUnderRepair(incidentKey(node('e'), 'IptablesChainMissing'))).toEqual(['a', 'b', 'f'])
  expect(records.nodesUnderRepair(incidentKey(node('a'), 'IptablesChainMissing'))).toEqual(['b', 'f'])
  expect(records.nodesUnderRepair(incidentKey(node('a'), 'RuntimeUnresponsive'))).toEqual(['a', 'b', 'f'])
})

test('a record counts where its target lies, and one of a node in the namespace of the operator alone', () => {
  const at = (namespace: string, target: object): Remediation => {
    const { metadata, spec, ...rest } = record({ uid: 'a' })
    return { ...rest, metadata: { ...metadata, namespace }, spec: { ...spec, target } } as Remediation
  }
  expect(isInPlace(at('shop', { kind: 'Deployment', namespace: 'shop' }), 'operator')).toBe(true)
  expect(isInPlace(at('shop', { kind: 'Deployment', namespace: 'bank' }), 'operator')).toBe(false)
  expect(isInPlace(at('operator', { kind: 'Node' }), 'operator')).toBe(true)
  expect(isInPlace(at('shop', { kind: 'Node' }), 'operator')).toBe(false)
})

test('after a restore, an earlier version of a record counts, once', () => {
  const cache = createRemediationCache(() => true)
  cache.put(record({ uid: 'a', version: '90', phase: 'Succeeded', finishedAt: '2030-01-01T00:00:00Z' }))
  cache.forgetVersions()
  cache.put(record({ uid: 'a', version: '50', phase: 'Held' }))
  expect(cache.get('a')?.status?.phase).toBe('Held')
  cache.put(record({ uid: 'a', version: '40', phase: 'Running' }))
  expect(cache.get('a')?.status?.phase).toBe('Held')
})
