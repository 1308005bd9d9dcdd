import { expect, test } from 'vitest'
import { admitPolicy } from '../api/policy/compile.ts'
import type { KubeObject } from '../model/kubernetes.ts'
import { createPolicyCache } from './policy-cache.ts'

const policy = (version: number, generation: number, spec: object = {}): KubeObject =>
  ({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name: 'p', uid: 'u', resourceVersion: String(version), generation },
    spec: { match: { causes: ['ProjectNotFound'], failingFor: '0s' }, actions: [{ type: 'RecyclePod' }], ...spec },
  }) as KubeObject

const setUp = () => {
  const cache = createPolicyCache(admitPolicy)
  return { cache, suspended: () => cache.inForce().map(({ spec }) => spec.suspend) }
}

test('what was read right before a write does not replace what the watch reported meanwhile', () => {
  const { cache, suspended } = setUp()
  cache.put(policy(9, 2, { suspend: true }))
  expect(cache.put(policy(7, 1))).toBe(false)
  expect(suspended()).toEqual([true])
  // A version with more digits is later.
  expect(cache.put(policy(10, 3))).toBe(true)
  expect(suspended()).toEqual([false])
})

test('after a restore, an earlier version counts, and the same generation may have other content', () => {
  const { cache, suspended } = setUp()
  cache.put(policy(90, 2, { suspend: true }))
  cache.forgetVersions()
  expect(cache.put(policy(50, 2))).toBe(true)
  expect(suspended()).toEqual([false])
})
