import { describe, expect, test } from 'vitest'
import type { Pod, Workload } from '../../model/kubernetes.ts'
import { ownerOfCronJob, ownerOfJob, templateHashOf } from './owner.ts'

const metadata = { name: 'report', uid: 'u', resourceVersion: '1' }
const ref = (kind: string) => ({ apiVersion: 'batch/v1', kind, namespace: 'shop', name: 'report', uid: 'u' })
const podSpec = { containers: [{ name: 'web', image: 'a.io/old/web:1' }] }
const job = (words: Pick<Workload, 'spec' | 'status'> = {}) =>
  ownerOfJob(ref('Job'), { metadata, status: words.status ?? {}, spec: { template: { spec: podSpec }, ...words.spec } })
const cronJob = (words: Pick<Workload, 'spec' | 'status'> = {}) =>
  ownerOfCronJob(ref('CronJob'), {
    metadata,
    status: words.status ?? {},
    spec: { jobTemplate: { spec: { template: { spec: podSpec } } }, ...words.spec },
  })

describe('a Job', () => {
  test('has a template that cannot be changed, and pods that are deleted for good', () => {
    expect(job()).toMatchObject({ templateFixed: true, patchesPods: true, recreatesPods: false, replicas: 1 })
    expect(job().containers).toEqual(podSpec.containers)
    expect(job({ spec: { parallelism: 3 } }).replicas).toBe(3)
  })

  test.each([
    ['Complete', true],
    ['Failed', true],
    ['FailureTarget', true],
    ['Suspended', false],
  ])('with condition %s is blocked: %s', (type, isBlocked) => {
    const { blocked } = job({ status: { conditions: [{ type, status: 'True' }] } })
    expect(blocked !== undefined).toBe(isBlocked)
    expect(job({ status: { conditions: [{ type, status: 'False' }] } }).blocked).toBeUndefined()
  })

  test('that is suspended wants no pods', () => {
    expect(job({ spec: { suspend: true } })).toMatchObject({
      replicas: 0,
      blocked: expect.stringContaining('suspended'),
    })
  })

  test('tells how many of its pods are active where a CronJob tells which Jobs are', () => {
    expect(job({ status: { active: 2 } }).activeJobs).toBeUndefined()
  })
})

describe('a CronJob', () => {
  test('has its template where its Jobs take it from', () => {
    expect(cronJob().containers).toEqual(podSpec.containers)
    expect(cronJob().templateFixed).toBeUndefined()
  })

  test('has no selector, but the labels that all of its pods have', () => {
    const template = { metadata: { labels: { app: 'report' } }, spec: podSpec }
    expect(cronJob({ spec: { jobTemplate: { spec: { template } } } }).selector).toEqual({
      matchLabels: { app: 'report' },
    })
    expect(cronJob().selector).toBeUndefined()
  })

  test('that is suspended is blocked', () => {
    expect(cronJob({ spec: { suspend: true } }).blocked).toContain('CronJob report is suspended')
  })

  test('tells its newest Jobs, as many as one question can name, and its last success', () => {
    const active = Array.from({ length: 300 }, (_, i) => ({ kind: 'Job', name: `report-${i}`, uid: `job-${i}` }))
    const owner = cronJob({ status: { active, lastSuccessfulTime: '2026-03-01T12:00:00Z' } })
    expect(owner.activeJobs).toHaveLength(100)
    expect(owner.activeJobs?.[0]).toBe('job-299')
    expect(owner.lastSuccessAt).toBe(Date.parse('2026-03-01T12:00:00Z'))
    expect(cronJob().activeJobs).toEqual([])
  })
})

describe('the revision of a pod', () => {
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'report-1', uid: 'j', controller: true }]
  const pod = (image: string, more: Partial<Pod['metadata']> = {}): Pod => ({
    metadata: { name: 'p', uid: 'p', resourceVersion: '1', ownerReferences, ...more },
    spec: { containers: [{ name: 'web', image }] },
  })
  const old = templateHashOf(pod('a.io/old/web:1'))

  test('of a Job is that of its images, whichever Job of the CronJob it is', () => {
    const [reference] = ownerReferences
    const other = pod('a.io/old/web:1', { uid: 'q', ownerReferences: reference ? [{ ...reference, uid: 'k' }] : [] })
    expect(templateHashOf(other)).toBe(old)
    expect(templateHashOf(pod('a.io/new/web:1'))).not.toBe(old)
  })

  test('stays what it was when the pod was given another image itself', () => {
    const annotations = { 'podmend.io/original-image': JSON.stringify({ web: 'a.io/old/web:1' }) }
    expect(templateHashOf(pod('a.io/new/web:1', { annotations }))).toBe(old)
  })

  test('is what a Deployment or a StatefulSet marks on it, and of a pod that nothing owns its uid', () => {
    expect(templateHashOf(pod('x', { labels: { 'pod-template-hash': 'h' } }))).toBe('h')
    expect(templateHashOf(pod('x', { labels: { 'controller-revision-hash': 'r' } }))).toBe('r')
    expect(templateHashOf(pod('x', { ownerReferences: [] }))).toBe('p')
  })
})
