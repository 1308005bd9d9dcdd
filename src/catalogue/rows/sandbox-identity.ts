import type { Row } from '../row.ts'

const POD = 'FailedCreatePodSandBox'

/** Names that are still taken, and sandboxes that have gone. */
export const SANDBOX_IDENTITY_ROWS: readonly Row[] = [
  {
    id: 'sandbox-name-reserved',
    cause: 'SandboxNameConflict',
    any: [
      'failed to reserve sandbox name',
      'failed to reserve container name',
      'already reserved for ctr',
      'already reserved for pod',
      'error reserving ctr name',
      'error reserving pod name',
      'name is reserved',
    ],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to reserve sandbox name "edge-7xk2p_web_3f0c_0": name "edge-7xk2p_web_3f0c_0" is reserved for "9d1f"',
    },
    source: 'containerd/containerd internal/cri/server/sandbox_run.go; cri-o/cri-o internal/registrar',
    explain:
      'An earlier attempt to create this sandbox or container still holds its name, usually because the runtime is slow (disk, network plugin) and that attempt has not finished. It often resolves itself; otherwise remove the holder by its id (`crictl rmp`).',
  },
  {
    id: 'container-name-in-use',
    cause: 'SandboxNameConflict',
    any: ['the container name "', 'conflict. the name "', 'the pod sandbox name "'],
    all: [{ re: '(is )?already in use by' }],
    sample: {
      reason: POD,
      message:
        'Failed create pod sandbox: rpc error: code = Unknown desc = failed to create a sandbox for pod "edge-7xk2p": Error response from daemon: Conflict. The container name "/k8s_POD_edge-7xk2p_web_3f0c_0" is already in use by container "9d1f". You have to remove (or rename) that container to be able to reuse that name.',
    },
    source: 'moby/moby daemon/names.go; containers/storage errors.go',
    explain:
      'A dead container still holds the name. The runtime could not remove it, mostly because one of its mounts or processes hangs. Remove it by its id on the node.',
  },
  {
    id: 'sandbox-already-exists',
    cause: 'SandboxNameConflict',
    all: ['pod sandbox with name "', 'already exists'],
    sample: {
      reason: POD,
      message:
        'Failed create pod sandbox: rpc error: code = Unknown desc = pod sandbox with name "k8s_edge-7xk2p_web_3f0c_0" already exists',
    },
    source: 'cri-o/cri-o server/sandbox_run.go; https://github.com/cri-o/cri-o/issues/1742',
    explain:
      'The runtime still has a sandbox with this name, as after a reboot. Remove it by its id (`crictl rmp -f`).',
  },
  {
    id: 'sandbox-not-running',
    cause: 'SandboxStale',
    all: [{ re: 'sandbox container "?[^ "]+"? is not running' }, 'is not running', 'sandbox container'],
    sample: {
      reason: 'Failed',
      message: 'Error: sandbox container "9d1f0c" is not running',
    },
    source: 'containerd/containerd internal/cri/server/container_start.go',
    explain: "The pod's sandbox has died since it was created. Recycle it; if it recurs, find out what killed it.",
  },
  {
    id: 'sandbox-not-found',
    cause: 'SandboxStale',
    any: [
      'failed to find sandbox id',
      'specified sandbox not found',
      'failed as the sandbox was stopped',
      'failed to get sandbox container task: no running task found',
    ],
    not: ['failed to pull'],
    sample: {
      reason: 'Failed',
      message: 'Error: failed to get sandbox container task: no running task found: task 9d1f0c not found: not found',
    },
    source: 'containerd/containerd internal/cri/server/container_create.go; cri-o/cri-o server/container_create.go',
    explain: "The runtime no longer has the pod's sandbox, as after it was restarted or cleaned. Recycle the sandbox.",
  },
  {
    id: 'sandbox-container-ended',
    cause: 'SandboxStale',
    any: [
      'cannot join network of a non running container',
      'cannot join network namespace of a non running container',
      'cannot join the network of a non running container',
      'cannot join ipc of a non running container',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to start container "web": Error response from daemon: cannot join network of a non running container: 9d1f0c',
    },
    source: 'moby/moby daemon/container_operations.go',
    explain:
      "The container shares the network of its sandbox's container, which has exited. Recycle the sandbox; if it recurs, find out what killed it.",
  },
]
