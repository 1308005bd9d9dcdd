import type { Row } from '../row.ts'

/** What goes wrong with an image's layers once its manifest was read, and on the node's disk. */
export const IMAGE_CONTENT_ROWS: readonly Row[] = [
  {
    id: 'image-disk-full',
    cause: 'DiskFull',
    any: [
      'no space left on device',
      'failed to garbage collect required amount of images',
      'not enough space',
      'disk quota exceeded',
      'freediskspacefailed',
      // moby daemon/graphdriver/devmapper/deviceset.go: blocks of data or of metadata.
      'blocks which is less than minimum required',
    ],
    not: ['inotify', 'network namespace', 'noop process', 'session key', '/sys/fs/cgroup', 'mountvolume.'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.2": rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/library/web:1.2": failed to extract layer sha256:9d1f: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/41/fs/usr/lib/libLLVM.so: no space left on device: unknown',
    },
    source:
      'golang/go src/syscall/zerrors_linux_amd64.go (ENOSPC); kubernetes/kubernetes pkg/kubelet/images/image_gc_manager.go',
    explain:
      "The node's disk is full where the runtime keeps images or containers. Free space there, or give the node a larger disk.",
  },
  {
    id: 'image-layer-damaged',
    cause: 'CorruptLayer',
    any: [
      'unexpected commit digest',
      'unexpected commit size',
      'does not match provided manifest digest',
      'filesystem layer verification failed',
      'failed to register layer',
      'failed to extract layer',
      'failed to unpack image on snapshotter',
      'failed to prepare extraction snapshot',
      'failed size validation',
      'failed to verify certificate of layer',
      'wrong diff id calculated on extraction',
      'digest did not match',
      'image verification failed for digest',
      'manifest verification failed for digest',
      'does not match config',
      'mismatched rootfs and manifest layers',
      'archive/tar: invalid tar header',
      'gzip: invalid header',
      'gzip: invalid checksum',
      'invalid checksum digest',
      'layer does not exist',
      'layers from manifest don',
      'error processing tar file',
      'cannot overwrite digest',
      'content digest sha256:',
      'download failed, digest mismatch',
      'unexpected size',
      'corrupted',
      'error creating layer with id',
      'adding layer with blob',
    ],
    during: ['pull'],
    not: [
      'no space left on device',
      'cannot allocate memory',
      'i/o timeout',
      'connection reset',
      'deadline exceeded',
      'context canceled',
      '401 unauthorized',
      'read-only file system',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.2": rpc error: code = Unknown desc = writing blob: adding layer with blob "sha256:9d1f": Error processing tar file(exit status 1): archive/tar: invalid tar header',
    },
    source:
      'containerd/containerd core/content/helpers.go, core/unpack; moby/moby distribution/xfer, layer; containers/image copy/digesting_reader.go',
    explain:
      "A layer is damaged, in the download or in the node's store. Remove the image and its content on the node and pull again; if it recurs on several nodes, push the image again.",
  },
]
