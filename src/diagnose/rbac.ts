import type { RbacGrant } from '../model/rbac.ts'

/** What this stage reads; reading pull secrets is granted apart, for not every cluster's owner will. */
export const RBAC: readonly RbacGrant[] = [
  {
    action: 'observe',
    rules: [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'], why: 'to see which pods of an owner fail' },
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
        why: 'to say in which repository and path to mend it for good',
      },
      {
        apiGroups: ['kustomize.toolkit.fluxcd.io'],
        resources: ['kustomizations'],
        verbs: ['get'],
        why: 'to say in which repository and path to mend it for good',
      },
      {
        apiGroups: ['helm.toolkit.fluxcd.io'],
        resources: ['helmreleases'],
        verbs: ['get'],
        why: 'to say by which Helm value to mend it for good',
      },
      {
        apiGroups: ['source.toolkit.fluxcd.io'],
        resources: ['gitrepositories', 'ocirepositories', 'helmrepositories', 'buckets'],
        verbs: ['get'],
        why: 'to say in which repository to mend it for good',
      },
      { apiGroups: [''], resources: ['namespaces', 'nodes'], verbs: ['get'], why: 'to match policies by label' },
      {
        apiGroups: [''],
        resources: ['serviceaccounts'],
        verbs: ['get'],
        why: 'to see pull secrets that came too late',
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
        why: 'to ask the agents on nodes what they see, and to delete what they answered',
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
        why: "to ask registries with a failing pod's own rights",
      },
    ],
  },
]
