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
  /** Container name; empty where the whole pod is held up (sandbox, volumes). */
  readonly container: string
  readonly init: boolean
  /** The image that fails, as the pod's spec has it; empty where none is concerned. */
  readonly image: string
  /** Where that is not the container's own image: an image volume's, or one whose place in the pod cannot be told. */
  readonly imageSource?: { readonly kind: 'Volume'; readonly volume: string } | { readonly kind: 'Unknown' }
  readonly cause: Cause
  /** Catalogue row that named the cause. */
  readonly row?: string
  readonly message: string
  /**
   * Of a node's cause, what it is about as the message names it: the file system type (`nfs`) of MountHelperMissing, the
   * chain of IptablesChainMissing. Absent where the message names none.
   */
  readonly detail?: string
  readonly source: EvidenceSource
  /** Why it is not so (any more), as the agent saw: it is explained and never acted on. */
  readonly ruledOut?: string
  /** Causes that asking the registry may still turn this one into; empty once it answered. */
  readonly possibleCauses: readonly Cause[]
}

/** A failing pod, or the node itself where its own condition says that it fails: its object as read, and what was found. */
export interface FailingPod {
  readonly pod: Pod
  readonly findings: readonly Finding[]
  /** ms since the epoch at which it began to fail, by the pod's own conditions. */
  readonly since: number
}

/** Something that a decision needs and that may not be visible: then it says why, and is never guessed. */
export type Fact<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly why: string }

export const known = <T>(value: T): Fact<T> => ({ known: true, value })
export const unknown = (why: string): Fact<never> => ({ known: false, why })

/** Who will write the owner back if we change it. */
export interface Manager {
  /** e.g. `Argo CD`, `Flux`, `operator prometheus-operator`, `Helm`. */
  readonly name: string
  /** Helm alone does not write back: only its next upgrade does. */
  readonly writesBack: boolean
  /** What gave it away, e.g. `annotation argocd.argoproj.io/tracking-id`. */
  readonly seenBy: string
  /** Where to edit for good, e.g. `Argo CD Application team/web`. */
  readonly editAt: string
  /** The object by which it does so, where that says what it was made from. */
  readonly keptBy?: KeptBy
}

/** Without a namespace: one of that name, wherever it is. */
export interface KeptBy {
  /** `Release` is one of Helm's own, of which there is no object but a secret. */
  readonly kind: 'Application' | 'Kustomization' | 'HelmRelease' | 'Release'
  readonly namespace?: string
  readonly name: string
}

/**
 * What may be written to: the last owner in the chain that holds a pod template, or the pod itself; of a node's cause
 * the node.
 */
export interface Owner {
  readonly ref: ObjectRef
  /** It no longer exists; all else is then as it was last known, or empty. */
  readonly gone?: boolean
  readonly resourceVersion: string
  /** `Pod` where nothing owns it. Other kinds are explained, not touched. */
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
  /** Why an edit would not roll out, in a sentence (paused, OnDelete, partition, being deleted). */
  readonly blocked?: string
  /** Whether its controller leaves broken pods of the old revision standing (StatefulSet, ReplicaSet). */
  readonly keepsBrokenPods: boolean
  /** Whether a deleted pod is recreated. */
  readonly recreatesPods: boolean
  /** An edit leaves healthy pods of the old revision as they are (ReplicaSet): only the others are expected to run the new one. */
  readonly keepsHealthyPods?: true
  /** Its pods are those of Jobs, which no edit reaches: those that are stuck are given the image themselves. */
  readonly patchesPods?: true
  /** Its template cannot be changed (Job): what it makes from now on is as before. */
  readonly templateFixed?: true
  /** uids of a CronJob's Jobs that have not ended, newest first; as many as can be asked for at once. */
  readonly activeJobs?: readonly string[]
  /** When a Job of a CronJob last completed, ms since the epoch. */
  readonly lastSuccessAt?: number
}

/** What a registry says of one reference, with the credentials that the pod has for that host. */
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

/** An image that is or was used in the cluster: so it existed, under that name. */
export interface KnownImage {
  /** In normal form. */
  readonly image: string
  /** Where it was seen, to follow "it is": `on node worker-1`, `in pod web/api-0`. */
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
  /** The runtime that the kubelet uses, as it says itself, e.g. `containerd://1.7.27`. */
  readonly runtimeVersion?: string
  /** Who works on it by the lease that remediators share; absent where none is shared. */
  readonly lease?: Fact<NodeLease | undefined>
}

/** Facts by name, gathered so far. A name that is absent was not asked for yet. */
export interface Facts {
  readonly namespace?: Fact<NamespaceFacts>
  readonly node?: Fact<NodeFacts>
  /** Every pod of the owner, of all revisions. */
  readonly pods?: Fact<readonly Pod[]>
  /** What was found of the pod's pull secrets while a registry was asked, in sentences; never their content. */
  readonly pullSecrets?: Fact<readonly string[]>
  /** Answers by image reference in normal form. */
  readonly registry: Readonly<Record<string, Fact<RegistryAnswer>>>
  /** The answer without credentials, where the pod's own were refused. By image as well. */
  readonly anonymous?: Readonly<Record<string, Fact<RegistryAnswer>>>
  /** Tags of an image's repository, and repositories of its registry, as far as it lists them. By image as well. */
  readonly tags?: Readonly<Record<string, Fact<readonly string[]>>>
  readonly repositories?: Readonly<Record<string, Fact<readonly string[]>>>
  /** Where a GitOps tool has the owner from: `deploy/web of https://git.example.com/team.git at main`. */
  readonly source?: Fact<string>
  /** Images that run, or ran, near by. */
  readonly knownImages?: Fact<readonly KnownImage[]>
  /** Of a node's cause: every namespace in which pods fail by it, by name. */
  readonly namespaces?: Readonly<Record<string, Fact<NamespaceFacts>>>
  /** What the agent on the node saw, a few seconds old at most. */
  readonly inspection?: Fact<NodeInspection>
  /** Every pod on the node: what a restart touches, and what verifies that it helped. */
  readonly nodePods?: Fact<readonly Pod[]>
  /** The tasks of a step, with their status; one that does not exist (any more) is missing from the list. */
  readonly tasks?: Fact<readonly NodeTask[]>
  /** The pod that installs a mount helper; its phase and messages. Where it does not exist `value` is undefined. */
  readonly installer?: Fact<Pod | undefined>
}

/** Facts that are kept by image: what its registry says. */
export interface ImageFactName {
  readonly fact: 'registry' | 'anonymous' | 'tags' | 'repositories'
  readonly image: string
}

/** A request of `decide` for one more fact. */
export type FactName =
  | { readonly fact: 'namespace' }
  | { readonly fact: 'node' }
  /** `named`: pods that a remedy wrote to, which their owner may know no more (those of a CronJob's ended Job). */
  | { readonly fact: 'pods'; readonly named?: readonly { readonly name: string; readonly uid: string }[] | undefined }
  | ImageFactName
  | { readonly fact: 'knownImages' }
  | { readonly fact: 'source' }
  | { readonly fact: 'namespaces' }
  /** `since`: not older than that, ms since the epoch. `maxAgeMs`: so old an answer will do, where one is at hand. */
  | { readonly fact: 'inspection'; readonly since?: number; readonly maxAgeMs?: number }
  | { readonly fact: 'nodePods' }
  | { readonly fact: 'tasks'; readonly names: readonly string[] }
  | { readonly fact: 'installer'; readonly name: string }

/** One owner and one area: however many of its pods report it. Level-based: what is true now. */
export interface Incident {
  /** `<owner uid>/<area>`: the queue's key; one run a key. */
  readonly key: string
  readonly area: IncidentArea
  readonly owner: Owner
  /** Failing pods of the owner in this area; empty once they recovered. */
  readonly pods: readonly FailingPod[]
  /** Revision of the pod template that fails: `templateHashOf` the first failing pod. */
  readonly templateHash: string
  /** Evidence so far, cheapest first. */
  readonly evidence: readonly Evidence[]
}

/** Why an image cannot be pulled, as far as the evidence goes. */
export interface Explanation {
  readonly kind: ExplanationKind
  /** The failing image, as the pod's spec has it. */
  readonly of: string
  /** A sentence with what speaks for it. */
  readonly message: string
  /** What may have been meant, in normal form. */
  readonly image?: string
  /** The registry has that image, in the same project, and no other is as near: it may be written. */
  readonly found?: true
}

/** What was concluded of the incident from all facts at hand. */
export interface Diagnosis {
  readonly cause: Cause
  readonly findings: readonly Finding[]
  readonly evidence: readonly Evidence[]
  readonly permanentFix?: string
  /** Why images cannot be pulled, likeliest first; absent until it was examined more closely. */
  readonly explanations?: readonly Explanation[]
  /** Facts by which more could be said of where to mend it for good; absent where none could. */
  readonly fixLocationFacts?: readonly FactName[]
  /** Facts by which more could be said of why; absent where none could. */
  readonly detailFacts?: readonly FactName[]
  /** Why the cause is not so (any more), in a sentence; there where every finding is refuted. Nothing is done then. */
  readonly ruledOut?: string
}

const digest = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex')

/** Identity of an owner's incidents in one area, for counting attempts: 16 hex digits. */
export const incidentId = (ownerUid: string, area: IncidentArea): string => digest(ownerUid, area).slice(0, 16)

/** Queue key of an incident; one run a key. */
export const incidentKey = (ownerUid: string, area: IncidentArea): string => `${ownerUid}/${area}`

/** What a queue key is made of. */
export const partsOfKey = (key: string): { readonly ownerUid: string; readonly area: string } => {
  const at = key.indexOf('/')
  return { ownerUid: key.slice(0, at), area: key.slice(at + 1) }
}

/**
 * Deterministic name of the record of one incident: two controllers that see it make the same one. A success is final: what
 * fails again `after` it (its uid) has a record of its own.
 */
export const remediationName = (
  ownerName: string,
  ownerUid: string,
  area: IncidentArea,
  templateHash: string,
  after?: string,
): string => {
  const story = digest(ownerUid, area, templateHash, ...(after === undefined ? [] : [after])).slice(0, 8)
  return `${ownerName.slice(0, 200).replace(/[.-]+$/, '')}-${area.toLowerCase()}-${story}`
}
