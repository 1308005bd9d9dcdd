import { expect, test } from 'vitest'
import type { Remediation } from '../api/kinds.ts'
import { aRecord } from '../decide/testing.ts'
import { createEventHandlers, resumeIncidents } from './event-handlers.ts'
import { createManualClock } from '../runtime/clock.ts'
import { createState } from './state.ts'

const setUp = (mayAct: boolean) => {
  const state = createState({ namespace: 'ops', clock: createManualClock(0), onPodChange: () => undefined })
  const queued: string[] = []
  const handlers = createEventHandlers({
    state,
    now: () => 0,
    namespace: 'ops',
    mayAct: () => mayAct,
    enqueue: (key) => queued.push(key),
    changes: {
      policies: () => undefined,
      node: () => undefined,
      paused: () => undefined,
      current: () => undefined,
      record: () => undefined,
    },
  })
  return { state, queued, handlers }
}

const recordOf = (name: string): Remediation => {
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name, uid: `uid-${name}` }
  const record = aRecord({ name, phase: 'Held', steps: [] })
  return {
    ...record,
    metadata: { ...record.metadata, namespace: 'web', resourceVersion: '1' },
    spec: { ...record.spec, target },
  }
}

test('a standby opens no incidents for records, however many come and go', () => {
  const { state, handlers } = setUp(false)
  for (let i = 0; i < 100; i += 1) {
    const record = recordOf(`r${i}`)
    const status = { ...record.status, phase: 'Succeeded' as const, finishedAt: '2030-01-01T00:00:00Z' }
    handlers.remediations.upsert(record)
    handlers.remediations.upsert({ ...record, metadata: { ...record.metadata, resourceVersion: '2' }, status })
    handlers.remediations.remove(record.metadata.uid)
  }
  expect(state.incidents.keys()).toEqual([])
  expect(state.remediations.all()).toEqual([])
})

test('a replica that begins to lead takes up the open records, and forgets them when it no longer leads', () => {
  const { state, handlers } = setUp(false)
  handlers.remediations.upsert(recordOf('a'))
  resumeIncidents(state)
  expect(state.incidents.keys()).toEqual(['web/Deployment/a/uid-a/image'])
  state.incidents.clear()
  expect(state.incidents.keys()).toEqual([])
})

test('the leader takes up a record as it appears', () => {
  const { state, queued, handlers } = setUp(true)
  handlers.remediations.upsert(recordOf('a'))
  expect([state.incidents.keys(), queued]).toEqual([['web/Deployment/a/uid-a/image'], ['web/Deployment/a/uid-a/image']])
})
