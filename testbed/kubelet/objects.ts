/** The parts of Kubernetes objects that the fake kubelet reads and writes, as they are in JSON. */
export interface Container {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy?: string
  /** `Always` on an init container makes it a sidecar. */
  readonly restartPolicy?: string
}

interface Requirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

export interface NodeSelectorTerm {
  readonly matchFields?: readonly Requirement[]
  readonly matchExpressions?: readonly Requirement[]
}

export interface Pod {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly generation?: number
    readonly resourceVersion: string
    readonly labels?: Readonly<Record<string, string>>
    readonly deletionTimestamp?: string
  }
  readonly spec: {
    readonly nodeName?: string
    readonly nodeSelector?: Readonly<Record<string, string>>
    readonly restartPolicy?: string
    readonly initContainers?: readonly Container[]
    readonly containers: readonly Container[]
    readonly imagePullSecrets?: readonly { readonly name?: string }[]
    readonly schedulingGates?: readonly unknown[]
    readonly affinity?: {
      readonly nodeAffinity?: {
        readonly requiredDuringSchedulingIgnoredDuringExecution?: {
          readonly nodeSelectorTerms: readonly NodeSelectorTerm[]
        }
      }
    }
  }
  readonly status?: PodStatus
}

export interface Terminated {
  readonly exitCode: number
  readonly reason: string
  readonly startedAt: string
  readonly finishedAt: string
  readonly containerID: string
}

export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: Terminated }

export interface ContainerStatus {
  readonly name: string
  readonly image: string
  readonly imageID: string
  readonly containerID?: string
  readonly state: ContainerState
  readonly lastState: { readonly terminated?: Terminated }
  readonly ready: boolean
  readonly started: boolean
  readonly restartCount: number
}

export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime: string | null
  readonly lastProbeTime?: null
  readonly observedGeneration?: number
}

export interface PodStatus {
  readonly observedGeneration?: number
  readonly phase: string
  readonly conditions?: readonly Condition[]
  readonly hostIP?: string
  readonly hostIPs?: readonly { readonly ip: string }[]
  readonly podIP?: string
  readonly podIPs?: readonly { readonly ip: string }[]
  readonly startTime?: string
  readonly initContainerStatuses?: readonly ContainerStatus[]
  readonly containerStatuses?: readonly ContainerStatus[]
}

export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always'
