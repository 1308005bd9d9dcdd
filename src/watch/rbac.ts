import type { RbacGrant } from '../model/rbac.ts'

/** What the watches of this folder read. */
export const RBAC: RbacGrant = {
  action: 'observe',
  rules: [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'], why: 'to see which pods cannot start' },
    { apiGroups: [''], resources: ['events'], verbs: ['list', 'watch'], why: 'to hear what is said of failing pods' },
    {
      apiGroups: [''],
      resources: ['nodes'],
      verbs: ['list', 'watch'],
      why: 'to see which nodes fail, and how many are unhealthy',
    },
    {
      apiGroups: [''],
      resources: ['namespaces'],
      verbs: ['list', 'watch'],
      why: "to see the stop annotation on the operator's namespace",
    },
    {
      apiGroups: ['podmend.io'],
      resources: ['remediationpolicies', 'remediations'],
      verbs: ['list', 'watch'],
      why: 'to see what is allowed, and what was done before',
    },
  ],
}
