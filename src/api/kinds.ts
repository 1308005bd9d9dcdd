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
    'Which pod failures may be remedied, and how. A policy only observes until mode says otherwise. Other API groups have a kind of the same name: use rempol, or remediationpolicies.podmend.io.',
  spec: policySpec,
  specDescription: 'Which failures, which remedies, within which bounds.',
  status: policyStatus,
  statusDescription: 'Whether the policy is valid, and what podmend did under it.',
  rules: [
    {
      // Remediations carry it as a label, and label values are that short.
      rule: 'size(self.metadata.name) <= 63',
      message: 'metadata.name must have at most 63 characters because it becomes a label of Remediations: shorten it',
    },
  ],
  columns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'Observe, Approve or Enforce.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether the policy is valid.',
    },
    { name: 'Active', type: 'integer', jsonPath: '.status.active', description: 'Remediations in progress.' },
    { name: 'Succeeded', type: 'integer', jsonPath: '.status.succeeded', description: 'Remediations that succeeded.' },
    {
      name: 'Held',
      type: 'integer',
      jsonPath: '.status.held',
      description: 'Incidents currently held by a guardrail.',
    },
    {
      name: 'Last action',
      type: 'date',
      jsonPath: '.status.lastActionTime',
      description: 'When the policy last acted.',
    },
    {
      name: 'Causes',
      type: 'string',
      jsonPath: '.spec.match.causes',
      description: 'Causes that the policy matches.',
      priority: 1,
    },
    {
      name: 'Priority',
      type: 'integer',
      jsonPath: '.spec.priority',
      description: 'Of several matching policies, the highest priority acts.',
      priority: 1,
    },
    {
      name: 'Message',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].message',
      description: 'Why the policy is valid or not.',
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
    'One incident: what failed, what is planned and done, and whether it helped. Written by podmend; people only add spec.approval.',
  spec: remediationSpec,
  specDescription: 'What failed, as first observed. Immutable except for approval.',
  status: remediationStatus,
  statusDescription: 'Diagnosis, plan and progress.',
  rules: REMEDIATION_RULES,
  columns: [
    {
      name: 'Cause',
      type: 'string',
      jsonPath: '.status.cause',
      description: 'Current diagnosis of why the pods fail.',
    },
    { name: 'Kind', type: 'string', jsonPath: '.spec.target.kind', description: 'Kind of the owner.' },
    { name: 'Target', type: 'string', jsonPath: '.spec.target.name', description: 'Owner of the failing pods.' },
    { name: 'Action', type: 'string', jsonPath: '.status.action', description: 'The remedy.' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Current phase.' },
    { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Machine-readable reason.' },
    // As text: kubectl shows a date that is yet to come as <invalid>.
    {
      name: 'Until',
      type: 'string',
      jsonPath: '.status.expiresAt',
      description: 'When the request for approval expires.',
      priority: 1,
    },
    {
      name: 'Message',
      type: 'string',
      jsonPath: '.status.message',
      description: 'Human-readable explanation.',
      priority: 1,
    },
    {
      name: 'Policy',
      type: 'string',
      jsonPath: '.status.policy.name',
      description: 'The policy that applies.',
      priority: 1,
    },
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
    'One task from the controller for the agent on one node, from a closed list of verbs. The agent reports the result in status.',
  spec: nodeTaskSpec,
  specDescription: 'The task. Immutable.',
  status: nodeTaskStatus,
  statusDescription: 'The result, written by the agent on that node.',
  rules: [],
  columns: [
    { name: 'Node', type: 'string', jsonPath: '.spec.nodeName', description: 'Node that the task is for.' },
    { name: 'Verb', type: 'string', jsonPath: '.spec.verb', description: 'Verb of the task.' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Current phase.' },
    { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'Machine-readable reason.' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'When the task was created.' },
    {
      name: 'Message',
      type: 'string',
      jsonPath: '.status.message',
      description: 'Human-readable explanation.',
      priority: 1,
    },
    {
      name: 'Deadline',
      type: 'string',
      jsonPath: '.spec.deadline',
      description: 'When the task expires.',
      priority: 1,
    },
  ],
  selectable: ['.spec.nodeName'],
}

/** Every kind of the group. */
export const KINDS: readonly KindDefinition[] = [remediationPolicy, remediation, nodeTask]

/** What `crds/` holds and the controller expects of the cluster. Throws where a schema is not structural. */
export const customResourceDefinitions = (): readonly CustomResourceDefinition[] => KINDS.map(crdOf)

/** As read from the server; `spec` is only valid after `admitPolicy` has parsed it. */
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

/** A task for the agent on one node; in the operator's namespace. */
export interface NodeTask {
  readonly apiVersion: string
  readonly kind: 'NodeTask'
  readonly metadata: ObjectMeta
  readonly spec: NodeTaskSpec
  readonly status?: NodeTaskStatus
}
