import type { ActionType } from '../api/policy/actions.ts'

/** One RBAC rule, with its purpose. */
export interface RbacRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
  /** A phrase that completes "needed …", e.g. `to read the owner of a failing pod`. */
  readonly why: string
}

/**
 * Permissions, declared beside the code that needs them in an exported constant `RBAC` (one, or a list). `npm run generate`
 * collects them from `src/` into `manifests/rbac.yaml`: one role a value of `action`, never `*`.
 *
 * `observe` is all that an observing controller needs, `lead` (in the operator's own namespace) what leader
 * election needs, `inspect-nodes` (there too) to ask the agents on nodes what they see; `read-pull-secrets` and each action
 * are granted apart, `share-node-leases` in the one namespace where remediators keep those.
 */
export interface RbacGrant {
  /** Granted in the operator's own namespace alone, by a Role. */
  readonly namespaced?: true
  readonly action: 'observe' | 'lead' | 'inspect-nodes' | 'read-pull-secrets' | 'share-node-leases' | ActionType
  readonly rules: readonly RbacRule[]
}
