import { expect, test } from 'vitest'
import { type IncidentArea, isNodeCause } from '../model/causes.ts'
import { incidentKey } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { createManualClock } from '../runtime/clock.ts'
import { createFailingPods, failuresOf } from './failing-pods.ts'
import { createState } from './state.ts'

const NOW = Date.UTC(2030, 0, 1)

/** A pod whose sandbox died, as far as its Event says, or whose container crashes. */
const podNamed = (name: string, area: IncidentArea): Pod => ({
  metadata: { name, namespace: 'web', uid: name, resourceVersion: '1' },
  spec: { nodeName: 'n1', containers: [{ name: 'web', image: 'web:1' }] },
  status: {
    phase: 'Pending',
    containerStatuses: [
      {
        name: 'web',
        state: { waiting: { reason: isNodeCause(area) ? 'ContainerCreating' : 'CrashLoopBackOff', message: 'x' } },
      },
    ],
  },
})

/** An incident of that many pods, and a cluster in which some of them are gone. */
const setUp = (
  area: IncidentArea,
  count: number,
  { gone = [], watched = [] }: Record<string, readonly string[]> = {},
) => {
  const names = Array.from({ length: count }, (_, i) => `p${i}`)
  const there = names.filter((name) => !gone.includes(name))
  const read: string[] = []
  const state = createState({
    namespace: 'podmend-system',
    clock: createManualClock(NOW),
    onPodChange: () => undefined,
  })
  const target = { apiVersion: 'v1', kind: isNodeCause(area) ? 'Node' : 'Deployment', name: 'n1', uid: 'u' }
  for (const name of names) {
    const pod = podNamed(name, area)
    if (watched.includes(name)) state.pods.sawPending(pod)
    else
      state.pods.sawWarning(
        { namespace: 'web', name, uid: name },
        {
          reason: 'Failed',
          message: 'Error: sandbox container "9d1f0c" is not running',
          reporter: 'kubelet',
          lastSeen: NOW,
        },
      )
    state.incidents.add(failuresOf(pod, state, NOW), { target, areas: [area] })
  }
  const { current } = createFailingPods({
    state,
    clock: createManualClock(NOW),
    reads: {
      pod: async ({ name }) => {
        read.push(name)
        return there.includes(name) ? podNamed(name, area) : undefined
      },
      podsOn: async (node) => {
        read.push(`all on ${node}`)
        return there.map((name) => podNamed(name, area))
      },
    },
  })
  const incident = () => state.incidents.get(incidentKey(target, area))
  const open = incident()
  if (!open) throw new Error('the incident is not open')
  /** Checks the incident as it was at first: whatever is remembered, it is what is asked about. */
  const check = async (confirm = false) => (await current(open, { confirm })).map(({ pod }) => pod.metadata.name)
  const recovered = () => names.filter((name) => !incident()?.pods.has(`web/${name}/${name}`))
  return { names, read, recovered, check }
}

test('what no watch keeps current is read again, and what recovered leaves the incident', async () => {
  const { read, recovered, check } = setUp('container', 3, { gone: ['p1'], watched: ['p0'] })
  expect(await check()).toEqual(['p0', 'p2'])
  expect(read).toEqual(['p1', 'p2'])
  expect(recovered()).toEqual(['p1'])
})

test('of a node with many, none is believed to fail by what was seen before: all are listed at once', async () => {
  const { names, read, recovered, check } = setUp('SandboxStale', 21, { gone: ['p20'] })
  expect(await check()).toEqual(names.slice(0, 20))
  expect([read, recovered()]).toEqual([['all on n1'], ['p20']])
})

test('of a workload with many they take turns', async () => {
  const { names, read, recovered, check } = setUp('container', 20, { gone: ['p19'] })
  for (let turn = 0; turn < 3; turn += 1) await check()
  expect(new Set(read)).toEqual(new Set(names))
  expect(read).toHaveLength(24)
  expect(recovered()).toContain('p19')
})

test('after a verification no pod counts as failing because a watch still shows it so: it is read', async () => {
  const { read, recovered, check } = setUp('container', 2, { gone: ['p0'], watched: ['p0', 'p1'] })
  expect(await check(true)).toEqual(['p1'])
  expect([read, recovered()]).toEqual([['p0', 'p1'], ['p0']])
})

test('after a verification only as many pods are read as it takes to find one that fails', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `p${i}`)
  const { read, recovered, check } = setUp('container', 20, { gone: names.slice(0, 10), watched: names })
  expect(await check(true)).toEqual(names.slice(10, 16))
  expect([read, recovered()]).toEqual([names.slice(0, 16), names.slice(0, 10)])
})

test('after a verification one check finds that all of many pods are gone', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `p${i}`)
  const { recovered, check } = setUp('container', 20, { gone: names, watched: names })
  expect(await check(true)).toEqual([])
  expect(recovered()).toEqual(names)
})
