import type { ObjectMeta } from './kubernetes.ts'
import type { NodeTaskSpec, NodeTaskStatus } from './node-task.ts'
import type { PolicySpec, PolicyStatus } from './policy.ts'
import type { RemediationSpec, RemediationStatus } from './remediation.ts'

/** Read as it stands on the server; `spec` is only trusted after `admitPolicy` parsed it. */
export interface RemediationPolicy {
  readonly apiVersion: string
  readonly kind: 'RemediationPolicy'
  readonly metadata: ObjectMeta
  readonly spec: PolicySpec
  readonly status?: PolicyStatus
}

export interface Remediation {
  readonly apiVersion: string
  readonly kind: 'Remediation'
  readonly metadata: ObjectMeta
  readonly spec: RemediationSpec
  readonly status?: RemediationStatus
}

/** An order to the agent on one node; in the operator's namespace. */
export interface NodeTask {
  readonly apiVersion: string
  readonly kind: 'NodeTask'
  readonly metadata: ObjectMeta
  readonly spec: NodeTaskSpec
  readonly status?: NodeTaskStatus
}
