import { expect, test } from 'vitest'
import type { NodeTask } from '../api/kinds.ts'
import type { NodeTaskStatus } from '../api/node-task.ts'
import { createMetrics, type Readings } from './metrics.ts'
import type { HeldCount } from '../watch/remediation-cache.ts'

const QUEUE = { depth: 2, adds: 7, retries: 1, unfinishedMs: 1_500, longestRunningMs: 1_000 }
const create = (defaults = false, readings: Readings = {}) =>
  createMetrics({
    version: '1.2.3',
    readings: {
      countByPhase: () => ({ Held: 4 }),
      queues: () => ({ incidents: QUEUE }),
      watches: () => ({ pods: 1_700_000_000_000 }),
      ...readings,
    },
    defaults,
  })

test('an incident is counted once, however often it is seen', async () => {
  const metrics = create()
  for (let i = 0; i < 3; i += 1) metrics.incident('owner/image/hash', 'ProjectNotFound')
  metrics.incident('owner/image/other', 'ProjectNotFound')
  expect((await metrics.scrape()).body).toContain('podmend_incidents_total{cause="ProjectNotFound"} 2')
})

test('what is asked for at a scrape is current and does not add up over scrapes', async () => {
  const metrics = create()
  await metrics.scrape()
  const { body } = await metrics.scrape()
  expect(body).toContain('podmend_remediations_active{phase="Held"} 4')
  expect(body).toContain('podmend_remediations_active{phase="Running"} 0')
  expect(body).toContain('podmend_watch_last_activity_timestamp_seconds{resource="pods"} 1700000000')
  expect(body).toContain('workqueue_adds_total{name="incidents"} 7')
  expect(body).toContain('workqueue_depth{name="incidents"} 2')
  expect(body).toContain('workqueue_unfinished_work_seconds{name="incidents"} 1.5')
})

test('what is no longer held is no longer told', async () => {
  const held: HeldCount[] = [{ policy: 'p', reason: 'BudgetSpent', count: 2 }]
  const metrics = create(false, { held: () => held })
  expect((await metrics.scrape()).body).toContain('podmend_remediations_held{policy="p",reason="BudgetSpent"} 2')
  held.pop()
  expect((await metrics.scrape()).body).not.toContain('podmend_remediations_held{')
})

test('whether it leads is told as it is at the scrape', async () => {
  let leads = false
  const metrics = create(false, { leads: () => leads })
  expect((await metrics.scrape()).body).toContain('podmend_leader 0')
  leads = true
  expect((await metrics.scrape()).body).toContain('podmend_leader 1')
})

test('the breaker is told as it is at the scrape, closed where nobody knows', async () => {
  expect((await create(false, {}).scrape()).body).toContain('podmend_breaker_state 0')
  expect((await create(false, { breaker: () => 2 }).scrape()).body).toContain('podmend_breaker_state 2')
})

test('an order is counted once it is answered, and once only, by its verb and the reason of the answer', async () => {
  const metrics = create(false)
  const task = (uid: string, status?: NodeTaskStatus): NodeTask => ({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'NodeTask',
    metadata: { name: uid, uid, resourceVersion: '1' },
    spec: { nodeName: 'n', nodeUid: 'u', verb: 'RestartRuntime', deadline: '2026-03-01T12:00:00Z' },
    ...(status && { status }),
  })
  const refused = task('c', { phase: 'Refused', reason: 'NotNeeded' })
  metrics.tasksCompleted([task('a'), task('b', { phase: 'Running', reason: 'Accepted' }), refused])
  metrics.tasksCompleted([task('a', { phase: 'Succeeded', reason: 'Done' }), refused])
  const { body } = await metrics.scrape()
  expect(body).toContain('podmend_agent_tasks_total{verb="RestartRuntime",result="Done"} 1')
  expect(body).toContain('podmend_agent_tasks_total{verb="RestartRuntime",result="NotNeeded"} 1')
  expect(body).not.toContain('Accepted')
})

test('the metrics bear the names of the documents', async () => {
  const metrics = create(true)
  metrics.count({ held: { policy: 'p', reason: 'CoolingDown' } })
  metrics.count({ ended: { policy: 'p', action: 'RewriteImage', result: 'Succeeded', seconds: 12 } })
  const { body, contentType } = await metrics.scrape()
  expect(contentType).toContain('text/plain')
  expect(body).toContain('podmend_held_total{policy="p",reason="CoolingDown"} 1')
  expect(body).toContain('podmend_remediations_total{policy="p",action="RewriteImage",result="Succeeded"} 1')
  expect(body).toContain('podmend_remediation_duration_seconds_count{action="RewriteImage"} 1')
  const names = new Set([...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
  for (const name of [
    'podmend_incidents_total',
    'podmend_remediations_held',
    'podmend_leader',
    'podmend_breaker_state',
    'podmend_agent_tasks_total',
    'podmend_build_info',
    'workqueue_retries_total',
    'workqueue_queue_duration_seconds',
    'workqueue_work_duration_seconds',
    'workqueue_longest_running_processor_seconds',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_seconds',
  ])
    expect(names).toContain(name)
})
