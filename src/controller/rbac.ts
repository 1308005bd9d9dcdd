import type { RbacGrant } from '../model/rbac.ts'

/**
 * What leader election needs, in the operator's own namespace: the name of a lease cannot be known when it is created.
 */
export const RBAC: readonly RbacGrant[] = [
  {
    action: 'lead',
    namespaced: true,
    rules: [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'], why: 'to stand for the lease' },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['podmend'],
        verbs: ['get', 'update'],
        why: 'to hold the lease, so that only one replica acts',
      },
    ],
  },
]
