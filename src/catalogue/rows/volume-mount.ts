import type { Row } from '../row.ts'

/** File systems that are mounted by a helper program of their own, as `mount -t` names them. */
const NETWORK_TYPE =
  '(nfs4?|cifs|smb3?|ceph|glusterfs|lustre|beegfs|moosefs|fuse\\.[a-z0-9]+|davfs|gpfs|ocfs2|gfs2|9p|efs|afs)'
/** Signs that a network file system is being mounted: the type, the kubelet's directory, a source `host:/path` or `//host/share`. */
const NETWORK = {
  re: `-t ${NETWORK_TYPE} |kubernetes\\.io~(nfs|cifs|cephfs|glusterfs|azure-file)|(mount|superblock) on [^ /]+:/|superblock on //|/mount\\.(nfs|cifs|ceph|glusterfs)`,
} as const
/** Signs of a block device. */
const BLOCK = {
  re: '-t (ext[234]|xfs|btrfs|vfat|ntfs)|(on|device|volume) /dev/|\\[(ext[234]|xfs)\\]|/dev/(mapper|disk|sd|vd|nvme|xvd|rbd|dm-|md|loop)',
} as const

const HELPER =
  'The node lacks the program or kernel module that mounts this kind of file system. Install the client package on that node: nfs-common or nfs-utils for nfs, cifs-utils, ceph-common, glusterfs-client. No server and no restart are needed. Immutable hosts need another image of the host.'

/** Mounting itself: missing helpers, damaged disks, busy devices. The type of the file system decides between the first two. */
export const MOUNT_ROWS: readonly Row[] = [
  {
    id: 'mount-helper-missing-in-csi',
    cause: 'MountHelperMissing',
    any: ['wrong fs type, bad option, bad superblock', 'need a /sbin/mount.'],
    all: [NETWORK],
    not: [BLOCK],
    codes: ['*'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : rpc error: code = Internal desc = mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs -o nfsvers=4.1 nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~csi/media/mount\nOutput: mount: /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~csi/media/mount: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.',
    },
    source: 'util-linux sys-utils/mount.c; kubernetes-csi drivers',
    explain:
      'A CSI driver mounts inside its own container, and the helper is missing there: installing it on the host does not help. Use an image of the driver that includes it.',
  },
  {
    id: 'mount-helper-missing',
    cause: 'MountHelperMissing',
    any: ['wrong fs type, bad option, bad superblock', 'need a /sbin/mount.'],
    all: [NETWORK],
    not: [BLOCK],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: systemd-run\nMounting arguments: --description=Kubernetes transient mount for /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media --scope -- mount -t nfs nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: Running scope as unit run-128825.scope.\nmount: wrong fs type, bad option, bad superblock on nas:/media,\n       missing codepage or helper program, or other error\n       (for several filesystems (e.g. nfs, cifs) you might\n       need a /sbin/mount.<type> helper program)',
    },
    source: 'util-linux sys-utils/mount.c',
    explain: HELPER,
  },
  {
    id: 'mount-helper-missing-bad-option',
    cause: 'MountHelperMissing',
    all: ['bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.'],
    not: [BLOCK],
    sample: {
      reason: 'FailedMount',
      message:
        'mount: /mnt/media: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.',
    },
    source: 'util-linux libmount/src/context_mount.c',
    explain: HELPER,
  },
  {
    id: 'filesystem-type-unknown',
    cause: 'MountHelperMissing',
    all: ['unknown filesystem type', { re: `unknown filesystem type '?"?${NETWORK_TYPE}['"]?` }],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t glusterfs -o log-level=ERROR 10.1.0.7:vol /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~glusterfs/media\nOutput: mount: unknown filesystem type \'glusterfs\'',
    },
    source: 'util-linux libmount/src/context_mount.c',
    explain: HELPER,
  },
  {
    id: 'nfs-mount-program-bypassed',
    cause: 'MountHelperMissing',
    any: ["mount program didn't pass remote address", 'mount program did not pass remote address'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs nas:/media /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media\nOutput: mount: /var/lib/kubelet/pods/3f0c/volumes/kubernetes.io~nfs/media: fsconfig() failed: NFS: mount program didn\'t pass remote address.',
    },
    source: 'torvalds/linux fs/nfs/fs_context.c',
    explain: HELPER,
  },
  {
    id: 'cifs-unsupported-by-kernel',
    cause: 'MountHelperMissing',
    any: [
      'cifs filesystem not supported by the system',
      'nfs filesystem not supported by the system',
      'ceph filesystem not supported by the system',
    ],
    sample: {
      reason: 'FailedMount',
      message: 'Output: mount error: cifs filesystem not supported by the system\nmount error(19): No such device',
    },
    source: 'cifs-utils mount.cifs.c',
    explain: HELPER,
  },
  {
    id: 'mount-program-not-installed',
    cause: 'MountHelperMissing',
    all: [
      {
        re: 'mount\\.(nfs4?|cifs|ceph|glusterfs|lustre|efs)["\']?:? ["\']?(executable file not found|command not found|not found|no such file or directory$)',
      },
    ],
    any: ['executable file not found', 'command not found', 'not found', 'no such file or directory'],
    during: ['mount'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "media" : mount failed: exec: "mount.ceph": executable file not found in $PATH\nMounting command: mount\nMounting arguments: -t ceph 10.1.0.7:6789:/ /mnt',
    },
    source: 'kubernetes/mount-utils mount_linux.go; golang/go src/os/exec',
    explain: HELPER,
  },
  {
    id: 'filesystem-damaged',
    cause: 'FilesystemCorrupt',
    any: [
      'structure needs cleaning',
      'found errors on device',
      "can't read superblock",
      'bad magic number in super-block',
      'superblock could not be read',
      'superblock invalid',
      'run fsck manually',
      'unexpected inconsistency',
      'xfs_repair',
      'e2fsck',
      'superblock read failed',
      'bad superblock magic',
    ],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.MountDevice failed for volume "pvc-3f0c" : \'fsck\' found errors on device /dev/disk/by-id/scsi-0DO_Volume_pvc-3f0c but could not correct them: fsck from util-linux 2.36.1\n/dev/sdb: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.',
    },
    source:
      'kubernetes/mount-utils mount_linux.go; tytso/e2fsprogs; torvalds/linux include/uapi/asm-generic/errno.h (EUCLEAN)',
    explain:
      'The file system on the volume is damaged. Detach the volume from the pod, take a snapshot, then check and repair it manually (fsck, xfs_repair).',
  },
  {
    id: 'filesystem-of-device-unreadable',
    cause: 'FilesystemCorrupt',
    any: ['wrong fs type, bad option, bad superblock', 'missing codepage or helper program'],
    all: [BLOCK],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.MountDevice failed for volume "pvc-3f0c" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t ext4 -o defaults /dev/sdb /var/lib/kubelet/plugins/kubernetes.io/csi/pv/pvc-3f0c/globalmount\nOutput: mount: /var/lib/kubelet/plugins/kubernetes.io/csi/pv/pvc-3f0c/globalmount: wrong fs type, bad option, bad superblock on /dev/sdb, missing codepage or helper program, or other error.',
    },
    source: 'util-linux sys-utils/mount.c',
    explain:
      "The file system of the block device cannot be read: it is damaged, of a different type than the volume declares, or from a newer kernel. Nothing is missing on the node; check the kernel's log there.",
  },
  {
    id: 'filesystem-of-another-type',
    cause: 'FilesystemCorrupt',
    all: ['failed to mount the volume as', 'it already contains'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.MountDevice failed for volume "pvc-3f0c" : failed to mount the volume as "ext4", it already contains unknown data, probably partitions. Mount error: mount failed: exit status 32',
    },
    source: 'kubernetes/mount-utils mount_linux.go',
    explain:
      'The device has a different content than the volume declares, and Kubernetes does not overwrite it. Check what is on it before you correct fsType or wipe it.',
  },
  {
    id: 'device-busy',
    cause: 'DeviceBusy',
    during: ['mount'],
    any: [
      'resource busy',
      // util-linux sys-utils/mount.c, which names the mount point or calls it so.
      ' is already mounted or ',
      'already mounted or mount point busy',
      'target is busy',
      'device is busy',
      'is apparently in use by the system',
      'already mounted on',
      'is mounted; will not make a filesystem here',
      'device already in use',
    ],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.MountDevice failed for volume "pvc-3f0c" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t ext4 -o defaults /dev/sdb /mnt\nOutput: mount: /mnt: /dev/sdb already mounted or mount point busy.',
    },
    source: 'util-linux sys-utils/mount.c; tytso/e2fsprogs misc/mke2fs.c',
    explain:
      'The device is in use on the node: by another mount, multipathd, LVM or a process in the directory. Find the user with lsblk and fuser.',
  },
]
