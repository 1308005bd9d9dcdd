import type { ObjectMeta } from '../model/kubernetes.ts'
import { crdOf, type CustomResourceDefinition, type KindDefinition } from './crd.ts'
import { nodeTaskSpec, type NodeTaskSpec, nodeTaskStatus, type NodeTaskStatus } from './node-task.ts'
import { policySpec, type PolicySpec, policyStatus, type PolicyStatus } from './policy/policy.ts'
import {
  REMEDIATION_RULES,
  remediationSpec,
  type RemediationSpec,
  remediationStatus,
  type RemediationStatus,
} from './remediation.ts'

const remediationPolicy: KindDefinition = {
  kind: 'RemediationPolicy',
  plural: 'remediationpolicies',
  shortNames: ['rempol'],
  scope: 'Cluster',
  description:
    'What may be done about which failures of pods. It observes until mode says otherwise. The kind exists in other groups: ask for rempol, or remediationpolicies.podmend.io.',
  spec: policySpec,
  specDescription: 'Which failures, which remedies, within which bounds.',
  status: policyStatus,
  statusDescription: 'What podmend makes of the policy and did by it.',
  rules: [
    {
      // Remediations carry it as a label, and label values are that short.
      rule: 'size(self.metadata.name) <= 63',
      message: 'metadata.name must have at most 63 characters, for it becomes a label of Remediations: shorten it',
    },
  ],
  columns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'Observe, Approve or Enforce.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether the policy is understood.',
    },
    { name: 'Active', type: 'integer', jsonPath: '.status.active', description: 'Remediations under way.' },
    { name: 'Succeeded', type: 'integer', jsonPath: '.status.succeeded', description: 'Remediations that helped.' },
    { name: 'Held', type: 'integer', jsonPath: '.status.held', description: 'Incidents that a guardrail holds now.' },
    { name: 'Last action', type: 'date', jsonPath: '.status.lastActionTime', description: 'When it last acted.' },
    { name: 'Causes', type: 'string', jsonPath: '.spec.match.causes', description: 'What it answers to.', priority: 1 },
    { name: 'Priority', type: 'integer', jsonPath: '.spec.priority', description: 'The highest acts.', priority: 1 },
    {
      name: 'Message',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].message',
      description: 'Why it is, or is not, understood.',
      priority: 1,
    },
  ],
  selectable: ['.spec.mode'],
}

const remediation: KindDefinition = {
  kind: 'Remediation',
  plural: 'remediations',
  shortNames: ['rem'],
  scope: 'Namespaced',
  description:
    'One incident: what failed, what is planned and done about it, and whether it helped. Written by podmend; a person adds spec.approval at most.',
  spec: remediationSpec,
  specDescription: 'What failed, as it was seen. It cannot be changed, but for approval.',
  status: remediationStatus,
  statusDescription: 'What is known, planned and done.',
  rules: REMEDIATION_RULES,
  columns: [
    { name: 'Cause', type: 'string', jsonPath: '.status.cause', description: 'Why the pods fail, as known now.' },
    { name: 'Kind', type: 'string', jsonPath: '.spec.target.kind', description: 'Kind of the owner.' },
    { name: 'Target', type: 'string', jsonPath: '.spec.target.name', description: 'Owner of the failing pods.' },
    { name: 'Action', type: 'string', jsonPath: '.status.action', description: 'The remedy.' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'How far it came.' },
    { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Why, in one word.' },
    // As text: kubectl shows a date that is yet to come as <invalid>.
    {
      name: 'Until',
      type: 'string',
      jsonPath: '.status.expiresAt',
      description: 'When an approval is due.',
      priority: 1,
    },
    { name: 'Message', type: 'string', jsonPath: '.status.message', description: 'Why, in a sentence.', priority: 1 },
    { name: 'Policy', type: 'string', jsonPath: '.status.policy.name', description: 'What governs it.', priority: 1 },
    { name: 'Node', type: 'string', jsonPath: '.spec.node', description: 'Node of the first pod.', priority: 1 },
  ],
  selectable: ['.spec.policy.name', '.status.policy.name', '.spec.cause', '.status.phase'],
}

const nodeTask: KindDefinition = {
  kind: 'NodeTask',
  plural: 'nodetasks',
  shortNames: ['ntask'],
  scope: 'Namespaced',
  description:
    "One order of the controller to the agent on one node, from a closed list of verbs. Its status is the agent's answer.",
  spec: nodeTaskSpec,
  specDescription: 'The order. It cannot be changed.',
  status: nodeTaskStatus,
  statusDescription: 'The answer of the agent on that node.',
  rules: [],
  columns: [
    { name: 'Node', type: 'string', jsonPath: '.spec.nodeName', description: 'Node that it is for.' },
    { name: 'Verb', type: 'string', jsonPath: '.spec.verb', description: 'What to do.' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'How far it came.' },
    { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Why, in one word.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'When it was given.' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', description: 'Why, in a sentence.', priority: 1 },
    { name: 'Deadline', type: 'string', jsonPath: '.spec.deadline', description: 'Until when it stands.', priority: 1 },
  ],
  selectable: ['.spec.nodeName'],
}

/** Every kind of the group. */
export const KINDS: readonly KindDefinition[] = [remediationPolicy, remediation, nodeTask]

/** What `crds/` holds and the controller expects of the cluster. Throws where a schema is not structural. */
export const customResourceDefinitions = (): readonly CustomResourceDefinition[] => KINDS.map(crdOf)

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
