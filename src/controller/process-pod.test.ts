import { expect, test } from 'vitest'
import { type IncidentArea, isNodeCause } from '../model/causes.ts'
import type { FailingPod } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { createStillFailing } from './process-pod.ts'

const podNamed = (name: string): Pod => ({ metadata: { name, namespace: 'web', uid: name, resourceVersion: '1' } })

const failing = (name: string, area: IncidentArea): FailingPod =>
  ({
    pod: podNamed(name),
    findings: [{ cause: isNodeCause(area) ? area : 'CrashLoop', container: 'web', image: '' }],
    since: 0,
  }) as unknown as FailingPod

/** An incident of that many pods, and a cluster in which some of them are gone. */
const scene = (
  area: IncidentArea,
  count: number,
  { gone = [], watched = [] }: Record<string, readonly string[]> = {},
) => {
  const names = Array.from({ length: count }, (_, i) => `p${i}`)
  const there = names.filter((name) => !gone.includes(name))
  const asked: string[] = []
  const recovered: string[] = []
  const stillFailing = createStillFailing({
    incidents: { recovered: (uid) => (recovered.push(uid), []) },
    watched: (uid) => watched.includes(uid),
    readPod: async ({ name }) => {
      asked.push(name)
      return there.includes(name) ? podNamed(name) : undefined
    },
    readPodsOn: async (node) => {
      asked.push(`all on ${node}`)
      return there.map(podNamed)
    },
    detectFailures: ({ metadata }) => failing(metadata.name, area),
  })
  const pods = new Map(names.map((name) => [name, failing(name, area)]))
  const target = { apiVersion: 'v1', kind: isNodeCause(area) ? 'Node' : 'Deployment', name: 'n1', uid: 'u' }
  const look = async () => (await stillFailing({ key: 'k', area, target, pods })).map(({ pod }) => pod.metadata.name)
  return { names, asked, recovered, look }
}

test('what no watch keeps current is read anew, and what recovered is told', async () => {
  const { asked, recovered, look } = scene('container', 3, { gone: ['p1'], watched: ['p0'] })
  expect(await look()).toEqual(['p0', 'p2'])
  expect(asked).toEqual(['p1', 'p2'])
  expect(recovered).toEqual(['p1'])
})

test('of a node with many, none is believed to fail by what was seen before: all are listed at once', async () => {
  const { names, asked, recovered, look } = scene('SandboxStale', 21, { gone: ['p20'] })
  expect(await look()).toEqual(names.slice(0, 20))
  expect([asked, recovered]).toEqual([['all on n1'], ['p20']])
})

test('of a workload with many they take turns', async () => {
  const { names, asked, recovered, look } = scene('container', 20, { gone: ['p19'] })
  for (let turn = 0; turn < 3; turn += 1) await look()
  expect(new Set(asked)).toEqual(new Set(names))
  expect(asked).toHaveLength(24)
  expect(recovered).toContain('p19')
})
