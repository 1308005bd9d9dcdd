/** Values by path, with dots between (`actions.0.timeout`); undefined removes the field. */
export type Edits = Readonly<Record<string, unknown>>

type Tree = Record<string, unknown>

/** A copy of an object with some of its fields changed. Steps that are missing on the way are made. */
export const edited = <T extends object>(base: T, edits: Edits): T => {
  const copy = structuredClone(base)
  for (const [path, value] of Object.entries(edits)) {
    const steps = path.split('.')
    const last = steps.pop() ?? ''
    let at = copy as unknown as Tree
    for (const step of steps) {
      at[step] ??= {}
      at = at[step] as Tree
    }
    if (value === undefined) delete at[last]
    else at[last] = value
  }
  return copy
}

const policy = (name: string, spec: object) => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'RemediationPolicy',
  metadata: { name },
  spec,
})

/** The least that a policy can say. */
export const SMALL = policy('small', { match: { causes: ['BackOffOnly'] }, actions: [{ type: 'RecyclePod' }] })

/** A policy with every field that there is. */
export const FULL = policy('full', {
  mode: 'Enforce',
  suspend: false,
  priority: 7,
  match: {
    causes: ['ProjectNotFound', 'Unauthorized'],
    images: ['registry.example.com/old/*', 'docker.io/library/*'],
    namespaces: ['kube-system', 'web'],
    namespaceSelector: { matchLabels: { 'example.com/team': 'web' }, matchExpressions: [] },
    podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'b'] }] },
    nodeSelector: { matchExpressions: [{ key: 'gpu', operator: 'DoesNotExist' }] },
    message: { include: 'project .* not found', exclude: '(?i)rate limit' },
    failingFor: '1m30s',
  },
  actions: [
    {
      type: 'RewriteImage',
      timeout: '5m',
      rewriteImage: {
        rules: [
          { from: 'registry.example.com/old/', to: 'registry.example.com/new/' },
          { pattern: '^docker\\.io/library/([^/]+)$', replace: 'mirror.example.com:5000/hub/$1' },
        ],
        verify: 'IfReachable',
        suggestions: 'Apply',
      },
    },
    { type: 'RecyclePod', timeout: '90s', recyclePod: { method: 'Evict' } },
  ],
  onIneffective: 'Undo',
  managedWorkloads: 'Act',
  controlPlaneNodes: 'Act',
  approvalTimeout: '48h',
  limits: { cooldown: '10s', maxAttempts: 1, maxConcurrent: 5, maxPerHour: 5, maxUnhealthyNodes: '2' },
})
