import { expect, it, test } from 'vitest'
import type { NodeTask, Remediation } from '../api/kinds.ts'
import type { NodeTaskStatus } from '../api/node-task.ts'
import type { Pod } from '../model/kubernetes.ts'
import type { NodeVerb } from '../model/node-tasks.ts'
import { aRecord, iso, NOW } from '../report/testing.ts'
import { chooseExpired, chooseOldInstallers, chooseOldTasks, type Keeping } from './garbage-collection.ts'

const HOUR = 3_600_000
const finished = (name: string, agoMs: number, attemptsAgoMs: readonly number[] = []) =>
  aRecord(
    {
      phase: 'Succeeded',
      finishedAt: iso(-agoMs),
      attempts: attemptsAgoMs.map((ago) => iso(-ago)),
      steps: [{ index: 0, attempt: 1, action: 'RewriteImage', state: 'Succeeded', planHash: 'h' }],
    },
    { name },
  )
const recovered = (name: string, agoMs: number, spec: object = {}, reason = 'Recovered'): Remediation => {
  const record = aRecord({ phase: 'Cancelled', reason, finishedAt: iso(-agoMs) }, { name })
  return { ...record, spec: { ...record.spec, ...spec } }
}
const ofPolicy = (name: string, record: Remediation): Remediation => ({
  ...record,
  spec: { ...record.spec, policy: { name, uid: name, generation: 1 } },
})
const keeping = (words: Partial<Keeping> = {}): Keeping => ({ historyLimit: 100, cooldownMs: () => 0, ...words })

interface Row {
  readonly records: readonly ReturnType<typeof aRecord>[]
  readonly keeping: Keeping
  readonly expired: readonly string[]
}

const table: Readonly<Record<string, Row>> = {
  'a record that is past its time goes': {
    records: [finished('old', 2 * HOUR), finished('new', HOUR / 2)],
    keeping: keeping({ ttlMs: HOUR }),
    expired: ['old'],
  },
  'without a time to live only the limit counts': {
    records: [finished('a', 2_000 * HOUR)],
    keeping: keeping(),
    expired: [],
  },
  'the oldest beyond the limit go': {
    records: [finished('c', 3 * HOUR), finished('a', HOUR), finished('b', 2 * HOUR)],
    keeping: keeping({ historyLimit: 1 }),
    expired: ['b', 'c'],
  },
  'the limit is one for all policies': {
    records: [ofPolicy('a', finished('old', 3 * HOUR)), ofPolicy('b', finished('new', HOUR))],
    keeping: keeping({ historyLimit: 1 }),
    expired: ['old'],
  },
  'one whose attempts of the last day are still counted stays': {
    records: [finished('young', 2 * HOUR, [3 * HOUR]), finished('old', 25 * HOUR, [26 * HOUR])],
    keeping: keeping({ ttlMs: HOUR, historyLimit: 0 }),
    expired: ['old'],
  },
  'one that a longer cooldown still reads stays': {
    records: [finished('a', 30 * HOUR, [31 * HOUR])],
    keeping: keeping({ ttlMs: HOUR, cooldownMs: () => 48 * HOUR }),
    expired: [],
  },
  'of those that recovered without a step the newest three of each incident stay': {
    records: [
      ...[1, 2, 3, 4].map((hours) => recovered(`r${hours}`, hours * HOUR)),
      recovered('other', 9 * HOUR, { target: { ...aRecord({}).spec.target, uid: 'other' } }),
      recovered('denied', 9 * HOUR, {}, 'Denied'),
      recovered('r5', 5 * HOUR),
      finished('repaired', 9 * HOUR),
    ],
    keeping: keeping(),
    expired: ['r4', 'r5'],
  },
  'one that is not finished stays': {
    records: [aRecord({ phase: 'Held' }), aRecord({})],
    keeping: keeping({ ttlMs: 0, historyLimit: 0 }),
    expired: [],
  },
}

test.each(Object.entries(table))('%s', (_, { records, keeping: how, expired }) => {
  expect(chooseExpired(records, NOW, how).map(({ metadata }) => metadata.name)).toEqual(expired)
})

const TASKS_NOW = Date.UTC(2030, 0, 1)
const MINUTE = 60_000
const ago = (minutes: number): string => new Date(TASKS_NOW - minutes * MINUTE).toISOString()

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
  expect(chooseOldTasks([given], TASKS_NOW, new Set())).toEqual(goes ? [given] : [])
  expect(chooseOldTasks([given], TASKS_NOW, new Set(['task']))).toEqual([])
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
  expect(chooseOldInstallers([given], TASKS_NOW, new Set())).toEqual(goes ? [given] : [])
  expect(chooseOldInstallers([given], TASKS_NOW, new Set(['install']))).toEqual([])
})
