/**
 * The parts of Kubernetes objects that podmend reads, in their JSON form (times are RFC 3339 strings).
 * The types of `@kubernetes/client-node` describe its own deserialised objects, with Date instances and
 * unknown fields dropped; ours describe the wire format.
 */
export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
}

export interface ManagedFieldsEntry {
  readonly manager?: string
  readonly operation?: string
  readonly subresource?: string
  readonly time?: string
  readonly fieldsV1?: unknown
}

export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid: string
  readonly resourceVersion: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
  readonly managedFields?: readonly ManagedFieldsEntry[]
}

export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
}

/** Enough to name an object in a sentence and to write to it. */
export interface ObjectRef {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid: string
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
  readonly observedGeneration?: number
}

export interface Container {
  readonly name: string
  readonly image?: string
  readonly imagePullPolicy?: string
  readonly restartPolicy?: string
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
  readonly running?: { readonly startedAt?: string }
  readonly terminated?: {
    readonly reason?: string
    readonly message?: string
    readonly exitCode?: number
    readonly finishedAt?: string
  }
}

export interface ContainerStatus {
  readonly name: string
  readonly image?: string
  readonly imageID?: string
  readonly containerID?: string
  readonly ready?: boolean
  readonly started?: boolean
  readonly restartCount?: number
  readonly state?: ContainerState
  readonly lastState?: ContainerState
}

export interface LocalObjectReference {
  readonly name?: string
}

/** Where the content of a volume comes from, of a pod or of a PersistentVolume: the sources that the kubelet mounts by a helper. */
export interface VolumeSource {
  readonly nfs?: object
  readonly cephfs?: object
  readonly glusterfs?: object
  readonly flexVolume?: { readonly driver?: string; readonly fsType?: string }
}

/** The parts that are read: an image mounted as a volume, what is mounted by a helper, and claims. */
export interface Volume extends VolumeSource {
  readonly name: string
  readonly image?: { readonly reference?: string }
  readonly persistentVolumeClaim?: { readonly claimName?: string }
  /** Its claim is named after the pod and the volume. */
  readonly ephemeral?: object
}

export interface PersistentVolumeClaim extends KubeObject {
  readonly spec?: { readonly volumeName?: string }
}

export interface PersistentVolume extends KubeObject {
  readonly spec?: VolumeSource & { readonly claimRef?: Partial<ObjectRef> }
}

export interface PodSpec {
  readonly nodeName?: string
  readonly serviceAccountName?: string
  readonly restartPolicy?: string
  readonly imagePullSecrets?: readonly LocalObjectReference[]
  readonly containers?: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly Volume[]
}

export interface Pod extends KubeObject {
  readonly spec?: PodSpec
  readonly status?: {
    readonly phase?: string
    readonly reason?: string
    readonly message?: string
    readonly startTime?: string
    readonly conditions?: readonly Condition[]
    readonly containerStatuses?: readonly ContainerStatus[]
    readonly initContainerStatuses?: readonly ContainerStatus[]
  }
}

/** core/v1 Event. "Last seen" is the latest of its four times. */
export interface KubeEvent extends KubeObject {
  readonly involvedObject?: {
    readonly kind?: string
    readonly namespace?: string
    readonly name?: string
    readonly uid?: string
    readonly fieldPath?: string
  }
  readonly reason?: string
  readonly message?: string
  readonly type?: string
  readonly count?: number
  readonly firstTimestamp?: string | null
  readonly lastTimestamp?: string | null
  readonly eventTime?: string | null
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | null
  readonly source?: { readonly component?: string; readonly host?: string }
  readonly reportingComponent?: string
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[]
    | undefined
}

/** What Deployment, ReplicaSet, StatefulSet, DaemonSet, Job and CronJob have in common, as far as it is read. */
export interface Workload extends KubeObject {
  readonly spec?: {
    readonly replicas?: number
    readonly paused?: boolean
    readonly selector?: LabelSelector
    readonly template?: { readonly metadata?: Partial<ObjectMeta>; readonly spec?: PodSpec }
    /** Job and CronJob: it is suspended. */
    readonly suspend?: boolean
    readonly parallelism?: number
    /** CronJob: the template of its Jobs. */
    readonly jobTemplate?: {
      readonly spec?: { readonly template?: { readonly metadata?: Partial<ObjectMeta>; readonly spec?: PodSpec } }
    }
    readonly podManagementPolicy?: string
    readonly strategy?: { readonly type?: string }
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly replicas?: number
    readonly updatedReplicas?: number
    readonly readyReplicas?: number
    readonly currentRevision?: string
    readonly updateRevision?: string
    readonly desiredNumberScheduled?: number
    readonly updatedNumberScheduled?: number
    /** CronJob: its unfinished Jobs. In a Job, this is a number. */
    readonly active?: readonly Partial<ObjectRef>[] | number
    readonly lastSuccessfulTime?: string
    readonly conditions?: readonly Condition[]
  }
}

export interface Taint {
  readonly key: string
  readonly value?: string
  readonly effect: string
}

export interface Node extends KubeObject {
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly Taint[] }
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly nodeInfo?: {
      readonly architecture?: string
      readonly operatingSystem?: string
      readonly containerRuntimeVersion?: string
      readonly kubeletVersion?: string
    }
    readonly images?: readonly { readonly names?: readonly string[] }[]
  }
}

/** `linux/amd64`; empty where the kubelet has not reported it. */
export const platformOf = (info: NonNullable<Node['status']>['nodeInfo']): string =>
  info?.operatingSystem && info.architecture ? `${info.operatingSystem}/${info.architecture}` : ''

export interface Secret extends KubeObject {
  readonly type?: string
  readonly data?: Readonly<Record<string, string>>
}

export interface ServiceAccount extends KubeObject {
  readonly imagePullSecrets?: readonly LocalObjectReference[]
}
