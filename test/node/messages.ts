/** What kubelets say of nodes that fail. */
import type { Patience } from '../../testbed/fixture.ts'

export const FAST_PATIENCE: Patience = { timeoutMs: 60_000, everyMs: 100 }

const PREFIX =
  'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container for pod "app": Error response from daemon: driver failed programming external connectivity on endpoint k8s_POD_app:  '

/** The words of a chain that is gone, with iptables' own end. */
export const chainGone = (chain = 'DOCKER'): string =>
  `${PREFIX}(iptables failed: iptables --wait -t filter -A ${chain} ! -i docker0 -o docker0 -p tcp -d 172.7.21.3 --dport 80 -j ACCEPT: iptables: No chain/target/match by that name.\n (exit status 1))`

/** A sandbox that died, whose network namespace went with it. */
export const NETNS_GONE =
  'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "ab41": plugin type="bridge" failed (add): failed to Statfs "/var/run/netns/cni-f8106292-8639-2da7-7a82-11dc8173bb6b": no such file or directory'

/** The same beginning, and nothing that a restart helps. */
export const PORT_TAKEN = `${PREFIX}Bind for 0.0.0.0:80 failed: port is already allocated`

export const noHelper = (type = 'nfs'): string =>
  `MountVolume.SetUp failed for volume "data" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t ${type} hdss7-200:/data/jenkins /var/lib/kubelet/pods/0/volumes/kubernetes.io~${type}/data\nOutput: mount: wrong fs type, bad option, bad superblock on hdss7-200:/data/jenkins,\n       missing codepage or helper program, or other error\n       (for several filesystems (e.g. nfs, cifs) you might\n       need a /sbin/mount.<type> helper program)\n`
