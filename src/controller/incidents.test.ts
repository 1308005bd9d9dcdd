import { expect, test } from 'vitest'
import { incidentKey, type FailingPod, type Owner } from '../model/incident.ts'
import type { Area } from '../model/causes.ts'
import { podKey } from '../model/pod.ts'
import { type Assignment, createIncidents } from './incidents.ts'

const owner = (uid: string): Owner =>
  ({ ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: uid, uid } }) as Owner

const key = (uid: string, area: Area): string => incidentKey(owner(uid).ref, area)

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

const podsOf = (incidents: ReturnType<typeof createIncidents>, of: string) =>
  [...(incidents.get(of)?.pods.values() ?? [])].map(({ pod }) => pod.metadata.name)

test('however many pods report it, an owner and an area are one incident', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  expect(incidents.report(failing('b'), [assignment('o', ['image'], 0)])).toEqual([key('o', 'image')])
  expect(incidents.keys()).toEqual([key('o', 'image')])
  expect(podsOf(incidents, key('o', 'image'))).toEqual(['a', 'b'])
})

test('a pod that fails in another area now leaves the one before, and both are told', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  expect(incidents.report(failing('a'), [assignment('o', ['volume'], 0)])).toEqual([
    key('o', 'volume'),
    key('o', 'image'),
  ])
  expect(podsOf(incidents, key('o', 'image'))).toEqual([])
})

test('a pod that recovered leaves its incidents, which stay open for their records to be closed', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image', 'container'], 0)])
  expect(incidents.recovered(podKey(failing('a').pod.metadata))).toEqual([key('o', 'image'), key('o', 'container')])
  expect(incidents.recovered(podKey(failing('a').pod.metadata))).toEqual([])
  expect(incidents.get(key('o', 'image'))?.pods.size).toBe(0)
})

test('the owner that was read for filing serves once', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 7)])
  expect(incidents.takeOwner(key('o', 'image'))?.at).toBe(7)
  expect(incidents.takeOwner(key('o', 'image'))).toBeUndefined()
})

test('pods of an owner whose remedy is to be proven make us look, pods of others do not', () => {
  const incidents = createIncidents()
  incidents.await('image', owner('o').ref, { matchLabels: { app: 'web' } })
  expect(incidents.awaiting('web', { app: 'web', x: 'y' })).toEqual([key('o', 'image')])
  expect(incidents.awaiting('web', { app: 'other' })).toEqual([])
  expect(incidents.awaiting('elsewhere', { app: 'web' })).toEqual([])
  incidents.close(key('o', 'image'))
  expect(incidents.awaiting('web', { app: 'web' })).toEqual([])
})

test('the expressions of a selector count as much as its labels', () => {
  const incidents = createIncidents()
  const notCanary = { key: 'track', operator: 'NotIn', values: ['canary'] }
  incidents.await('image', owner('o').ref, { matchLabels: { app: 'web' }, matchExpressions: [notCanary] })
  expect(incidents.awaiting('web', { app: 'web', track: 'stable' })).toEqual([key('o', 'image')])
  expect(incidents.awaiting('web', { app: 'web', track: 'canary' })).toEqual([])
  incidents.await('volume', owner('p').ref, { matchExpressions: [{ key: 'app', operator: 'In', values: ['api'] }] })
  expect(incidents.awaiting('web', { app: 'other' })).toEqual([])
})

test('an incident that a record speaks of is taken up, and one that is open stays as it is', () => {
  const incidents = createIncidents()
  expect(incidents.resume('image', owner('o').ref)).toBe(key('o', 'image'))
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  incidents.resume('image', owner('o').ref)
  expect(podsOf(incidents, key('o', 'image'))).toEqual(['a'])
})

test('a pod that says something new in the same areas is filed without its owner', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['image'], 0)])
  const later = { ...failing('a'), findings: [] }
  expect(incidents.reassign(later, ['image'])).toEqual([key('o', 'image')])
  expect(incidents.get(key('o', 'image'))?.pods.get(podKey(later.pod.metadata))).toBe(later)
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
const NODE_KEY = incidentKey(nodeFiling.target, 'IptablesChainMissing')

test('a pod may lie with its workload and with its node at once, and leaves each by itself', () => {
  const incidents = createIncidents()
  expect(incidents.report(failing('a'), [assignment('o', ['volume']), nodeFiling])).toEqual([
    key('o', 'volume'),
    NODE_KEY,
  ])
  expect(incidents.reassign(failing('a'), ['IptablesChainMissing', 'volume'])).toEqual([key('o', 'volume'), NODE_KEY])
  expect(incidents.reassign(failing('a'), ['IptablesChainMissing'])).toBeUndefined()
  expect(incidents.report(failing('a'), [nodeFiling])).toEqual([NODE_KEY, key('o', 'volume')])
  expect(podsOf(incidents, key('o', 'volume'))).toEqual([])
  expect(incidents.recovered(podKey(failing('a').pod.metadata))).toEqual([NODE_KEY])
})

test('who looks from one side only leaves what the pod is filed under on the other', () => {
  const incidents = createIncidents()
  incidents.report(failing('a'), [assignment('o', ['volume'])])
  incidents.add(failing('a'), nodeFiling)
  expect(podsOf(incidents, key('o', 'volume'))).toEqual(['a'])
  expect(podsOf(incidents, NODE_KEY)).toEqual(['a'])
  expect(incidents.recovered(podKey(failing('a').pod.metadata))).toEqual([key('o', 'volume'), NODE_KEY])
})

test('twenty pods of one node are one incident', () => {
  const incidents = createIncidents()
  for (let i = 0; i < 20; i += 1) incidents.report(failing(`p${i}`), [nodeFiling])
  expect(incidents.keys()).toEqual([NODE_KEY])
  expect(incidents.get(NODE_KEY)?.pods.size).toBe(20)
})

test('a pod has been failing since the earliest time that was known of it, also if its clock is ahead', () => {
  const incidents = createIncidents()
  const key = incidentKey(owner('o').ref, 'image')
  const since = () => [...(incidents.get(key)?.pods.values() ?? [])].map((pod) => pod.since)
  incidents.report({ ...failing('a'), since: 100 }, [assignment('o', ['image'])])
  // A time from the future counts as now, at each check: the first one stays.
  incidents.report({ ...failing('a'), since: 200 }, [assignment('o', ['image'])])
  incidents.reassign({ ...failing('a'), since: 300 }, ['image'])
  expect(since()).toEqual([100])
  // The clock of this process was ahead, and is right now.
  incidents.reassign({ ...failing('a'), since: 50 }, ['image'])
  expect(since()).toEqual([50])
})
