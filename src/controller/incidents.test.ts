import { expect, test } from 'vitest'
import type { FailingPod, Owner } from '../model/incident.ts'
import { type Assignment, createIncidents } from './incidents.ts'

const owner = (uid: string): Owner =>
  ({ ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: uid, uid } }) as Owner

const failing = (uid: string): FailingPod => ({
  pod: { metadata: { name: uid, namespace: 'web', uid, resourceVersion: '1' } },
  findings: [],
  since: 0,
})

const assignment = (of: string, areas: Assignment['areas'], at = 0): Assignment => ({
  target: owner(of).ref,
  areas,
  owner: { value: owner(of), at },
})

const podsOf = (incidents: ReturnType<typeof createIncidents>, key: string) => [
  ...(incidents.get(key)?.pods.keys() ?? []),
]

test('however many pods report it, an owner and an area are one incident', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  expect(incidents.report(failing('b'), [assignment('o', ['image'], 0)])).toEqual(['o/image'])
  expect(incidents.keys()).toEqual(['o/image'])
  expect(podsOf(incidents, 'o/image')).toEqual(['a', 'b'])
})

test('a pod that fails in another area now leaves the one before, and both are told', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  expect(incidents.report(failing('a'), [assignment('o', ['volume'], 0)])).toEqual(['o/volume', 'o/image'])
  expect(podsOf(incidents, 'o/image')).toEqual([])
})

test('a pod that recovered leaves its incidents, which stay open for their records to be closed', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image', 'container'], 0)])
  expect(incidents.recovered('a')).toEqual(['o/image', 'o/container'])
  expect(incidents.recovered('a')).toEqual([])
  expect(incidents.get('o/image')?.pods.size).toBe(0)
})

test('the owner that was read for filing serves once', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 7)])
  expect(incidents.takeOwner('o/image')?.at).toBe(7)
  expect(incidents.takeOwner('o/image')).toBeUndefined()
})

test('pods of an owner whose remedy is to be proven make us look, pods of others do not', () => {
  const incidents = createIncidents()
  incidents.await('image', owner('o').ref, { matchLabels: { app: 'web' } })
  expect(incidents.awaiting('web', { app: 'web', x: 'y' })).toEqual(['o/image'])
  expect(incidents.awaiting('web', { app: 'other' })).toEqual([])
  expect(incidents.awaiting('elsewhere', { app: 'web' })).toEqual([])
  incidents.close('o/image')
  expect(incidents.awaiting('web', { app: 'web' })).toEqual([])
})

test('the expressions of a selector count as much as its labels', () => {
  const incidents = createIncidents()
  const notCanary = { key: 'track', operator: 'NotIn', values: ['canary'] }
  incidents.await('image', owner('o').ref, { matchLabels: { app: 'web' }, matchExpressions: [notCanary] })
  expect(incidents.awaiting('web', { app: 'web', track: 'stable' })).toEqual(['o/image'])
  expect(incidents.awaiting('web', { app: 'web', track: 'canary' })).toEqual([])
  incidents.await('volume', owner('p').ref, { matchExpressions: [{ key: 'app', operator: 'In', values: ['api'] }] })
  expect(incidents.awaiting('web', { app: 'other' })).toEqual([])
})

test('an incident that a record speaks of is taken up, and one that is open stays as it is', () => {
  const incidents = createIncidents()
  expect(incidents.resume('image', owner('o').ref)).toBe('o/image')
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  incidents.resume('image', owner('o').ref)
  expect(podsOf(incidents, 'o/image')).toEqual(['a'])
})

test('a pod that says something new in the same areas is filed without its owner', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  const later = { ...failing('a'), since: 7 }
  expect(incidents.reassign(later, ['image'])).toEqual(['o/image'])
  expect(incidents.get('o/image')?.pods.get('a')).toBe(later)
})

test.each([
  ['fails in another area', 'a', ['volume']],
  ['fails in one area more', 'a', ['image', 'volume']],
  ['is not filed', 'b', ['image']],
] as const)('a pod that %s cannot be filed without its owner', (_, uid, areas) => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  expect(incidents.reassign(failing(uid), areas)).toBeUndefined()
})

const nodeFiling: Assignment = {
  target: { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'n' },
  areas: ['IptablesChainMissing'],
}

test('a pod may lie with its workload and with its node at once, and leaves each by itself', () => {
  const incidents = createIncidents()
  expect(incidents.report(failing('a'), [assignment('o', ['volume']), nodeFiling])).toEqual([
    'o/volume',
    'n/IptablesChainMissing',
  ])
  expect(incidents.reassign(failing('a'), ['IptablesChainMissing', 'volume'])).toEqual([
    'o/volume',
    'n/IptablesChainMissing',
  ])
  expect(incidents.reassign(failing('a'), ['IptablesChainMissing'])).toBeUndefined()
  expect(incidents.report(failing('a'), [nodeFiling])).toEqual(['n/IptablesChainMissing', 'o/volume'])
  expect(podsOf(incidents, 'o/volume')).toEqual([])
  expect(incidents.recovered('a')).toEqual(['n/IptablesChainMissing'])
})

test('who looks from one side only leaves what the pod is filed under on the other', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['volume'])])
  incidents.add(failing('a'), nodeFiling)
  expect(podsOf(incidents, 'o/volume')).toEqual(['a'])
  expect(podsOf(incidents, 'n/IptablesChainMissing')).toEqual(['a'])
  expect(incidents.recovered('a')).toEqual(['o/volume', 'n/IptablesChainMissing'])
})

test('twenty pods of one node are one incident', () => {
  const incidents = createIncidents()
  for (let i = 0; i < 20; i += 1) incidents.report(failing(`p${i}`), [nodeFiling])
  expect(incidents.keys()).toEqual(['n/IptablesChainMissing'])
  expect(incidents.get('n/IptablesChainMissing')?.pods.size).toBe(20)
})
