import type { Row } from '../row.ts'

const POD = 'FailedCreatePodSandBox'

/** Failures of the runtime itself: memory, cgroups, limits of the node, no answer. */
export const SANDBOX_RUNTIME_ROWS: readonly Row[] = [
  {
    id: 'oom-killed-at-start',
    cause: 'OOMKilled',
    any: ['container init was oom-killed', 'oom-killed (memory limit too low', 'caused: process_linux.go: oomkilled'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?): unknown',
    },
    source: 'opencontainers/runc libcontainer/process_linux.go',
    explain: "The memory limit is too low to start the process at all. Raise the container's memory limit.",
  },
  {
    id: 'cgroup-refused',
    cause: 'CgroupError',
    any: [
      'expected cgroupspath',
      'applying cgroup configuration',
      'apply cgroup configuration',
      'setting cgroup config',
      'set cgroup config',
      'failed to write to cgroup',
      '/sys/fs/cgroup',
      'cgroups: ',
      'cgroup path',
      'unable to ensure pod container exists',
      'failed to create container for [kubepods',
      'container for [kubepods',
      'set memory limit',
      'cgroup manager',
      'cgroup driver',
      'systemd cgroup',
      'cgroup.procs',
      'cgroup.subtree_control',
      'cgroup mountpoint',
      'cgroup already exists',
      'cpu.cfs_quota_us',
      'cpu.cfs_period_us',
      'memory.limit_in_bytes',
      'memory.kmem',
      'cpuset.cpus',
      'cpuset.mems',
      'cpu.rt_runtime_us',
      'hugetlb.',
      'cgroup is deleted',
      'minimum memory limit',
      'failed to set memory.',
      'container cgroups:',
      'cgroup v2',
      'cgroupv2',
      'sd-bus call: ',
    ],
    not: ['oom-killed', 'fork/exec'],
    during: ['start', 'sandbox', 'network'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: unable to apply cgroup configuration: mkdir /sys/fs/cgroup/memory/kubepods/burstable/pod3f0c/9d1f: cannot allocate memory: unknown',
    },
    source:
      'opencontainers/runc libcontainer/cgroups; cri-o/cri-o internal/config/cgmgr; kubernetes/kubernetes pkg/kubelet/cm',
    explain:
      "The pod's cgroup cannot be created or configured. Most often the kubelet and the runtime use different cgroup drivers (systemd, cgroupfs), a limit is too low, or the kernel has leaked cgroups and the node needs a reboot.",
  },
  {
    id: 'pod-cgroup-not-created',
    cause: 'CgroupError',
    reasons: [
      'FailedCreatePodContainer',
      'FailedCreatePodSandBox',
      'FailedSync',
      'Failed',
      'CreateContainerError',
      'RunContainerError',
      'StartError',
    ],
    any: [
      'failed to create pod container',
      'ensure pod container',
      '.slice already exists',
      '.slice not found',
      '.scope already exists',
    ],
    sample: {
      reason: 'FailedCreatePodSandBox',
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: Unit cri-containerd-9d1f.scope already exists.: unknown',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/kubelet.go; opencontainers/runc libcontainer/cgroups/systemd',
    explain:
      'Either systemd still has a unit with this name, or it refuses to create one. Reset the failed unit on the node, or restart the kubelet.',
  },
  {
    id: 'node-resources-exhausted',
    cause: 'ResourceExhausted',
    during: ['start', 'sandbox', 'network'],
    any: [
      'resource temporarily unavailable',
      'cannot allocate memory',
      // The kernel's limit on namespaces (user.max_net_namespaces).
      'failed to start noop process for unshare',
      'too many open files',
      'failed to create new os thread',
      "can't fork",
      'running exec setns process for init caused',
      'disk quota exceeded',
      'pids limit',
      'too many processes',
      'no buffer space available',
      'too many levels of symbolic links in inotify',
      'inotify_init',
      'inotify instances',
      'inotify watch',
      'exchange full',
      'file table overflow',
    ],
    not: ['register layer', 'unpack image', 'extract layer'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: failed to start shim: fork/exec /usr/bin/containerd-shim-runc-v2: resource temporarily unavailable: unknown',
    },
    source:
      'golang/go src/syscall/zerrors_linux_amd64.go (EAGAIN, ENOMEM, EMFILE, ENFILE); opencontainers/runc libcontainer/process_linux.go',
    explain:
      'The node has run out of a kernel resource: processes, memory, open files, inotify instances or session keys. Find out what uses it up, and raise the limit.',
  },
  {
    id: 'runtime-connection-lost',
    cause: 'RuntimeUnresponsive',
    any: [
      'ttrpc: closed',
      'cannot connect to the docker daemon',
      'is the docker daemon running',
      'the connection is unavailable',
      'pleg is not healthy',
      'pleg was last seen active',
      'container runtime is down',
      'container runtime is not running',
      'container runtime not ready',
      'shim task: ttrpc',
      'dead or unresponsive',
      'container daemon is unhealthy',
      'failed to dial "/run/containerd/',
      'rst_stream',
      'error reading from server: eof',
      'transport is closing',
    ],
    not: ['multus', 'cilium.sock', 'csi.sock', 'mountvolume.', 'plugin type="'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create containerd task: failed to create shim task: ttrpc: closed: unknown',
    },
    source: 'containerd/ttrpc client.go; moby/moby client/errors.go; kubernetes/kubernetes pkg/kubelet/runtime.go',
    explain:
      'The container runtime on this node does not answer, or the connection to it broke. Check its service and log; if it hangs, restart it.',
  },
  {
    id: 'runtime-socket-unanswered',
    cause: 'RuntimeUnresponsive',
    all: ['dial'],
    any: ['containerd.sock', 'crio.sock', 'cri-dockerd.sock', 'dockershim.sock', 'docker.sock'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing dial unix /run/containerd/containerd.sock: connect: connection refused"',
    },
    source: 'grpc/grpc-go internal/transport/http2_client.go; kubernetes/kubernetes pkg/kubelet/cri/remote',
    explain:
      'The container runtime on this node does not answer on its socket. Check its service and log, and start it again.',
  },
  {
    id: 'runtime-operation-timed-out',
    cause: 'RuntimeUnresponsive',
    during: ['sandbox', 'start'],
    any: [
      'context deadline exceeded',
      'operation timeout',
      'deadline exceeded',
      'timed out waiting for',
      'context canceled',
    ],
    not: [
      'pull image',
      'errimagepull',
      'imagepullbackoff',
      'volumes to attach',
      'cni request',
      'plugin type="',
      'pulling image',
      'unmounted volumes=',
      'mountvolume.',
      'poststart',
      ' cache: timed out',
    ],
    sample: {
      reason: 'Failed',
      message: 'Error: failed to create containerd task: failed to start shim: context deadline exceeded: unknown',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/cri/remote/remote_runtime.go; containerd/containerd',
    explain:
      'The container runtime took longer than the kubelet waits. The node is overloaded (disk above all) or the runtime hangs. Check its log and the load of the node; if it hangs, restart it.',
  },
  {
    id: 'runtime-said-nothing',
    cause: 'RuntimeUnresponsive',
    reasons: ['Failed', 'FailedSync', 'CreateContainerError', 'RunContainerError'],
    all: ['context deadline exceeded', { re: '^context deadline exceeded$' }],
    sample: { reason: 'Failed', message: 'Error: context deadline exceeded' },
    source: 'kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go',
    explain:
      'The kubelet asked the container runtime to create or start a container and got no answer in time. Check the load of the node and the log of the runtime.',
  },
]
