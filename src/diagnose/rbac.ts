/** Rights of this stage, for the generator: what every installation needs, and what reading pull secrets adds. */
export const RBAC = [
  {
    action: 'observe',
    rules: [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
      { apiGroups: [''], resources: ['namespaces', 'nodes', 'serviceaccounts'], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], verbs: ['get'] },
    ],
  },
  { action: 'ReadPullSecrets', rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] },
] as const
