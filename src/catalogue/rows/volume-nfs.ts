import type { Row } from '../row.ts'

/** NFS volumes: what mount.nfs, the server and the kernel's client say. The helper's absence is in `volume-mount.ts`. */
export const NFS_ROWS: readonly Row[] = [
  {
    id: 'nfs-statd-down',
    cause: 'NFSStatdDown',
    any: ['rpc.statd is not running', "either use '-o nolock'", 'start-statd', 'failed to start rpc.statd'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: mount.nfs: rpc.statd is not running but is required for remote locking.\nmount.nfs: Either use \'-o nolock\' to keep locks local, or start statd.',
    },
    source: 'linux-nfs nfs-utils utils/mount/stropts.c',
    explain:
      'NFS version 3 needs rpc.statd on the node for locks, and it is not running. Enable it (and rpcbind) on the node, mount with NFS 4, or add the mount option nolock.',
  },
  {
    id: 'nfs-stale-handle',
    cause: 'NFSStaleHandle',
    any: ['stale nfs file handle', 'stale file handle'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to prepare subPath for volumeMount "media" of container "web": stat /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media: stale NFS file handle',
    },
    source: 'golang/go src/syscall/zerrors_linux_amd64.go (ESTALE); glibc sysdeps/gnu/errlist.h',
    explain:
      'The server no longer has the directory that the node has mounted: it was exported again, moved or deleted. Delete the pod so that it is mounted again; if that hangs, unmount it lazily on the node.',
  },
  {
    id: 'nfs-mount-source-exists',
    cause: 'NFSStaleHandle',
    all: ['error while creating mount source path', 'kubernetes.io~nfs', 'file exists'],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to start container "web": Error response from daemon: error while creating mount source path \'/var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\': mkdir /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media: file exists',
    },
    source: 'moby/moby volume/mounts/mounts.go',
    explain:
      'The mount point exists but cannot be read, which is typical of a dead NFS mount: stat fails, mkdir reports that it exists. Delete the pod so that it is mounted again.',
  },
  {
    id: 'nfs-access-denied',
    cause: 'NFSAccessDenied',
    any: [
      'access denied by server while mounting',
      'reason given by server: permission denied',
      'mount.nfs: permission denied',
      'mount.nfs4: permission denied',
      'mount.nfs: operation not permitted',
      'mount.nfs4: operation not permitted',
      'mount.nfs: access denied',
      'mount.nfs4: access denied',
    ],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: mount.nfs4: access denied by server while mounting nas:/media',
    },
    source: 'linux-nfs nfs-utils utils/mount/error.c',
    explain:
      "The server does not export this directory to the node's address, or not with these options. Compare `exportfs -v` on the server with the node's address.",
  },
  {
    id: 'nfs-path-missing',
    cause: 'NFSPathMissing',
    any: ['reason given by server: no such file or directory', 'reason given by server: not a directory'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: mount.nfs: mounting nas:/media failed, reason given by server: No such file or directory',
    },
    source: 'linux-nfs nfs-utils utils/mount/error.c',
    explain: 'The server answers, but has no such directory. Create it there or correct the path of the volume.',
  },
  {
    id: 'nfs-path-missing-subdirectory',
    cause: 'NFSPathMissing',
    all: [
      { re: 'mount\\.nfs4?: (mounting [^ ]+ failed, )?(mount\\(2\\): )?no such file or directory' },
      'no such file or directory',
    ],
    any: ['mount.nfs: ', 'mount.nfs4: '],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting arguments: -t nfs4 nas:/media /mnt\nOutput: mount.nfs4: No such file or directory',
    },
    source: 'linux-nfs nfs-utils utils/mount/error.c',
    explain: 'The server has no such directory below its root. Create it there or correct the path of the volume.',
  },
  {
    id: 'nfs-version-unsupported',
    cause: 'NFSVersionUnsupported',
    any: [
      'requested nfs version or transport protocol is not supported',
      'mount.nfs: protocol not supported',
      'mount.nfs4: protocol not supported',
      'nfs version is not supported',
      'unsupported nfs version',
      'nfs: bad version',
      'program/version mismatch',
    ],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs -o vers=4.2 nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: mount.nfs: requested NFS version or transport protocol is not supported',
    },
    source: 'linux-nfs nfs-utils utils/mount/error.c',
    explain:
      "Server and node have no NFS version or transport in common with these options. Set nfsvers in the volume's mountOptions to one that the server offers (`rpcinfo -p SERVER`).",
  },
  {
    id: 'nfs-version-option-refused',
    cause: 'NFSVersionUnsupported',
    all: ['an incorrect mount option was specified', { re: '(nfs)?vers=[0-9]' }],
    not: ['rpc.statd'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs -o nfsvers=4.2 nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: mount.nfs: an incorrect mount option was specified',
    },
    source: 'linux-nfs nfs-utils utils/mount/error.c',
    explain:
      "The node's NFS client does not support this version. Set nfsvers in the volume's mountOptions to one that it supports.",
  },
  {
    id: 'nfs-server-unreachable',
    cause: 'NFSUnreachable',
    all: [
      {
        re: '(mount\\.nfs4?|nfs server|rpc|portmap|clnt_create|program nfs|nfs\\.mount).*(timed out|connection refused|no route to host|network is unreachable|failed to resolve|unable to receive|host is down|unable to send|temporary failure in name resolution|name or service not known|not responding|rpcbind failure|program not registered|connection reset)',
      },
    ],
    any: [
      'timed out',
      'connection refused',
      'no route to host',
      'network is unreachable',
      'failed to resolve',
      'unable to receive',
      'unable to send',
      'host is down',
      'temporary failure in name resolution',
      'name or service not known',
      'not responding',
      'rpcbind failure',
      'program not registered',
      'connection reset',
    ],
    not: ['rpc error: code', 'waiting for', 'unmounted volumes='],
    during: ['mount'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: mount.nfs: Failed to resolve server nas: Temporary failure in name resolution',
    },
    source: 'linux-nfs nfs-utils utils/mount/error.c, network.c',
    explain:
      'The node cannot reach the NFS server: check its name, the route, firewalls (ports 2049 and 111) and the service on the server. Try `showmount -e SERVER` and `nc -z SERVER 2049` from the node.',
  },
]
