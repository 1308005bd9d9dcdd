import { expect, it } from 'vitest'
import type { Pod } from '../api/kubernetes.ts'
import type { NodeTaskStatus } from '../api/node-task.ts'
import type { NodeVerb } from '../api/node-verbs.ts'
import type { NodeTask } from '../api/objects.ts'
import { chooseOldInstallers, chooseOldTasks } from './old-orders.ts'

const NOW = Date.UTC(2030, 0, 1)
const MINUTE = 60_000
const ago = (minutes: number): string => new Date(NOW - minutes * MINUTE).toISOString()

const task = (verb: NodeVerb, minutes: number, status?: NodeTaskStatus): NodeTask => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'NodeTask',
  metadata: { name: 'task', uid: 't', resourceVersion: '1', creationTimestamp: ago(minutes) },
  spec: { nodeName: 'node-1', nodeUid: 'n', verb, deadline: ago(minutes - 5) },
  ...(status && { status }),
})

it.each<[string, NodeTask, boolean]>([
  ['a look of a minute ago', task('Inspect', 1), false],
  ['a look of two minutes ago', task('Inspect', 2), true],
  ['a look that nobody answered', task('Inspect', 3), true],
  ['a restart of two minutes ago', task('RestartRuntime', 2), false],
  ['a restart that ended an hour ago', task('RestartRuntime', 65, { phase: 'Succeeded', finishedAt: ago(60) }), true],
  [
    'a restart that ended less than an hour ago',
    task('RestartRuntime', 65, { phase: 'Failed', finishedAt: ago(59) }),
    false,
  ],
  ['a restart that its agent began and never ended', task('RestartRuntime', 66, { phase: 'Running' }), true],
  ['the same, while its hour is not over', task('RestartRuntime', 64, { phase: 'Running' }), false],
])('%s', (_, given, goes) => {
  expect(chooseOldTasks([given], NOW, new Set())).toEqual(goes ? [given] : [])
  expect(chooseOldTasks([given], NOW, new Set(['task']))).toEqual([])
})

const pod = (phase: string, minutes: number): Pod => ({
  metadata: { name: 'install', uid: 'p', resourceVersion: '1', creationTimestamp: ago(120) },
  status: { phase, containerStatuses: [{ name: 'install', state: { terminated: { finishedAt: ago(minutes) } } }] },
})

it.each<[string, Pod, boolean]>([
  ['an installer that ended ten minutes ago', pod('Succeeded', 10), true],
  ['one that failed ten minutes ago', pod('Failed', 10), true],
  ['one that just ended', pod('Succeeded', 9), false],
  ['one that runs', { ...pod('Running', 0), status: { phase: 'Running' } }, false],
])('%s', (_, given, goes) => {
  expect(chooseOldInstallers([given], NOW, new Set())).toEqual(goes ? [given] : [])
  expect(chooseOldInstallers([given], NOW, new Set(['install']))).toEqual([])
})
