import { expect, it, test } from 'vitest'
import { areaOfFinding } from '../../model/causes.ts'
import { isNodeItself } from '../../model/pod.ts'
import type { NodeEntry } from '../../watch/node-cache.ts'
import { chainNamedIn, detectNodeFailures, fsTypeNamedIn, isCsiMount } from './findings.ts'

const NOW = Date.UTC(2030, 0, 1)

const node = (status: string, message: string): NodeEntry => ({
  name: 'node-1',
  uid: 'n',
  labels: {},
  annotations: {},
  controlPlane: false,
  platform: 'linux/amd64',
  unschedulable: false,
  ready: status === 'True',
  readiness: { status, reason: 'KubeletNotReady', message, since: '2029-12-31T23:59:00Z' },
})

it.each<[string, string, string | undefined]>([
  ['False', 'container runtime is down', 'kubelet'],
  [
    'False',
    '[container runtime is down, PLEG is not healthy: pleg was last seen active 3m9s ago; threshold is 3m0s]',
    'kubelet',
  ],
  ['False', 'PLEG is not healthy: pleg was last seen active 3m9s ago', 'kubelet'],
  ['False', 'container runtime status check may not have completed yet', 'kubelet'],
  ['False', 'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady', undefined],
  ['False', 'failed to initialize CSINode', undefined],
  ['Unknown', 'Kubelet stopped posting node status.', 'event'],
  ['True', 'kubelet is posting ready status', undefined],
])('Ready is %s: %s', (status, message, source) => {
  const { findings } = detectNodeFailures(node(status, message), NOW)
  expect(findings.map((finding) => [areaOfFinding(finding), finding.source])).toEqual(
    source === undefined ? [] : [['RuntimeUnresponsive', source]],
  )
})

test('the node stands for itself among the failing pods, since it stopped being ready', () => {
  const { pod, since } = detectNodeFailures(node('False', 'container runtime is down'), NOW)
  expect(isNodeItself(pod)).toBe(true)
  expect(pod).toMatchObject({ metadata: { name: 'node-1', uid: 'n' }, spec: { nodeName: 'node-1' } })
  expect(pod.metadata.namespace).toBeUndefined()
  expect(since).toBe(NOW - 60_000)
})

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
  expect(chainNamedIn(message)).toBe(chain)
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
  expect(fsTypeNamedIn(message)).toBe(type)
})

it.each<[string, boolean]>([
  ['MountVolume.SetUp failed for volume "x" : rpc error: code = Internal desc = mount failed', true],
  ['Mounting arguments: -t nfs nas:/x /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/x/mount', true],
  ['driver name nfs.csi.k8s.io not found', true],
  ['Mounting arguments: -t nfs nas:/x /var/lib/kubelet/pods/1/volumes/kubernetes.io~nfs/x', false],
])('%s', (message, is) => {
  expect(isCsiMount(message)).toBe(is)
})
