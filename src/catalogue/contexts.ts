/**
 * What the kubelet was doing when the message was written. General phrases ("connection refused", "not found") mean something
 * only within one of these. A message is in a context by its reason or by any of the phrases; it may be in several.
 */
export const CONTEXTS = {
  /** Pulling an image. */
  pull: {
    reasons: ['ErrImagePull', 'ImagePullBackOff', 'ImageInspectError', 'InspectFailed', 'RegistryUnavailable'],
    phrases: [
      'pull image',
      'pulling image',
      'image pull',
      'pull and unpack image',
      'errimagepull',
      'resolve reference "',
      'failed to resolve image',
      'initializing source',
      'reading manifest ',
      'pinging container registry',
      'pinging docker registry',
      'error response from daemon: get "http',
      'error response from daemon: get http',
      'error response from daemon: head "http',
      'error response from daemon: head http',
      'error response from daemon: manifest',
      'error response from daemon: pull access',
      'error response from daemon: unauthorized',
      'httpreadseeker',
      'copying system image',
      'writing blob',
      'error unpacking image',
    ],
  },
  /** Making, starting or removing a pod's sandbox. */
  sandbox: {
    reasons: ['FailedCreatePodSandBox', 'FailedKillPod', 'FailedStopPodSandbox', 'FailedPodSandBoxStatus'],
    phrases: [
      'pod sandbox',
      'podsandbox',
      'sandbox container',
      'sandbox for pod',
      'create a sandbox',
      'network for sandbox',
      'for sandbox k8s_',
      'network for pod',
      'networkplugin cni',
      'connectivity on endpoint k8s_pod_',
    ],
  },
  /** A sandbox's network: the CNI plugins and what they talk to. */
  network: {
    reasons: ['NetworkNotReady'],
    phrases: [
      'network for sandbox',
      'network for pod',
      'networkplugin cni',
      'cni network',
      'network sandbox',
      'cni request failed',
      'cni plugin',
      'plugin type="',
      'create network for container',
      'failed to set up pod "',
      'failed to teardown pod "',
    ],
  },
  /** Attaching and mounting volumes. */
  mount: {
    reasons: ['FailedMount', 'FailedAttachVolume', 'FailedMapVolume', 'FailedUnMount'],
    phrases: [
      'mountvolume.',
      'mapvolume.',
      'attachvolume.',
      'mounting arguments:',
      'mounting command:',
      'unable to mount volumes',
      'attach or mount volumes',
      'unmounted volumes=',
    ],
  },
  /** Creating and starting a container. */
  start: {
    reasons: ['FailedStart', 'CreateContainerError', 'CreateContainerConfigError', 'RunContainerError', 'StartError'],
    phrases: [
      'start container',
      'startcontainer',
      'create container',
      'createcontainer',
      'starting container process',
      'start container process',
      'oci runtime',
      'containerd task',
      'shim task',
      'container init',
      'container create failed',
      'failed to generate container',
      'createcontainererror',
      'runcontainererror',
    ],
  },
} as const satisfies Record<string, Context>

interface Context {
  readonly reasons: readonly string[]
  readonly phrases: readonly string[]
}

export type ContextName = keyof typeof CONTEXTS

export const CONTEXT_NAMES = Object.keys(CONTEXTS) as readonly ContextName[]

/** The container runtime that wrote a message, where that is known. */
export type Runtime = 'docker' | 'containerd' | 'crio' | 'kubelet'

/** Phrases that only one runtime uses, most specific first; in the normal form of messages. */
export const RUNTIME_PHRASES: readonly (readonly [Runtime, readonly string[]])[] = [
  ['docker', ['error response from daemon', '/var/lib/docker/', 'docker0', 'networkplugin cni failed']],
  [
    'containerd',
    [
      'failed to pull and unpack image',
      'failed to resolve reference',
      'containerd',
      'network for sandbox "',
      'failed to get sandbox image',
      'failed to reserve sandbox name',
      'failed to reserve container name',
    ],
  ],
  [
    'crio',
    [
      'initializing source docker://',
      'pinging container registry',
      'pinging docker registry',
      'reading manifest ',
      'short-name ',
      'short name mode',
      'crio-',
      'error creating pod sandbox with name',
      'error reserving ctr name',
      'error reserving pod name',
      'hostport mapping for sandbox',
    ],
  ],
  ['kubelet', ['back-off pulling image', 'back-off restarting failed', 'mountvolume.', 'unable to attach or mount']],
]
