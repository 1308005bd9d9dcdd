import { expect, test } from 'vitest'
import { anInspection } from '../diagnose/testing.ts'
import { incidentKey, known, unknown } from '../model/incident.ts'
import { nodeEntry } from '../watch/node-cache.ts'
import { countFlags, flagsOn, helperBack, isSeenByAgents, stillFails } from './clear-node-flags.ts'
import { createIncidents } from './incidents.ts'

const node = (uid: string, labels: Readonly<Record<string, string>>) =>
  nodeEntry({ metadata: { name: `node-${uid}`, uid, resourceVersion: '1', labels } })

const NFS = { 'flag.podmend.io/MountHelperMissing': 'nfs', 'kubernetes.io/os': 'linux' }
const [flag] = flagsOn([node('a', NFS)])
if (!flag) throw new Error('a flagged node is not seen')

test('flags are the labels under the prefix that name a cause of nodes', () => {
  const nodes = [node('a', NFS), node('b', { 'flag.podmend.io/DiskFull': 'true' }), node('c', {})]
  expect(flagsOn(nodes).map(({ node: { uid }, cause, detail }) => [uid, cause, detail])).toEqual([
    ['a', 'MountHelperMissing', 'nfs'],
  ])
})

test('a node with two flags counts once for each', () => {
  const both = node('a', { ...NFS, 'flag.podmend.io/IptablesChainMissing': 'DOCKER' })
  expect(countFlags(flagsOn([both, node('b', NFS)]))).toEqual({ MountHelperMissing: 2, IptablesChainMissing: 1 })
})

test('a helper is back only where the agent sees it', () => {
  const mounts = (helpers: string[]) => known(anInspection({ mounts: { known: true, helpers } }))
  expect(helperBack(flag, mounts(['nfs']))).toBe('/sbin/mount.nfs is installed now')
  expect(helperBack(flag, mounts(['cifs']))).toBeUndefined()
  expect(helperBack(flag, known(anInspection({ mounts: { known: false } })))).toBeUndefined()
  expect(helperBack(flag, unknown('no agent'))).toBeUndefined()
})

test('of a helper that nobody knows no agent can say that it is back', () => {
  const flags = flagsOn([
    node('a', NFS),
    node('b', { 'flag.podmend.io/MountHelperMissing': 'true' }),
    node('c', { 'flag.podmend.io/IptablesChainMissing': 'nfs' }),
  ])
  expect(flags.map(isSeenByAgents)).toEqual([true, false, false])
})

test('something still fails while a pod is in the incident, or nobody looked yet', () => {
  const incidents = createIncidents()
  const target = { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'a' }
  expect(stillFails(flag, incidents)).toBe(false)
  incidents.resume('MountHelperMissing', target)
  expect(stillFails(flag, incidents)).toBe(true)
  incidents.checked(incidentKey(target, 'MountHelperMissing'))
  expect(stillFails(flag, incidents)).toBe(false)
  const pod = { metadata: { name: 'p', namespace: 'web', uid: 'p', resourceVersion: '1' } }
  incidents.report({ pod, findings: [], since: 0 }, [{ target, areas: ['MountHelperMissing'] }])
  expect(stillFails(flag, incidents)).toBe(true)
})
