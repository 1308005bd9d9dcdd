import type { RbacGrant } from '../api/rbac.ts'

/** What leader election needs, in the operator's own namespace. The name of a lease cannot be known when it is created. */
export const RBAC: RbacGrant = {
  action: 'lead',
  rules: [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'], why: 'to stand for the lease' },
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      resourceNames: ['kubemend'],
      verbs: ['get', 'update'],
      why: 'to hold the lease, so that only one replica acts',
    },
  ],
}
