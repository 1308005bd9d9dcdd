import { describe, expect, test } from 'vitest'
import type { KubeEvent } from '../model/kubernetes.ts'
import { lastSeen, startupWarningOf, warningEventOf } from './pod-cache.ts'

const event = (over: Partial<KubeEvent> = {}): KubeEvent => ({
  metadata: { name: 'e', namespace: 'web', uid: 'e1', resourceVersion: '1', creationTimestamp: '2030-01-01T00:00:00Z' },
  involvedObject: { kind: 'Pod', namespace: 'web', name: 'p', uid: 'u1', fieldPath: 'spec.containers{app}' },
  reason: 'Failed',
  message: 'Failed to pull image',
  type: 'Warning',
  source: { component: 'kubelet' },
  ...over,
})

describe('a Warning Event', () => {
  test('names pod, container, reason and reporter', () => {
    expect(warningEventOf(event())).toEqual({
      ref: { namespace: 'web', name: 'p', uid: 'u1' },
      warning: {
        reason: 'Failed',
        message: 'Failed to pull image',
        container: 'app',
        reporter: 'kubelet',
        lastSeen: Date.parse('2030-01-01T00:00:00Z'),
        createdAt: Date.parse('2030-01-01T00:00:00Z'),
      },
    })
  })

  test('of an init container names it as well, of a sandbox none', () => {
    const about = { kind: 'Pod', namespace: 'web', name: 'p', uid: 'u1' }
    expect(
      warningEventOf(event({ involvedObject: { ...about, fieldPath: 'spec.initContainers{init}' } }))?.warning
        .container,
    ).toBe('init')
    expect(warningEventOf(event({ involvedObject: about }))?.warning).not.toHaveProperty('container')
  })

  test.each<[string, Partial<KubeEvent>]>([
    ['that is ours would be a loop', { reportingComponent: 'podmend.io/controller' }],
    ['that is ours by its old field', { reportingComponent: '', source: { component: 'podmend' } }],
    ['about another kind', { involvedObject: { kind: 'Node', name: 'n', uid: 'u', namespace: 'web' } }],
    ['without a pod', {}],
    [
      'about what can be no pod',
      { involvedObject: { kind: 'Pod', namespace: 'web', name: '../../secrets/x', uid: 'u' } },
    ],
    ['without a uid', { involvedObject: { kind: 'Pod', namespace: 'web', name: 'p' } }],
    [
      'about a pod in another namespace than its own',
      { involvedObject: { kind: 'Pod', namespace: 'kube-system', name: 'p', uid: 'u' } },
    ],
  ])('%s is not listened to', (_, over) => {
    const { involvedObject: _about, ...bare } = event()
    expect(warningEventOf(Object.keys(over).length === 0 ? bare : event(over))).toBeUndefined()
  })

  test('without reason or message is not listened to', () => {
    const { reason: _reason, ...unreasoned } = event()
    const { message: _message, ...silent } = event()
    expect([warningEventOf(unreasoned), warningEventOf(silent)]).toEqual([undefined, undefined])
  })

  test('of a hostile length is cut', () => {
    const warning = warningEventOf(event({ message: 'x'.repeat(1_000_000), reason: 'y'.repeat(10_000) }))?.warning
    expect([warning?.message.length, warning?.reason.length]).toEqual([4_096, 128])
  })
})

describe('last seen', () => {
  test.each<[string, Partial<KubeEvent>, string]>([
    ['its last occurrence', { lastTimestamp: '2030-01-01T00:05:00Z' }, '2030-01-01T00:05:00Z'],
    [
      'the series',
      { series: { lastObservedTime: '2030-01-01T00:09:00Z' }, eventTime: '2030-01-01T00:01:00Z' },
      '2030-01-01T00:09:00Z',
    ],
    ['the event time', { eventTime: '2030-01-01T00:02:00Z', lastTimestamp: null }, '2030-01-01T00:02:00Z'],
    ['the creation where nothing else is said', { lastTimestamp: null, series: null }, '2030-01-01T00:00:00Z'],
    ['what is a time, not what is none', { lastTimestamp: 'yesterday' }, '2030-01-01T00:00:00Z'],
  ])('is the latest: %s', (_, over, expected) => {
    expect(lastSeen(event(over))).toBe(Date.parse(expected))
  })
})

test('a warning that the catalogue does not know says nothing about startup', () => {
  const known = event({ message: 'Failed to pull image "nginx:0": manifest unknown' })
  expect(startupWarningOf(known)).toEqual(warningEventOf(known))
  const other = event({
    reason: 'Unhealthy',
    message: 'Readiness probe failed: HTTP probe failed with statuscode: 500',
  })
  expect(warningEventOf(other)).toBeDefined()
  expect(startupWarningOf(other)).toBeUndefined()
})
