import type { Row } from '../row.ts'

/** The last message of the runtime, where the kubelet takes the end of the log as the message. */
const EXECUTED: readonly string[] = [
  'Error',
  'CrashLoopBackOff',
  'ContainerCannotRun',
  'StartError',
  'RunContainerError',
  '',
]
const EXEC_LINE = '(^exec "?[^ "]+"?|exec container process( \\([^)]*\\))? `[^`]+`): '

/** Failures of creating, starting and keeping a container. */
export const CONTAINER_ROWS: readonly Row[] = [
  {
    id: 'run-as-root-denied',
    cause: 'RunAsRootDenied',
    any: [
      'runasnonroot',
      'breaks non-root policy',
      'break non-root policy',
      'image will run as root',
      'cannot verify user is non-root',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Error: container has runAsNonRoot and image will run as root (pod: "web-7xk2p_web(3f0c)", container: web)',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/kuberuntime/security_context_others.go',
    explain:
      'The pod sets runAsNonRoot, but the image runs as root or names its user instead of giving a number. Set runAsUser to a number, or build the image with a numeric USER.',
  },
  {
    id: 'post-start-hook-failed',
    cause: 'PostStartHook',
    reasons: ['FailedPostStartHook', 'PostStartHookError'],
    any: ['lifecycle hook', 'poststarthook', 'poststart hook', ' exited with '],
    sample: {
      reason: 'FailedPostStartHook',
      message:
        'Exec lifecycle hook ([/bin/sh -c /setup.sh]) for Container "web" in Pod "web-7xk2p_web(3f0c)" failed - error: command \'/bin/sh -c /setup.sh\' exited with 126: , message: ""',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/lifecycle/handlers.go',
    explain:
      "The command or request of the container's postStart hook failed, so the kubelet kills the container. Correct the hook.",
  },
  {
    id: 'post-start-hook-error',
    cause: 'PostStartHook',
    any: ['poststarthookerror', 'poststart hook', 'poststart handler: '],
    sample: {
      reason: 'FailedSync',
      message:
        'Error syncing pod, skipping: failed to "StartContainer" for "web" with PostStartHookError: "command \'/bin/sh -c /setup.sh\' exited with 1: "',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go',
    explain:
      "The command or request of the container's postStart hook failed, so the kubelet kills the container. Correct the hook.",
  },
  {
    id: 'mount-in-container-refused',
    cause: 'InvalidMountInContainer',
    any: [
      'trying to mount a directory onto a file',
      'is not a shared mount',
      'is not a shared or slave mount',
      'path is mounted on',
      'duplicate mount point',
      'invalid mount config',
      'bind source path does not exist',
      'invalid volume specification',
      'mount path must be absolute',
      'invalid bind mount',
      // containers/crun src/libcrun/linux.c.
      'container create failed: mount `',
    ],
    not: ['mountvolume.'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~configmap/web/app.conf" to rootfs at "/etc/app.conf": not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type',
    },
    source: 'opencontainers/runc libcontainer/rootfs_linux.go; moby/moby daemon/errors.go',
    explain:
      'A volume cannot be mounted at the path in the container: a file would replace a directory or the reverse, or a path is wrong. Correct mountPath and subPath.',
  },
  {
    id: 'mount-to-rootfs-failed',
    cause: 'InvalidMountInContainer',
    during: ['start', 'sandbox'],
    any: [
      'to rootfs',
      'mountpoint for',
      'failed to mkdir "/',
      'error while creating mount source path',
      'creating mount source path',
      'failed to create mountpoint',
      'failed to mount ',
    ],
    not: ['stale', 'mountvolume.', 'no space left', 'snapshot'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/srv/data" to rootfs at "/data": mkdir /data: read-only file system: unknown',
    },
    source: 'opencontainers/runc libcontainer/rootfs_linux.go; moby/moby volume/mounts/mounts.go',
    explain:
      "A mount of the container fails: its source does not exist, or its target cannot be created in the image's file system. Correct the paths.",
  },
  {
    id: 'exec-format',
    cause: 'ExecFormat',
    any: ['exec format error', 'exec_format'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/app/server": exec format error: unknown',
    },
    source: 'opencontainers/runc libcontainer/init_linux.go (ENOEXEC)',
    explain:
      "The program is built for a different CPU architecture than the node's, or is a script without an interpreter line. Use an image for the node's platform.",
  },
  {
    id: 'exec-permission',
    cause: 'ExecPermission',
    all: [
      'permission denied',
      {
        re: 'exec:? "?[^" ]*"?: permission denied|exec user process caused:? "?permission denied|exec .*: permission denied|open executable: permission denied',
      },
    ],
    during: ['start'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/docker-entrypoint.sh": permission denied: unknown',
    },
    source: 'opencontainers/runc libcontainer/standard_init_linux.go; golang/go src/os/exec/lp_unix.go',
    explain:
      'The program exists but cannot be executed: the file lacks the executable bit, or the mount is noexec. Set the bit in the image (`chmod +x`), or the defaultMode of the volume.',
  },
  {
    id: 'exec-not-found',
    cause: 'ExecNotFound',
    during: ['start'],
    any: ['executable file not found in', 'not found in $path', 'no such file or directory'],
    all: [
      {
        re: 'exec: "?[^"]*"?: (executable file not found|stat [^:]+: no such file|no such file)|exec user process caused:? "?no such file|executable file [^:]* ?not found|exec /?[^ :]+: no such file|stat [^ :]+: no such file or directory: unknown',
      },
    ],
    not: ['ns/net', 'hook'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/bash": stat /bin/bash: no such file or directory: unknown',
    },
    source:
      'golang/go src/os/exec; opencontainers/runc libcontainer/standard_init_linux.go; containers/crun src/libcrun',
    explain:
      "The program in the pod's command or the image's entry point does not exist in the image, or its interpreter or libraries are missing. Correct the command or the image.",
  },
  {
    id: 'exec-refused-late',
    cause: 'ExecPermission',
    reasons: EXECUTED,
    any: ['permission denied', 'operation not permitted'],
    all: [{ re: `${EXEC_LINE}(permission denied|operation not permitted)` }],
    sample: { reason: 'Error', message: 'exec /opt/app/bin/server: operation not permitted' },
    source: 'opencontainers/runc libcontainer/system; containers/crun src/libcrun/container.c',
    explain:
      'The program exists but cannot be executed: the file lacks the executable bit, or has capabilities that the pod does not have. Set the bit in the image (`chmod +x`), or check the file with `getcap`.',
  },
  {
    id: 'exec-missing-late',
    cause: 'ExecNotFound',
    reasons: EXECUTED,
    all: ['no such file or directory', { re: `${EXEC_LINE}no such file or directory` }],
    sample: { reason: 'Error', message: 'exec /entrypoint.sh: no such file or directory' },
    source: 'opencontainers/runc libcontainer/system; containers/crun src/libcrun/container.c',
    explain:
      "The program in the pod's command or the image's entry point does not exist, or its interpreter or libraries are missing, as for a script with Windows line endings. Correct the command or the image.",
  },
  {
    id: 'oom-killed',
    cause: 'OOMKilled',
    any: [
      'out of memory: killed process',
      'out of memory: kill process',
      'oomkilled',
      'memory cgroup out of memory',
      'system oom encountered',
      'oom-killed',
      'oom killed',
    ],
    // A pod may be named so.
    not: ['back-off restarting failed'],
    sample: {
      reason: 'SystemOOM',
      message: 'System OOM encountered, victim process: java, pid: 31999',
    },
    source: 'torvalds/linux mm/oom_kill.c; kubernetes/kubernetes pkg/kubelet/oom/oom_watcher_linux.go',
    explain:
      'The kernel killed a process because memory ran out, in its container or on the node. Raise the limit, or find out what uses the memory.',
  },
  {
    id: 'crash-loop',
    cause: 'CrashLoop',
    any: ['back-off restarting failed', 'crashloopbackoff', 'restarting failed container'],
    sample: {
      reason: 'BackOff',
      message: 'Back-off restarting failed container web in pod web-7xk2p_web(3f0c)',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go',
    explain: 'The container keeps starting and exiting. Its log says why (`kubectl logs --previous`).',
  },
]

/** Devices; their hooks fail with messages about cgroups and mounts, so they come before these. */
export const DEVICE_ROWS: readonly Row[] = [
  {
    id: 'device-unavailable',
    cause: 'DevicePlugin',
    any: [
      'nvidia-container-cli',
      'nvidia-container-runtime-hook',
      'allocate failed due to',
      'unexpectedadmissionerror',
      'device plugin',
      'could not select device driver',
      'cdi devices',
      'cdi device',
      'no healthy devices present',
      'devices unavailable for',
      'initialization error: nvml',
      'unknown device id',
    ],
    sample: {
      reason: 'UnexpectedAdmissionError',
      message:
        'Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/cm/devicemanager/manager.go; NVIDIA/libnvidia-container',
    explain:
      "The device that the pod requests cannot be allocated: its device plugin is not running, the driver on the node does not match, or the device has failed. Check the plugin's pod and, for GPUs, `nvidia-smi` on the node.",
  },
]
