import { createHash } from 'node:crypto'
import type { NodeTask } from '../api/kinds.ts'
import type { NodeInspection } from '../api/node-task.ts'
import type { Evidence, ExplanationKind } from '../api/remediation.ts'
import type { Cause, IncidentArea } from './causes.ts'
import type { Container, LabelSelector, ManagedFieldsEntry, ObjectRef, Pod, Taint } from './kubernetes.ts'
import type { NodeLease } from './node-lease.ts'

/** The source of a cause. Anyone may create Events, so an Event alone never leads to an action. */
export type EvidenceSource = 'kubelet' | 'registry' | 'agent' | 'event'

/** One container (or the pod's sandbox or volume) that fails, and why. */
export interface Finding {
  /** Container name; empty if the whole pod is affected (sandbox, volumes). */
  readonly container: string
  readonly init: boolean
  /** The failing image, as in the pod's spec; empty if the failure is not about an image. */
  readonly image: string
  /** Set if that is not the container's own image: the image of an image volume, or of an unknown part of the pod. */
  readonly imageSource?: { readonly kind: 'Volume'; readonly volume: string } | { readonly kind: 'Unknown' }
  readonly cause: Cause
  /** Catalogue row that classified the cause. */
  readonly row?: string
  readonly message: string
  /**
   * For a node's cause, the detail in the message: the file system type (`nfs`) of MountHelperMissing, the chain of
   * IptablesChainMissing. Absent if the message has none.
   */
  readonly detail?: string
  readonly source: EvidenceSource
  /** Why the agent ruled it out: then it is explained and never acted on. */
  readonly ruledOut?: string
  /** Causes that a registry query may still replace this one with; empty after a response that decides it. */
  readonly possibleCauses: readonly Cause[]
}

/**
 * Whether something read about this very thing confirms a finding: the kubelet's status, the registry, the agent. What a
 * tenant can write, such as an Event, never does.
 */
export const isProven = ({ source, ruledOut }: Finding): boolean => source !== 'event' && ruledOut === undefined

/** A failing pod, or a node whose own condition reports the failure: the object as read, and its findings. */
export interface FailingPod {
  readonly pod: Pod
  readonly findings: readonly Finding[]
  /** When it began to fail according to the pod's conditions, ms since the epoch. */
  readonly since: number
}

/** An input of a decision that may be unknown: then it has the reason, and is never guessed. */
export type Fact<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string }

export const known = <T>(value: T): Fact<T> => ({ known: true, value })
export const unknown = (why: string): Fact<never> => ({ known: false, why })

/** A manager that will revert our changes of the owner. */
export interface Manager {
  /** e.g. `Argo CD`, `Flux`, `operator prometheus-operator`, `Helm`. */
  readonly name: string
  /** Helm does not revert continuously: only its next upgrade does. */
  readonly writesBack: boolean
  /** How it was detected, e.g. `annotation argocd.argoproj.io/tracking-id`. */
  readonly seenBy: string
  /** Where to make the permanent fix, e.g. `Argo CD Application team/web`. */
  readonly editAt: string
  /** The manager's object, if it names its source. */
  readonly keptBy?: KeptBy
}

/** Without a namespace: an object of that name in any namespace. */
export interface KeptBy {
  /** `Release` is a Helm release, which exists only as a Secret. */
  readonly kind: 'Application' | 'Kustomization' | 'HelmRelease' | 'Release'
  readonly namespace?: string
  readonly name: string
}

/**
 * The object to write to: the last owner in the chain with a pod template, or the pod itself; the node for a node's
 * cause.
 */
export interface Owner {
  readonly ref: ObjectRef
  /** It no longer exists; the other fields are then the last known ones, or empty. */
  readonly gone?: boolean
  readonly resourceVersion: string
  /** `Pod` if it has no owner. Other kinds are explained but not changed. */
  readonly support: 'supported' | 'unsupported'
  /** Why unsupported, in a sentence. */
  readonly why?: string
  readonly containers: readonly Container[]
  readonly initContainers: readonly Container[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly managedFields: readonly ManagedFieldsEntry[]
  readonly managers: readonly Manager[]
  readonly selector?: LabelSelector
  /** Desired pods; 1 for a bare pod. */
  readonly replicas: number
  readonly updatedReplicas: number
  readonly generation: number
  readonly observedGeneration: number
  /** Why an edit would not roll out, as a sentence (paused, OnDelete, partition, being deleted). */
  readonly blocked?: string
  /** Whether its controller leaves broken pods of the old revision in place (StatefulSet, ReplicaSet). */
  readonly keepsBrokenPods: boolean
  /** Whether a deleted pod is recreated. */
  readonly recreatesPods: boolean
  /** An edit does not replace healthy pods of the old revision (ReplicaSet): only the others are expected to run the new one. */
  readonly keepsHealthyPods?: true
  /** Its pods belong to Jobs, which no edit reaches: waiting ones are patched themselves. */
  readonly patchesPods?: true
  /** Its template cannot be changed (Job): later pods still get the old image. */
  readonly templateFixed?: true
  /** uids of a CronJob's unfinished Jobs, newest first; limited to what one query can select. */
  readonly activeJobs?: readonly string[]
  /** When a Job of a CronJob last completed, ms since the epoch. */
  readonly lastSuccessAt?: number
}

/** A registry's response for one reference, with the pod's credentials for that host. */
export type RegistryAnswer =
  | {
      readonly kind: 'exists'
      readonly digest: string
      readonly platforms: readonly string[]
      readonly mediaType: string
    }
  | { readonly kind: 'projectMissing' | 'repositoryMissing' | 'tagMissing'; readonly message: string }
  | { readonly kind: 'denied'; readonly message: string; readonly withCredentials: boolean }
  | { readonly kind: 'limited'; readonly message: string; readonly retryAfterMs?: number }
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }

/** An image that is or was used in the cluster, so it existed under that name. */
export interface KnownImage {
  /** In normal form. */
  readonly image: string
  /** Where it was found, to complete "it is …": `on node worker-1`, `in pod web/api-0`. */
  readonly where: string
}

export interface NamespaceFacts {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A condition of a node, as the kubelet or a controller wrote it. */
export interface NodeCondition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

export interface NodeFacts {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** Cordoned: no new pods are scheduled to it. */
  readonly unschedulable: boolean
  readonly conditions: readonly NodeCondition[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly taints: readonly Taint[]
  /** e.g. `linux/amd64`. */
  readonly platform: string
  readonly controlPlane: boolean
  readonly ready: boolean
  /** The container runtime as reported by the kubelet, e.g. `containerd://1.7.27`. */
  readonly runtimeVersion?: string
  /** Holder of the lease that remediators share for the node; absent if none is shared. */
  readonly lease?: Fact<NodeLease | undefined>
}

/** The node of a failing pod of a workload: what opts out there, what selects it, what it can run. */
export type PodNode = Pick<NodeFacts, 'name' | 'labels' | 'annotations' | 'platform'>

/** A pod that opted out by its namespace or by an object that owns it. */
export interface PodOptOut {
  readonly uid: string
  /** e.g. `Deployment web`. */
  readonly by: string
}

/** A pod of which that is unknown, and why, as a clause. */
export interface PodUnread {
  readonly uid: string
  readonly unread: string
}

/** Facts gathered so far, by name. Absent names were not requested yet. */
export interface Facts {
  readonly namespace?: Fact<NamespaceFacts>
  /** The node that an incident of a node is about. */
  readonly node?: Fact<NodeFacts>
  /** For a workload: every node on which its pods fail, by name. */
  readonly nodes?: Readonly<Record<string, Fact<PodNode>>>
  /** All pods of the owner, of all revisions. */
  readonly pods?: Fact<readonly Pod[]>
  /** Findings about the pod's pull secrets during a registry query, as sentences; never their content. */
  readonly pullSecrets?: Fact<readonly string[]>
  /** Registry responses by image reference in normal form. */
  readonly registry: Readonly<Record<string, Fact<RegistryAnswer>>>
  /** The anonymous response, if the pod's credentials were rejected; also by image. */
  readonly anonymous?: Readonly<Record<string, Fact<RegistryAnswer>>>
  /** Tags of an image's repository, and repositories of its registry, if it lists them; also by image. */
  readonly tags?: Readonly<Record<string, Fact<readonly string[]>>>
  readonly repositories?: Readonly<Record<string, Fact<readonly string[]>>>
  /** Where a GitOps tool gets the owner from: `deploy/web of https://git.example.com/team.git at main`. */
  readonly source?: Fact<string>
  /** Images that run or ran in the cluster. */
  readonly knownImages?: Fact<readonly KnownImage[]>
  /** For a node's cause: all namespaces with pods that fail because of it, by name. */
  readonly namespaces?: Readonly<Record<string, Fact<NamespaceFacts>>>
  /** File system types that a helper on the node has to mount for a pod that fails because of one, by the pod's uid. */
  readonly volumes?: Readonly<Record<string, Fact<readonly string[]>>>
  /** The inspection by the agent on the node, at most a few seconds old. */
  readonly inspection?: Fact<NodeInspection>
  /** All pods on the node: what a restart affects, and what verifies its success. */
  readonly nodePods?: Fact<readonly Pod[]>
  /** Of those pods, the ones whose namespace or owner opted out. */
  readonly optOuts?: Fact<readonly PodOptOut[]>
  /** For a node's cause, of the failing pods: those that opted out in that way, and those of which it is unknown. */
  readonly failingOptOuts?: readonly (PodOptOut | PodUnread)[]
  /** The tasks of a step, with their status; without those that do not exist. */
  readonly tasks?: Fact<readonly NodeTask[]>
  /** The tasks of earlier steps, with the agent's answers; without those that do not exist any more. */
  readonly agentTasks?: Fact<readonly NodeTask[]>
  /** The pod that installs a mount helper, with its phase and messages; `value` is undefined if it does not exist. */
  readonly installer?: Fact<Pod | undefined>
}

/** Facts by image: responses of its registry. */
export interface ImageFactName {
  readonly fact: 'registry' | 'anonymous' | 'tags' | 'repositories'
  readonly image: string
}

/** The node of a failing pod of a workload; undefined if the pod has none, or if the nodes were not read yet. */
export const nodeOfPod = ({ nodes }: Pick<Facts, 'nodes'>, { spec }: Pod): Fact<PodNode> | undefined => {
  const name = spec?.nodeName
  if (!name || nodes === undefined) return undefined
  return Object.hasOwn(nodes, name) ? nodes[name] : unknown(`node ${name} was not read`)
}

/** A request of `decide` for a fact. */
export type FactName =
  | { readonly fact: 'namespace' }
  | { readonly fact: 'node' }
  | { readonly fact: 'nodes' }
  /** `named`: pods that a remedy wrote to and that may no longer belong to the owner (those of a CronJob's finished Job). */
  | { readonly fact: 'pods'; readonly named?: readonly { readonly name: string; readonly uid: string }[] | undefined }
  | ImageFactName
  | { readonly fact: 'knownImages' }
  | { readonly fact: 'source' }
  | { readonly fact: 'namespaces' }
  | { readonly fact: 'volumes' }
  /** `since`: not older than that, ms since the epoch. `maxAgeMs`: accepts a cached inspection of this age. */
  | { readonly fact: 'inspection'; readonly since?: number; readonly maxAgeMs?: number }
  | { readonly fact: 'nodePods' }
  /** Needs `nodePods`. */
  | { readonly fact: 'optOuts' }
  | { readonly fact: 'failingOptOuts' }
  | { readonly fact: 'tasks'; readonly names: readonly string[] }
  | { readonly fact: 'agentTasks'; readonly names: readonly string[] }
  | { readonly fact: 'installer'; readonly name: string }

/** One owner and one area, however many of its pods report it. Level-based: the current state. */
export interface Incident {
  /** `incidentKey`: the queue's key; one run at a time. */
  readonly key: string
  readonly area: IncidentArea
  readonly owner: Owner
  /** Failing pods of the owner in this area; empty after recovery. */
  readonly pods: readonly FailingPod[]
  /** Revision of the pod template that fails: `templateHashOf` the first failing pod. */
  readonly templateHash: string
  /** Evidence so far, cheapest first. */
  readonly evidence: readonly Evidence[]
}

/** A possible reason why an image cannot be pulled, from the evidence. */
export interface Explanation {
  readonly kind: ExplanationKind
  /** The failing image, as in the pod's spec. */
  readonly of: string
  /** A sentence with the evidence for it. */
  readonly message: string
  /** The suggested image, in normal form. */
  readonly image?: string
  /** The registry has that image in the same project and no other is as close, so it may be written. */
  readonly found?: true
}

/** The conclusion on the incident from all known facts. */
export interface Diagnosis {
  readonly cause: Cause
  /** Each different failure once, for people; firmest first. */
  readonly findings: readonly Finding[]
  /** The failing pods, each with its own findings in this area as they are known now: what a decision acts on. */
  readonly pods: readonly FailingPod[]
  readonly evidence: readonly Evidence[]
  readonly permanentFix?: string
  /** Why images cannot be pulled, likeliest first; absent until it has been examined. */
  readonly explanations?: readonly Explanation[]
  /** Facts that could determine the permanent fix; absent if there are none. */
  readonly fixLocationFacts?: readonly FactName[]
  /** Facts that could improve the explanation; absent if there are none. */
  readonly detailFacts?: readonly FactName[]
  /** Why the cause is ruled out, as a sentence; set if every finding is ruled out. Then nothing is done. */
  readonly ruledOut?: string
}

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex')

/** The fields that identify an object. A name is reused, and a uid may be claimed by who writes the reference: only all of them count. */
export type Identity = Pick<ObjectRef, 'kind' | 'namespace' | 'name' | 'uid'>

/** Key of an object. The namespace comes first: it is where a record is, so a forged field cannot imitate another namespace. */
export const objectKey = ({ kind, namespace = '', name, uid }: Identity): string =>
  `${namespace}/${kind}/${name}/${uid}`

/** Identity of an owner's incidents in one area, for counting attempts: 16 hex digits. */
export const incidentId = (owner: Identity, area: IncidentArea): string => digest(objectKey(owner), area).slice(0, 16)

/** Queue key of an incident. */
export const incidentKey = (owner: Identity, area: IncidentArea): string => `${objectKey(owner)}/${area}`

/** The parts of a queue key. */
export const partsOfKey = (key: string): { readonly ownerUid: string; readonly area: string } => {
  const [ownerUid = '', area = ''] = key.split('/').slice(-2)
  return { ownerUid, area }
}

/**
 * Deterministic name of the record of one incident, so that two controllers create the same one. A finished record is
 * final: what fails after it has a record with the next `ordinal`.
 */
export const remediationName = (
  ownerName: string,
  ownerUid: string,
  area: IncidentArea,
  templateHash: string,
  ordinal = 1,
): string => {
  const story = digest(ownerUid, area, templateHash).slice(0, 8)
  const name = `${ownerName.slice(0, 200).replace(/[.-]+$/, '')}-${area.toLowerCase()}-${story}`
  return ordinal === 1 ? name : `${name}-${ordinal}`
}
