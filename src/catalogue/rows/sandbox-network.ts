import type { Row } from '../row.ts'

/** Messages of a CNI plugin that cannot reach its agent, its API server or its own files. */
const UNANSWERED = [
  'connection refused',
  'i/o timeout',
  'deadline exceeded',
  'timed out',
  'client.timeout',
  'no route to host',
  'network is unreachable',
  'connection reset by peer',
  'error while dialing',
  'transientfailure',
  'x509: ',
  'unauthorized',
  'forbidden',
  'tls handshake timeout',
] as const

const POD = 'FailedCreatePodSandBox'

/** Failures of a sandbox's network: its namespace, the plugins, their agents and their addresses. */
export const SANDBOX_NETWORK_ROWS: readonly Row[] = [
  {
    id: 'netns-gone',
    cause: 'SandboxStale',
    all: ['failed to statfs'],
    any: ['/ns/net"', 'netns/'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="bridge" failed (add): failed to open netns "/var/run/netns/cni-18ab": failed to Statfs "/var/run/netns/cni-18ab": no such file or directory',
    },
    source: 'containernetworking/plugins pkg/ns/ns_linux.go',
    explain:
      "The sandbox's process died or its network namespace was removed before the network was set up. Recycling the sandbox creates a new one; if it recurs, find out what kills pause containers (memory, a second runtime, a clean-up script).",
  },
  {
    id: 'netns-unknown-magic',
    cause: 'SandboxStale',
    all: ['unknown fs magic on', 'netns'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="flannel" failed (add): failed to open netns "/var/run/netns/cni-18ab": unknown FS magic on "/var/run/netns/cni-18ab": 1021994',
    },
    source: 'containernetworking/plugins pkg/ns/ns_linux.go',
    explain:
      'The file of the network namespace exists, but nothing is mounted on it any more, as after a reboot or a lost mount. Recycle the sandbox.',
  },
  {
    id: 'netns-of-terminated-container',
    cause: 'SandboxStale',
    any: [
      'cannot find network namespace for the terminated container',
      'nsenter: cannot open /proc/',
      'check network namespace closed: ',
    ],
    sample: {
      reason: 'FailedKillPod',
      message:
        'error killing pod: failed to "KillPodSandbox" for "6b1c" with KillPodSandboxError: "rpc error: code = Unknown desc = NetworkPlugin cni failed to teardown pod \\"edge-7xk2p_web\\" network: CNI failed to retrieve network namespace path: cannot find network namespace for the terminated container \\"9d1f\\""',
    },
    source: 'kubernetes/kubernetes (1.23) pkg/kubelet/dockershim/helpers_linux.go',
    explain: "The sandbox's container has exited, and its network namespace is gone with it. Recycle the sandbox.",
  },
  {
    id: 'namespace-of-dead-process',
    cause: 'SandboxStale',
    during: ['start', 'sandbox'],
    all: ['lstat /proc/', { re: 'lstat /proc/[0-9]+/ns/(ipc|net|uts|pid)' }],
    sample: {
      reason: 'Failed',
      message:
        'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: namespace path: lstat /proc/27111/ns/ipc: no such file or directory: unknown',
    },
    source: 'opencontainers/runc libcontainer/specconv',
    explain: 'The container joins the namespaces of its sandbox, whose process is gone. Recycle the sandbox.',
  },
  {
    id: 'cni-plugin-missing',
    cause: 'CNIPluginMissing',
    all: ['failed to find plugin'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="portmap" failed (add): failed to find plugin "portmap" in path [/opt/cni/bin]',
    },
    source: 'containernetworking/cni pkg/invoke/find.go',
    explain:
      "The network configuration names a plugin whose binary is not in the node's plugin directory. Install the CNI plugins there, or let the network's DaemonSet copy them again.",
  },
  {
    id: 'cni-binary-missing',
    cause: 'CNIPluginMissing',
    during: ['network', 'sandbox'],
    all: [{ re: '(fork/exec|stat|exec:) "?/[^ ]*cni/bin/[^ ]*:? .*(no such file or directory|not found)' }, 'cni/bin/'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="calico" failed (add): fork/exec /opt/cni/bin/calico-ipam: no such file or directory',
    },
    source: 'containernetworking/cni pkg/invoke/raw_exec.go',
    explain:
      'The binary of a network plugin was removed or cannot be loaded. Install the CNI plugins on the node again.',
  },
  {
    id: 'cni-not-initialized',
    cause: 'CNINotInitialized',
    any: [
      'cni config uninitialized',
      'cni plugin not initialized',
      'network plugin is not ready',
      'networkpluginnotready',
      'no networks found in /etc/cni',
      'no network config found in',
      'no cni configuration file',
      'no valid networks found in',
      'kubenet does not have netconfig',
      'networkready=false',
      'missing cni default network',
      'network not ready: ',
    ],
    sample: {
      reason: 'NetworkNotReady',
      message:
        'network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
    },
    source: 'containerd/go-cni cni.go; cri-o/ocicni pkg/ocicni/ocicni.go; kubernetes/kubernetes pkg/kubelet/kubelet.go',
    explain:
      'The node has no network configuration yet: the network plugin is not installed, or its DaemonSet is not running there. Check its pods on this node and /etc/cni/net.d.',
  },
  {
    id: 'ip-range-used-up',
    cause: 'IPExhausted',
    during: ['network', 'sandbox'],
    any: [
      'no ip addresses available in range',
      'no ip addresses available in network',
      'failed to assign an ip address to container',
      'no available ip',
      'no more ips',
      'no free ip',
      'no ips available',
      'no ips free',
      'no more free ip',
      'range is full',
      'address range exhausted',
      'exhausted ip',
      'ip exhausted',
      'ips exhausted',
      'ip pool exhausted',
      'pool exhausted',
      'pool is exhausted',
      'no available addresses',
      'no addresses available',
      'no address available',
      'out of ip addresses',
      'insufficientfreeaddressesinsubnet',
      'insufficientcidrblocks',
      'no available cidr',
      'ipam allocated only 0 addresses',
      'could not allocate ip in range',
      'all addresses in the subnet',
      'failed to allocate requested ips',
      'no allocatable ip',
      'noavailableaddress',
      'no more free affine blocks',
      'assigned 0 out of',
      'addressoutofrange: no available',
    ],
    not: ['connection refused', 'i/o timeout', 'deadline exceeded', 'no such file or directory', 'error while dialing'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="cilium-cni" name="cilium" failed (add): unable to allocate IP via local cilium agent: [POST /ipam][502] postIpamFailure "No more IPs available"',
    },
    source:
      'containernetworking/plugins plugins/ipam/host-local/backend/allocator; cilium/cilium pkg/ipam; aws/amazon-vpc-cni-k8s cmd/routed-eni-cni-plugin/cni.go; projectcalico/calico libcalico-go/lib/ipam',
    explain:
      "Every address of the node's or the pool's range is in use. Enlarge the pool, run fewer pods on the node, or free addresses that finished pods still hold (/var/lib/cni/networks, stale IPAM records).",
  },
  {
    id: 'cni-agent-unanswered',
    cause: 'CNIPluginDown',
    during: ['network'],
    any: UNANSWERED,
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="calico" failed (add): error getting ClusterInformation: Get "https://10.96.0.1:443/apis/crd.projectcalico.org/v1/clusterinformations/default": dial tcp 10.96.0.1:443: connect: connection refused',
    },
    source:
      'projectcalico/calico cni-plugin/pkg/plugin; k8snetworkplumbingwg/multus-cni pkg/multus; aws/amazon-vpc-cni-k8s',
    explain:
      "The network plugin could not reach its agent on the node or the API server, or was rejected. Check the plugin's pod on this node, its token and its connection to the API server.",
  },
  {
    id: 'cni-agent-file-missing',
    cause: 'CNIPluginDown',
    during: ['network'],
    all: ['no such file or directory'],
    any: [
      '/run/flannel/',
      '/var/lib/calico/',
      '.sock',
      '/run/calico/',
      'subnet.env',
      '/run/multus',
      '/etc/cni/net.d/',
      'kubeconfig',
      '/var/run/secrets/',
    ],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="calico" failed (add): stat /var/lib/calico/nodename: no such file or directory: check that the calico/node container is running and has mounted /var/lib/calico/',
    },
    source: 'flannel-io/cni-plugin flannel_linux.go; projectcalico/calico cni-plugin/internal/pkg/utils/utils.go',
    explain:
      "A file that the network plugin's agent writes when it starts is missing: the agent is not running on this node or has not finished starting. Check its pod there.",
  },
  {
    id: 'cni-agent-failed',
    cause: 'CNIPluginDown',
    during: ['network', 'sandbox'],
    any: [
      'failed to process delete request',
      'add nic to ovs failed',
      'database connection failed',
      'is the agent running',
      'readinessindicatorfile',
      'waiting for annotations',
      'error getting pod:',
      'error retrieving pod:',
      'error getting clusterinformation',
      'unable to connect to cilium',
      'unable to create endpoint',
      'cni request failed with status',
      'failed to send cni request',
      'failed to process add request',
      'error dialing',
      'cannot get kube client',
      'no podcidr',
      'failed to get ipv4 gateway: ',
      'waiting for ovs port binding',
      "isn't ready yet",
    ],
    not: ['already been used', 'already in use', 'already exists'],
    sample: {
      reason: POD,
      message:
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4be1": plugin type="cilium-cni" name="cilium" failed (add): unable to connect to Cilium daemon: failed to create cilium agent client after 30.000000 seconds timeout: Get "http:///var/run/cilium/cilium.sock/v1/config": EOF\nIs the agent running?',
    },
    source:
      'cilium/cilium plugins/cilium-cni/cmd; ovn-org/ovn-kubernetes go-controller/pkg/cni; kubeovn/kube-ovn pkg/daemon; k8snetworkplumbingwg/multus-cni',
    explain:
      "The network plugin's agent on this node is missing or failing. Check its pod and log; the waiting pod is not at fault.",
  },
]
