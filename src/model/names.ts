/** Names on objects that users see, and the safety switches among them. Names must not change, because clusters store them. */
export const GROUP = 'podmend.io'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}`

/** On the operator's namespace, any value but `"false"` stops everything (`pauses`). */
export const PAUSED_ANNOTATION = `${GROUP}/paused`
/** Annotation or label on pod, owner, namespace or node; any value but `"false"` opts out (`excludes`). */
export const EXCLUDE_KEY = `${GROUP}/exclude`
/** On a workload that was rewritten: JSON object, container name → image before the first rewrite. */
export const ORIGINAL_IMAGE_ANNOTATION = `${GROUP}/original-image`
/** On a workload that a person reverted: JSON object, container name → image that stays, until a person removes the annotation. */
export const REVERTED_IMAGE_ANNOTATION = `${GROUP}/reverted-image`
/** On a Remediation: the uid of the incident's owner, so that records of one owner are found by selector. */
export const OWNER_UID_LABEL = `${GROUP}/owner-uid`
export const AREA_LABEL = `${GROUP}/area`
export const POLICY_LABEL = `${GROUP}/policy`

/** Field manager of every write; `kubectl get --show-managed-fields` names it. */
export const FIELD_MANAGER = 'podmend'

/** Matched only by policies that name them. The operator's own namespace joins them at run time. */
export const PROTECTED_NAMESPACES: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease']

/** ValidatingAdmissionPolicy, and its binding, by which the API server checks who approves what. */
export const APPROVAL_POLICY = 'podmend-approval'
/** ValidatingAdmissionPolicy, and its binding, by which only the controller creates Remediations and writes their status. */
export const REMEDIATION_POLICY = 'podmend-remediation'
/** ClusterRole of those who may approve; bound to no one by default. */
export const APPROVER_ROLE = 'podmend-approver'

/** Labels by which a node is known to run the control plane. */
export const CONTROL_PLANE_LABELS: readonly string[] = [
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
]

/** Label and taint of a flagged node: this prefix and the cause; the value is a detail such as `nfs`, or `true`. */
export const FLAG_PREFIX = 'flag.podmend.io/'
/** On the short-lived pods that install a mount helper on a node, in the operator's namespace. */
export const INSTALL_LABEL = `${GROUP}/privileged-install`
/** ValidatingAdmissionPolicy, and its binding, by which an agent can update only the tasks of its own node. */
export const NODE_TASK_POLICY = 'podmend-node-task'
/** ServiceAccount of the node agent. */
export const AGENT_ACCOUNT = 'podmend-agent'

// The two safety switches on objects. They fail closed: any value, such as `True`, `yes` or an empty one, stops; only an
// explicit `"false"` does not.

type Texts = Readonly<Record<string, string>> | undefined

export interface Marked {
  readonly labels?: Texts
  readonly annotations?: Texts
}

const stops = (value: string | undefined): boolean => value !== undefined && value !== 'false'

/** Whether the operator's namespace stops everything. */
export const pauses = ({ annotations }: Marked): boolean => stops(annotations?.[PAUSED_ANNOTATION])

/** Whether a pod, owner, namespace or node opts out, by label or annotation. */
export const excludes = ({ labels, annotations }: Marked): boolean =>
  stops(labels?.[EXCLUDE_KEY]) || stops(annotations?.[EXCLUDE_KEY])

/** Values of a switch that are neither `true` nor `false`; they stop, but may be a mistake. */
const odd = (values: readonly (string | undefined)[]): readonly string[] =>
  values.filter((value) => value !== undefined && value !== 'true' && value !== 'false') as readonly string[]

export const oddPauses = ({ annotations }: Marked): readonly string[] => odd([annotations?.[PAUSED_ANNOTATION]])

export const oddExcludes = ({ labels, annotations }: Marked): readonly string[] =>
  odd([labels?.[EXCLUDE_KEY], annotations?.[EXCLUDE_KEY]])
