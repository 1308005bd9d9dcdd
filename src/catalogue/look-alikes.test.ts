import { describe, expect, it } from 'vitest'
import type { Cause } from '../model/causes.ts'
import { classify } from './classify.ts'

const causeOf = (reason: string, message: string): Cause => classify({ reason, message }).cause

const PULL = 'Failed to pull image "r.example/a/b:1": rpc error: code = Unknown desc = '
const POD = 'Failed to create pod sandbox: rpc error: code = Unknown desc = '
const NFS =
  'MountVolume.SetUp failed for volume "d" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs nas:/d /var/lib/kubelet/pods/1/volumes/kubernetes.io~nfs/d\nOutput: '
const DOCKER =
  'failed to start sandbox container for pod "p": Error response from daemon: driver failed programming external connectivity on endpoint k8s_POD_p_n_1_1 (1): '

describe('look-alikes', () => {
  it.each<readonly [Cause, string, string]>([
    [
      'ProjectNotFound',
      'Failed',
      `${PULL}Error response from daemon: unauthorized: project not found, name: k8s: project not found, name: k8s`,
    ],
    [
      'Unauthorized',
      'Failed',
      `${PULL}Error response from daemon: unauthorized: unauthorized to access repository: k8s/coredns, action: pull: unauthorized to access repository: k8s/coredns, action: pull`,
    ],
    [
      'Unauthorized',
      'Failed',
      `${PULL}failed to pull and unpack image "r.example/a/b:1": failed to resolve reference "r.example/a/b:1": pulling from host m.example failed with status code [manifests 1]: 401 Unauthorized`,
    ],
    [
      'Forbidden',
      'Failed',
      `${PULL}failed to pull and unpack image "r.example/a/b:1": failed to resolve reference "r.example/a/b:1": pulling from host m.example failed with status code [manifests 1]: 403 Forbidden`,
    ],
    [
      'ManifestNotFound',
      'Failed',
      `${PULL}failed to pull and unpack image "r.example/a/b:1": failed to resolve reference "r.example/a/b:1": r.example/a/b:1: not found`,
    ],
    [
      'ManifestNotFound',
      'Failed',
      `${PULL}failed to pull and unpack image "r.example/a/b:1": httpReadSeeker: failed open: content at https://r.example/v2/a/b/manifests/sha256:2e22 not found: not found`,
    ],
    [
      'PlatformMismatch',
      'Failed',
      `${PULL}failed to pull and unpack image "r.example/a/b:1": no match for platform in manifest: not found`,
    ],
    [
      'CorruptLayer',
      'Failed',
      `${PULL}failed to pull and unpack image "r.example/a/b:1": failed to unpack image on snapshotter overlayfs: content digest sha256:8fd8: not found`,
    ],
    [
      'RepositoryNotFoundOrDenied',
      'Failed',
      `${PULL}Error response from daemon: pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
    ],
    [
      'RepositoryNotFoundOrDenied',
      'Failed',
      `${PULL}Error reading manifest 1 in docker.io/a/b: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n`,
    ],
    [
      'Unauthorized',
      'Failed',
      `${PULL}Error response from daemon: pull access denied for a/b, repository does not exist or may require 'docker login': denied: Your authorization token has expired. Reauthenticate and try again.`,
    ],
    [
      'Forbidden',
      'Failed',
      `${PULL}Error response from daemon: pull access denied for a/b, repository does not exist or may require 'docker login': denied: Permission denied for "1" from request "/v2/a/b/manifests/1".`,
    ],
    [
      'Forbidden',
      'Failed',
      `${PULL}Error response from daemon: pull access denied for a/b, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::1:assumed-role/n is not authorized to perform: ecr:BatchGetImage on resource: b`,
    ],
    [
      'RepositoryNotFoundOrDenied',
      'Failed',
      `${PULL}Error response from daemon: name unknown: The repository with name 'b' does not exist in the registry with id '1234'`,
    ],
    [
      'ManifestNotFound',
      'Failed',
      `${PULL}Error response from daemon: manifest for a/b:1 not found: manifest unknown: Requested image not found`,
    ],
    [
      'DiskFull',
      'Failed',
      `${PULL}failed to register layer: Error processing tar file(exit status 1): write /usr/lib/x: no space left on device`,
    ],
    [
      'CorruptLayer',
      'Failed',
      `${PULL}failed to register layer: Error processing tar file(exit status 1): unexpected EOF`,
    ],
    [
      'RegistryDNSFailure',
      'Failed',
      `${PULL}Error response from daemon: Get "https://r.example/v2/": dial tcp: lookup r.example on 10.0.0.2:53: read udp 10.0.0.5:3->10.0.0.2:53: i/o timeout`,
    ],
    [
      'RegistryUnreachable',
      'Failed',
      `${PULL}Error response from daemon: Get "https://r.example/v2/": dial tcp 192.0.2.4:443: i/o timeout`,
    ],
    [
      'RegistryUnreachable',
      'Failed',
      `${PULL}unexpected status from HEAD request to https://r.example/v2/a/b/manifests/1: 500 Internal Server Error: {"message":"Get \\"https://up.example/v2/\\": context deadline exceeded"}`,
    ],
    [
      'RegistryServerError',
      'Failed',
      `${PULL}unexpected status from HEAD request to https://r.example/v2/a/b/manifests/1: 500 Internal Server Error`,
    ],
    [
      'RateLimited',
      'Failed',
      `${PULL}unexpected status from HEAD request to https://r.example/v2/a/b/manifests/1: 429 Too Many Requests`,
    ],
    ['PullThrottled', 'Failed', 'Failed to pull image "a/b:1": pull QPS exceeded'],
    [
      'PullThrottled',
      'Failed',
      `${PULL}failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://r.example/v2/a/b/blobs/sha256:d0": context canceled`,
    ],
    ['BackOffOnly', 'BackOff', 'Back-off pulling image "a/b:1"'],
    ['BackOffOnly', 'Failed', 'Error: ImagePullBackOff'],
    [
      'Unauthorized',
      'ImagePullBackOff',
      'Back-off pulling image "a/b:1": ErrImagePull: failed to pull and unpack image "a/b:1": failed to resolve reference "a/b:1": failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized',
    ],
    ['Unknown', 'ImagePullBackOff', 'Back-off pulling image "a/b:1": ErrImagePull: something new'],
    [
      'SandboxImagePull',
      'FailedCreatePodSandBox',
      `${POD}failed to get sandbox image "r/pause:3": failed to pull image "r/pause:3": failed to resolve reference "r/pause:3": r/pause:3: not found`,
    ],
    [
      'IptablesChainMissing',
      'FailedCreatePodSandBox',
      `${POD}${DOCKER} (iptables failed: iptables --wait -t filter -A DOCKER ! -i docker0 -o docker0 -p tcp -d 172.7.21.3 --dport 80 -j ACCEPT: iptables: No chain/target/match by that name.\n (exit status 1))`,
    ],
    ['PortConflict', 'FailedCreatePodSandBox', `${POD}${DOCKER}Bind for 0.0.0.0:80 failed: port is already allocated`],
    [
      'PortConflict',
      'FailedCreatePodSandBox',
      `${POD}${DOCKER}Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use`,
    ],
    [
      'Unknown',
      'FailedCreatePodSandBox',
      `${POD}${DOCKER} (iptables failed: iptables --wait -t nat -A DOCKER: iptables v1.8.4: can't initialize iptables table: Permission denied`,
    ],
    [
      'SandboxStale',
      'FailedCreatePodSandBox',
      `${POD}failed to setup network for sandbox "1": plugin type="calico" failed (add): failed to open netns "/var/run/netns/cni-1": failed to Statfs "/var/run/netns/cni-1": no such file or directory`,
    ],
    [
      'CNIPluginDown',
      'FailedCreatePodSandBox',
      `${POD}failed to setup network for sandbox "1": plugin type="calico" failed (add): stat /var/lib/calico/nodename: no such file or directory`,
    ],
    [
      'CNIPluginDown',
      'FailedCreatePodSandBox',
      `${POD}failed to setup network for sandbox "1": plugin type="weave-net" failed (add): unable to allocate IP address: Post "http://127.0.0.1:6784/ip/1": dial tcp 127.0.0.1:6784: connect: connection refused`,
    ],
    [
      'IPExhausted',
      'FailedCreatePodSandBox',
      `${POD}failed to setup network for sandbox "1": failed to allocate for range 0: no IP addresses available in range set: 10.0.0.1-10.0.0.254`,
    ],
    [
      'CNIPluginMissing',
      'FailedCreatePodSandBox',
      `${POD}failed to setup network for sandbox "1": failed to find plugin "calico" in path [/opt/cni/bin]`,
    ],
    [
      'SandboxNameConflict',
      'FailedCreatePodSandBox',
      `${POD}context deadline exceeded: error reserving pod name k8s_p_n_1_0 for id 2: name is reserved`,
    ],
    [
      'RuntimeUnresponsive',
      'FailedCreatePodSandBox',
      'Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    ],
    [
      'RegistryUnreachable',
      'Failed',
      'Failed to pull image "a/b": rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    ],
    [
      'CSIDriverError',
      'FailedMount',
      'MountVolume.SetUp failed for volume "v" : rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    ],
    [
      'MountTimeout',
      'FailedMount',
      'Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[v]: context deadline exceeded',
    ],
    [
      'MountHelperMissing',
      'FailedMount',
      `${NFS}mount: wrong fs type, bad option, bad superblock on nas:/d,\n missing codepage or helper program, or other error`,
    ],
    [
      'MountHelperMissing',
      'FailedMount',
      `${NFS}mount: /mnt: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.`,
    ],
    ['MountHelperMissing', 'FailedMount', `${NFS}mount: unknown filesystem type 'nfs'`],
    [
      'FilesystemCorrupt',
      'FailedMount',
      'MountVolume.MountDevice failed for volume "v" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t ext4 -o defaults /dev/sdb /mnt\nOutput: mount: wrong fs type, bad option, bad superblock on /dev/sdb,\n missing codepage or helper program, or other error\n (for several filesystems (e.g. nfs, cifs) you might\n need a /sbin/mount.<type> helper program)',
    ],
    [
      'Unknown',
      'FailedMount',
      'MountVolume.MountDevice failed for volume "v" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t zfs pool/v /mnt\nOutput: mount: unknown filesystem type \'zfs\'',
    ],
    ['NFSAccessDenied', 'FailedMount', `${NFS}mount.nfs: access denied by server while mounting nas:/d`],
    [
      'NFSPathMissing',
      'FailedMount',
      `${NFS}mount.nfs: mounting nas:/d failed, reason given by server: No such file or directory`,
    ],
    [
      'NFSStatdDown',
      'FailedMount',
      `${NFS}mount.nfs: rpc.statd is not running but is required for remote locking.\nmount.nfs: an incorrect mount option was specified`,
    ],
    [
      'DevicePlugin',
      'Failed',
      'Error: failed to start container "g": Error response from daemon: OCI runtime create failed: container init caused: Running hook #0:: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: mount error: write error: /sys/fs/cgroup/devices/devices.allow: operation not permitted: unknown',
    ],
    [
      'CgroupError',
      'RunContainerError',
      'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "cgroup" to rootfs at "/sys/fs/cgroup": stat /run/x: no such file or directory',
    ],
    [
      'MultiAttach',
      'FailedMount',
      'MountVolume.SetUp failed for volume "v" : mount command failed, status: Failure, reason: Rook: Mount volume failed: failed to attach volume v for pod n/a. Volume is already attached by pod n/b. Status Running',
    ],
    ['Unknown', 'FailedMount', 'Unable to mount volumes for pod "p_n": exit status 32'],
    ['Unknown', 'FailedScheduling', '0/3 nodes are available: persistentvolumeclaim "v" not found.'],
    [
      'Unknown',
      'Unhealthy',
      'Readiness probe failed: Get "http://10.0.0.4/": dial tcp 10.0.0.4:80: connect: connection refused',
    ],
    ['Unknown', 'Failed', 'denied'],
    ['Unknown', '', ''],
  ])('%s', (cause, reason, message) => {
    expect(causeOf(reason, message)).toBe(cause)
  })

  it.each(['unauthorized', 'project-not-found', 'no-chain-target', 'not-found', '401', 'iptables'])(
    'an image named after a failure (%s) is not taken for it',
    (name) => {
      expect(causeOf('Failed', `Failed to pull image "r.example/${name}/${name}:${name}": some new failure`)).toBe(
        'Unknown',
      )
      expect(causeOf('BackOff', `Back-off pulling image "r.example/${name}/${name}:${name}"`)).toBe('BackOffOnly')
    },
  )
})
