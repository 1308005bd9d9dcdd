/** Rights that reporting needs; also in a cluster where nothing may be changed. */
import { GROUP } from '../model/names.ts'
import type { RbacGrant } from '../model/rbac.ts'

export const RBAC: RbacGrant = {
  action: 'observe',
  rules: [
    {
      apiGroups: [GROUP],
      resources: ['remediations'],
      verbs: ['get', 'list', 'watch', 'create', 'delete'],
      why: 'to keep a record of each incident, and to delete those that are past their time',
    },
    {
      apiGroups: [GROUP],
      resources: ['remediations/status'],
      verbs: ['update'],
      why: 'to say on each record what is held, done and proven',
    },
    {
      apiGroups: [GROUP],
      resources: ['remediationpolicies'],
      verbs: ['get', 'list', 'watch'],
      why: 'to read what is allowed',
    },
    {
      apiGroups: [GROUP],
      resources: ['remediationpolicies/status'],
      verbs: ['update'],
      why: 'to say on each policy whether it is in force, and what it has done',
    },
    {
      apiGroups: [''],
      resources: ['events'],
      verbs: ['create', 'patch'],
      why: 'to tell on workloads and policies what is done and what is held',
    },
  ],
}
