import type { Row } from '../row.ts'

const POD = 'FailedCreatePodSandBox'

/** Host ports and firewall chains: their messages begin alike, the ending decides. */
export const SANDBOX_FIREWALL_ROWS: readonly Row[] = [
  {
    id: 'host-port-taken',
    cause: 'PortConflict',
    during: ['sandbox', 'start', 'network'],
    any: ['port is already allocated', 'address already in use', 'cannot open hostport', 'ports are not available'],
    not: ['shim', 'listen unix'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container for pod "edge-7xk2p": Error response from daemon: driver failed programming external connectivity on endpoint k8s_POD_edge-7xk2p_web_3f0c_0 (9d1f): Bind for 0.0.0.0:443 failed: port is already allocated',
    },
    source: 'moby/moby libnetwork/portallocator; cri-o/cri-o internal/hostport/hostport_manager.go',
    explain:
      'The host port that the pod requests is in use by another process or pod on the node. Restarting the runtime does not free it. Find the process (`ss -ltnp`), or remove the hostPort or choose another.',
  },
  {
    id: 'host-port-not-admitted',
    cause: 'PortConflict',
    any: ['predicate nodeports failed', 'predicate podfitshostports failed'],
    sample: { reason: 'NodePorts', message: 'Predicate NodePorts failed' },
    source: 'kubernetes/kubernetes pkg/kubelet/lifecycle/predicate.go',
    explain:
      'The kubelet rejects the pod: another pod on the node has the host port that it requests. Remove the hostPort, choose another, or let the scheduler place the pod.',
  },
  {
    id: 'iptables-chain-missing',
    cause: 'IptablesChainMissing',
    any: ['no chain/target/match by that name'],
    sample: {
      reason: POD,
      message:
        'Failed create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container for pod "edge-7xk2p": Error response from daemon: driver failed programming external connectivity on endpoint k8s_POD_edge-7xk2p_web_3f0c_0 (9d1f):  (iptables failed: iptables --wait -t nat -A DOCKER -p tcp -d 0/0 --dport 80 -j DNAT --to-destination 172.17.0.5:80 ! -i docker0: iptables: No chain/target/match by that name.\n (exit status 1))',
    },
    source: 'netfilter iptables libiptc/libiptc.c; moby/moby libnetwork/iptables/iptables.go',
    explain:
      'A firewall chain that a program created when it started has been removed since, most often by a restart of firewalld or by `iptables -F`. Restarting the owner of that chain recreates it: chain DOCKER belongs to docker.service, KUBE-… to kube-proxy or kubelet, CNI-… to the network plugin.',
  },
  {
    id: 'nftables-chain-missing',
    cause: 'IptablesChainMissing',
    during: ['sandbox', 'network', 'start'],
    all: ["' does not exist", { re: "ip6?tables.*chain '[^']+' does not exist" }],
    sample: {
      reason: POD,
      message:
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to add hostport mapping for sandbox k8s_edge_web_3f0c_0(9d1f): failed to execute iptables-restore: exit status 2 (iptables-restore v1.8.9 (nf_tables): Chain 'KUBE-HOSTPORTS' does not exist\nError occurred at line: 12\n)",
    },
    source: 'netfilter iptables iptables/nft.c',
    explain:
      'A chain that rules refer to is gone, as with legacy iptables. Its owner recreates it when restarted; if it disappears again, find what flushes the firewall.',
  },
  {
    id: 'iptables-target-missing',
    cause: 'IptablesChainMissing',
    during: ['sandbox', 'network'],
    all: ["couldn't load target", { re: "couldn't load target [`'][a-z0-9_-]+'" }],
    sample: {
      reason: POD,
      message:
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to add hostport mapping for sandbox k8s_edge_web_3f0c_0(9d1f): failed to execute iptables-restore: exit status 2 (iptables-restore v1.8.4 (legacy): Couldn't load target `KUBE-MARK-MASQ':No such file or directory\n)",
    },
    source: 'netfilter iptables libxtables/xtables.c',
    explain:
      'A rule jumps to a chain that does not exist: iptables then looks for an extension with that name and finds none. The owner of the chain recreates it when restarted.',
  },
]
