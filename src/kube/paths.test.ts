import { describe, expect, it } from 'vitest'
import { parsePath, pathOf, type PathParts } from './paths.ts'

describe('paths', () => {
  it.each<[PathParts, string]>([
    [{ kind: 'Pod' }, '/api/v1/pods'],
    [{ kind: 'Pod', namespace: 'shop', name: 'web-0' }, '/api/v1/namespaces/shop/pods/web-0'],
    [
      { kind: 'Pod', namespace: 'shop', name: 'web-0', subresource: 'eviction' },
      '/api/v1/namespaces/shop/pods/web-0/eviction',
    ],
    [{ kind: 'Deployment', namespace: 'shop', name: 'web' }, '/apis/apps/v1/namespaces/shop/deployments/web'],
    [{ kind: 'Node', name: 'n1', namespace: 'ignored' }, '/api/v1/nodes/n1'],
    [{ kind: 'Namespace', name: 'shop' }, '/api/v1/namespaces/shop'],
    [
      { kind: 'RemediationPolicy', name: 'p', subresource: 'status' },
      '/apis/podmend.io/v1alpha1/remediationpolicies/p/status',
    ],
    [{ apiVersion: 'x.io/v2', plural: 'gadgets', namespace: 'a', name: 'b' }, '/apis/x.io/v2/namespaces/a/gadgets/b'],
    [{ kind: 'ClusterRole', name: 'system:node' }, '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode'],
  ])('of %j is %s', (parts, path) => {
    expect(pathOf(parts)).toBe(path)
  })

  it.each(['..', '.', '', 'a/b', '../../kube-system/secrets/x', 'a%2Fb', 'a\nb'])('refuse %j as a name', (name) => {
    expect(() => pathOf({ kind: 'Secret', namespace: 'shop', name })).toThrow(/cannot be the name/)
    expect(() => pathOf({ kind: 'Secret', namespace: name, name: 'x' })).toThrow(/cannot be the namespace/)
  })

  it('refuse a kind that is not known', () => {
    expect(() => pathOf({ kind: 'Gadget', name: 'x' })).toThrow(/kind Gadget is not known/)
  })

  it.each<[string, ReturnType<typeof parsePath>]>([
    [
      '/api/v1/namespaces/shop/pods/web-0/eviction',
      { group: '', resource: 'pods', namespace: 'shop', name: 'web-0', subresource: 'eviction' },
    ],
    ['/api/v1/namespaces/shop', { group: '', resource: 'namespaces', name: 'shop' }],
    ['/apis/apps/v1/deployments?limit=5', { group: 'apps', resource: 'deployments' }],
    ['/version', undefined],
  ])('are understood: %s', (path, parsed) => {
    expect(parsePath(path)).toEqual(parsed)
  })
})
