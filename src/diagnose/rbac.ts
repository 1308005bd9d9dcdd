import type { RbacGrant } from '../model/rbac.ts'

/** What this stage reads; reading pull secrets is granted apart, for not every cluster's owner will. */
export const RBAC: readonly RbacGrant[] = [
  {
    action: 'observe',
    rules: [
      {
        apiGroups: [''],
        resources: ['pods'],
        verbs: ['get', 'list'],
        why: 'to find the failing pods of an owner',
      },
      {
        apiGroups: ['apps'],
        resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'],
        verbs: ['get'],
        why: 'to find the owner of a failing pod, and who manages it',
      },
      {
        apiGroups: ['apps'],
        resources: ['replicasets'],
        verbs: ['list'],
        why: 'to compare a mistyped image with those of earlier revisions',
      },
      {
        apiGroups: ['batch'],
        resources: ['jobs', 'cronjobs'],
        verbs: ['get'],
        why: 'to find the owner of a failing pod, and who manages it',
      },
      {
        apiGroups: ['argoproj.io'],
        resources: ['applications'],
        verbs: ['get', 'list'],
        why: 'to name the repository and path of the permanent fix',
      },
      {
        apiGroups: ['kustomize.toolkit.fluxcd.io'],
        resources: ['kustomizations'],
        verbs: ['get'],
        why: 'to name the repository and path of the permanent fix',
      },
      {
        apiGroups: ['helm.toolkit.fluxcd.io'],
        resources: ['helmreleases'],
        verbs: ['get'],
        why: 'to name the Helm value of the permanent fix',
      },
      {
        apiGroups: ['source.toolkit.fluxcd.io'],
        resources: ['gitrepositories', 'ocirepositories', 'helmrepositories', 'buckets'],
        verbs: ['get'],
        why: 'to name the repository of the permanent fix',
      },
      { apiGroups: [''], resources: ['namespaces', 'nodes'], verbs: ['get'], why: 'to match policies by label' },
      {
        apiGroups: [''],
        resources: ['persistentvolumeclaims', 'persistentvolumes'],
        verbs: ['get'],
        why: 'to find which mount helper a volume of a failing pod needs',
      },
      {
        apiGroups: [''],
        resources: ['serviceaccounts'],
        verbs: ['get'],
        why: 'to find pull secrets that were added after a pod was created',
      },
    ],
  },
  {
    action: 'inspect-nodes',
    namespaced: true,
    rules: [
      {
        apiGroups: ['podmend.io'],
        resources: ['nodetasks'],
        verbs: ['create', 'get', 'list', 'delete'],
        why: 'to request inspections from node agents, and to delete finished tasks',
      },
    ],
  },
  {
    action: 'read-pull-secrets',
    rules: [
      {
        apiGroups: [''],
        resources: ['secrets'],
        verbs: ['get'],
        why: 'to query registries with the credentials of a failing pod',
      },
    ],
  },
]
