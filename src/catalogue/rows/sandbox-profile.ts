import type { Row } from '../row.ts'

const POD = 'FailedCreatePodSandBox'

/** Runtime handlers and security profiles that the node lacks. */
export const SANDBOX_PROFILE_ROWS: readonly Row[] = [
  {
    id: 'runtime-handler-missing',
    cause: 'RuntimeHandlerMissing',
    any: [
      'failed to find runtime handler',
      'unknown runtime specified',
      'no such runtime handler',
      'failed to resolve runtime path',
      'binary not installed',
    ],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to find runtime handler kata from runtime list map[runc:0xc0005b2000]',
    },
    source:
      'cri-o/cri-o pkg/config/config.go; moby/moby daemon/runtime_unix.go; containerd/containerd core/runtime/v2/shim_manager.go',
    explain:
      "The pod's RuntimeClass names a handler that this node's runtime does not have. Configure it there, or keep such pods off the node by the RuntimeClass's node selector.",
  },
  {
    id: 'runtime-not-configured',
    cause: 'RuntimeHandlerMissing',
    all: ['no runtime for "', 'is configured'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "runsc" is configured',
    },
    source: 'containerd/containerd internal/cri/config/config.go',
    explain:
      "The pod's RuntimeClass names a handler that containerd's configuration on this node lacks. Configure it there, or keep such pods off the node.",
  },
  {
    id: 'runtime-handler-unsupported',
    cause: 'RuntimeHandlerMissing',
    all: ['runtimehandler "', 'not supported'],
    sample: {
      reason: POD,
      message: 'Failed to create pod sandbox: rpc error: code = Unknown desc = RuntimeHandler "kata" not supported',
    },
    source: 'kubernetes/kubernetes (1.23) pkg/kubelet/dockershim/docker_sandbox.go',
    explain: "The pod's RuntimeClass names a handler, but this node's runtime has none. Keep such pods off the node.",
  },
  {
    id: 'runtime-class-missing',
    cause: 'RuntimeHandlerMissing',
    any: ['runtimeclass "', 'runtimeclass.node.k8s.io "'],
    all: [{ re: 'runtimeclass[a-z0-9.]* "[^"]+" not found' }],
    not: ['forbidden'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: failed to get RuntimeHandler for pod: runtimeclass.node.k8s.io "gvisor" not found',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/runtimeclass/runtimeclass_manager.go',
    explain: "The RuntimeClass that the pod names does not exist. Create it or correct the pod's runtimeClassName.",
  },
  {
    id: 'runtime-binary-missing',
    cause: 'RuntimeHandlerMissing',
    during: ['sandbox', 'start'],
    all: [
      {
        re: '(exec: "|fork/exec )[^ "]*(containerd-shim-|docker-containerd-shim|runc|crun|kata-runtime|nvidia-container-runtime|runsc)[^ "]*"?: (executable file not found|file does not exist|no such file)',
      },
    ],
    any: ['executable file not found', 'file does not exist', 'no such file or directory'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: failed to start shim: exec: "containerd-shim-kata-v2": executable file not found in $PATH: unknown',
    },
    source: 'containerd/containerd core/runtime/v2/binary.go; moby/moby libcontainerd',
    explain: "The binary of the runtime handler is not installed on this node, or not in the runtime's path.",
  },
  {
    id: 'seccomp-profile-unavailable',
    cause: 'SecurityProfile',
    any: [
      'cannot load seccomp profile',
      'failed to generate seccomp',
      'seccomp security options',
      'seccomp spec opts',
      'setup seccomp',
      'unable to load local profile',
      'loading seccomp filter',
      'adding seccomp rule',
      'adding seccomp filter',
      'init seccomp',
      'invalid seccomp profile',
      'decoding seccomp profile failed',
      'seccomp is not enabled',
      'seccomp: config provided but seccomp not supported',
      'failed to parse seccomp profile',
      'unknown seccomp profile',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd container: cannot load seccomp profile "/var/lib/kubelet/seccomp/profiles/audit.json": open /var/lib/kubelet/seccomp/profiles/audit.json: no such file or directory',
    },
    source:
      'containerd/containerd internal/cri/server/container_create_linux.go; opencontainers/runc libcontainer/seccomp',
    explain:
      "The seccomp profile that the pod names is not on this node or cannot be read. Put it below the kubelet's seccomp directory on every node, or use RuntimeDefault.",
  },
  {
    id: 'apparmor-profile-unavailable',
    cause: 'SecurityProfile',
    all: ['apparmor'],
    any: [
      'is not loaded',
      'not loaded',
      'profile not found',
      'failed to apply',
      'unable to apply',
      'cannot enforce apparmor',
      'apparmor is not',
      'not supported',
      'no such file or directory',
      'failed to generate apparmor',
      'profile is not available',
      'could not be loaded',
      'invalid argument',
      'parser error',
      'apparmor_parser',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: apparmor failed to apply profile: write /proc/self/attr/apparmor/exec: no such file or directory: unknown',
    },
    source: 'kubernetes/kubernetes pkg/security/apparmor/validate.go; opencontainers/runc libcontainer/apparmor',
    explain:
      'The AppArmor profile that the pod names is not loaded on this node, or the node has no AppArmor. Load it on every node on which the pod may run.',
  },
  {
    id: 'selinux-label-refused',
    cause: 'SecurityProfile',
    any: [
      'selinux relabeling',
      'failed to set selinux',
      'unable to set selinux',
      'selinux label',
      'write /proc/self/attr/keycreate',
      'write /proc/thread-self/attr/keycreate',
      'write /proc/thread-self/attr/exec',
    ],
    during: ['start', 'sandbox'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:545: container init caused: write /proc/self/attr/keycreate: invalid argument: unknown',
    },
    source: 'opencontainers/selinux go-selinux/selinux_linux.go',
    explain:
      "The SELinux label of the pod or its volumes cannot be set on this node. Compare the pod's seLinuxOptions with the policy loaded on the node.",
  },
]
