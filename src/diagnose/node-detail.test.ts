import { expect, it } from 'vitest'
import { chainIn, isCsiMount, mountTypeIn } from './node-detail.ts'

it.each<[string, string | undefined]>([
  [
    'iptables --wait -t filter -A DOCKER ! -i docker0 -j ACCEPT: iptables: No chain/target/match by that name.',
    'DOCKER',
  ],
  ['iptables --wait -t nat -I DOCKER 1 -j RETURN: iptables: No chain', 'DOCKER'],
  ['iptables -t nat --append KUBE-HOSTPORTS -j ACCEPT: No chain', 'KUBE-HOSTPORTS'],
  ['iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER: No chain', 'DOCKER'],
  ['iptables -t nat -A POSTROUTING --comment x: No chain/target/match', 'POSTROUTING'],
  ['iptables -t filter -N CNI-FORWARD: No chain', 'CNI-FORWARD'],
  ["iptables-restore v1.8.9 (nf_tables): Chain 'KUBE-HOSTPORTS' does not exist", 'KUBE-HOSTPORTS'],
  ["iptables-restore v1.8.4 (legacy): Couldn't load target `KUBE-MARK-MASQ':No such file", 'KUBE-MARK-MASQ'],
  ['iptables: No chain/target/match by that name.', undefined],
])('%s', (message, chain) => {
  expect(chainIn(message)).toBe(chain)
})

it.each<[string, string | undefined]>([
  ['Mounting arguments: --description=x --scope -- mount -t nfs nas:/media /var/lib/kubelet/x', 'nfs'],
  ['Mounting arguments: -t ext4 -o defaults /dev/sdb /mnt', 'ext4'],
  ["Output: mount: unknown filesystem type 'glusterfs'", 'glusterfs'],
  ['exec: "mount.ceph": executable file not found in $PATH', 'ceph'],
  ['mount error: cifs filesystem not supported by the system', 'cifs'],
  ["fsconfig() failed: NFS: mount program didn't pass remote address.", 'nfs'],
  ['/var/lib/kubelet/pods/1/volumes/kubernetes.io~cephfs/data', 'ceph'],
  ['you might need a /sbin/mount.<type> helper program', undefined],
])('%s', (message, type) => {
  expect(mountTypeIn(message)).toBe(type)
})

it.each<[string, boolean]>([
  ['MountVolume.SetUp failed for volume "x" : rpc error: code = Internal desc = mount failed', true],
  ['Mounting arguments: -t nfs nas:/x /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/x/mount', true],
  ['driver name nfs.csi.k8s.io not found', true],
  ['Mounting arguments: -t nfs nas:/x /var/lib/kubelet/pods/1/volumes/kubernetes.io~nfs/x', false],
])('%s', (message, is) => {
  expect(isCsiMount(message)).toBe(is)
})
