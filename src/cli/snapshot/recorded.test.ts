import { describe, expect, test } from 'vitest'
import type { KubeClient } from '../../kube/client.ts'
import { forbidden, notFound } from '../../kube/errors.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import { decisionOf } from '../incident/report.ts'
import { readClusterState } from './live.ts'
import { createRecorded, selects } from './recorded.ts'

describe('selectors', () => {
  const labels: Readonly<Record<string, string>> = { app: 'web', tier: 'front' }
  test.each<readonly [string, boolean]>([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app=web,tier=front', true],
    ['app=web,tier=back', false],
    ['app!=web', false],
    ['missing!=web', true],
    ['app', true],
    ['missing', false],
    ['!missing', true],
    ['!app', false],
    ['tier in (front,back)', true],
    ['tier in (back, side),app', false],
    ['tier notin (back)', true],
    ['missing=', true],
  ])('%j selects: %s', (selector, is) => {
    expect(selects(selector, (key) => labels[key])).toBe(is)
  })

  test('that are none are said to be', () => {
    expect(() => selects('a = = b', () => undefined)).toThrow('is not a valid selector requirement')
  })
})

const pod = (name: string, namespace: string, more: object = {}): KubeObject =>
  ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace, uid: name, resourceVersion: '1' },
    ...more,
  }) as KubeObject

describe('objects of a recording', () => {
  const pending = pod('a', 'web', { spec: { nodeName: 'n1' }, status: { phase: 'Pending' } })
  const running = pod('b', 'web', { spec: { nodeName: 'n1' }, status: { phase: 'Running' } })
  const unscheduled = pod('c', 'other', { spec: {}, status: { phase: 'Pending' } })
  const strange = { kind: 'Widget', apiVersion: 'x.example.com/v1', metadata: { name: 'w' } } as unknown as KubeObject
  const { client, missing } = createRecorded([pending, running, unscheduled, strange])

  test('are listed by place and fields as an API server lists them', async () => {
    const names = async (path: string, fieldSelector?: string) =>
      (await client.list<KubeObject>(path, { fieldSelector })).items.map(({ metadata }) => metadata.name)
    expect(await names('/api/v1/pods')).toEqual(['a', 'b', 'c'])
    expect(await names('/api/v1/namespaces/web/pods')).toEqual(['a', 'b'])
    expect(await names('/api/v1/pods', 'status.phase=Pending,spec.nodeName!=')).toEqual(['a'])
  })

  test('leave the policies unknown where none was recorded, with the reason', async () => {
    const recorded = createRecorded([pending])
    const cluster = { client: recorded.client as KubeClient, server: '', namespace: 'web', missingRights: () => [] }
    const { policies, policiesUnread, notes } = await readClusterState(cluster, 'podmend-system')
    expect(policies).toEqual([])
    expect(policiesUnread).toBe('remediationpolicies.podmend.io are not in the recording')
    expect(notes.join('\n')).toContain('the policies in the cluster cannot be read')
    expect(decisionOf({ kind: 'Ignore', why: 'no policy matches' }, policiesUnread)).toEqual({
      verdict: 'Unknown',
      message: 'the policies cannot be read: remediationpolicies.podmend.io are not in the recording',
    })
  })

  test('are not there, or not known where none of their kind was recorded', async () => {
    expect(await client.get('/api/v1/namespaces/web/pods/a')).toBe(pending)
    await expect(client.get('/api/v1/namespaces/web/pods/z')).rejects.toSatisfy(notFound)
    await expect(client.get('/apis/apps/v1/namespaces/web/deployments/z')).rejects.toSatisfy(forbidden)
    await expect(client.list('/api/v1/nodes')).rejects.toSatisfy(forbidden)
    expect(missing()).toEqual(['deployments.apps', 'nodes'])
  })
})
