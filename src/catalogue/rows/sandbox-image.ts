import type { Row } from '../row.ts'

const POD = 'FailedCreatePodSandBox'

/** The image of the sandbox itself; its messages carry whole pull failures inside, so it comes first. */
export const SANDBOX_IMAGE_ROWS: readonly Row[] = [
  {
    id: 'sandbox-image-unavailable',
    cause: 'SandboxImagePull',
    any: [
      'failed to get sandbox image',
      'failed to pull sandbox image',
      'unable to pull sandbox image',
      'failed to ensure image exists for pod sandbox',
      'failed to get image info for sandbox',
      'failed to inspect sandbox image',
    ],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.9": failed to pull image "registry.k8s.io/pause:3.9": failed to pull and unpack image "registry.k8s.io/pause:3.9": failed to resolve reference "registry.k8s.io/pause:3.9": failed to do request: Head "https://registry.k8s.io/v2/pause/manifests/3.9": dial tcp: lookup registry.k8s.io: no such host',
    },
    source: 'containerd/containerd internal/cri/server/podsandbox/sandbox_run.go',
    explain:
      "The image of the sandbox itself (pause) is not available, so no pod starts on this node. Point the runtime's sandbox image at a registry that the node reaches, or load it there.",
  },
  {
    id: 'sandbox-image-pull-quoted',
    cause: 'SandboxImagePull',
    all: ['createpodsandbox'],
    any: ['failed pulling image', 'failed to pull image', 'failed to pull and unpack image'],
    sample: {
      reason: 'FailedSync',
      message:
        'Error syncing pod, skipping: failed to "CreatePodSandbox" for "web-7xk2p_web(3f0c)" with CreatePodSandboxError: "CreatePodSandbox for pod \\"web-7xk2p_web(3f0c)\\" failed: rpc error: code = Unknown desc = failed pulling image \\"k8s.gcr.io/pause:3.1\\": Error response from daemon: Get https://k8s.gcr.io/v2/: dial tcp 64.233.188.82:443: i/o timeout"',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_sandbox.go',
    explain:
      "The image of the sandbox itself (pause) cannot be pulled, so no pod starts on this node. Point the runtime's sandbox image at a registry that the node reaches, or load it there.",
  },
  {
    id: 'sandbox-image-pull-failed',
    cause: 'SandboxImagePull',
    reasons: [POD, 'FailedSync'],
    // Without a reason of its own the message must show that it is the sandbox's image and not a container's.
    during: ['sandbox'],
    any: [
      'failed pulling image',
      'failed to pull image',
      'initializing source docker://',
      'failed to pull and unpack image',
    ],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed pulling image "k8s.gcr.io/pause:3.1": Error response from daemon: Get https://k8s.gcr.io/v2/: dial tcp 64.233.188.82:443: i/o timeout',
    },
    source: 'kubernetes/kubernetes (1.23) pkg/kubelet/dockershim/helpers.go; cri-o/cri-o server/sandbox_run_linux.go',
    explain:
      "The image of the sandbox itself (pause) cannot be pulled, so no pod starts on this node. Point the runtime's sandbox image at a registry that the node reaches, or load it there.",
  },
]
