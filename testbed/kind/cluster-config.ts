import { auditPolicyOf } from '../control-plane/programs.ts'

export interface ClusterSettings {
  /** Whether the nodes are made of our own image: Debian, cgroups as the machine has them, no network plugin of kind's. */
  readonly own: boolean
  /** Folder of this machine with `policy.json`, in which the API server's audit log is written. */
  readonly auditFolder: string
}

export const POD_SUBNET = '10.244.0.0/16'
export const AUDIT_LOG = 'audit.jsonl'
/** The folder of the audit log in the control plane's node. */
export const AUDIT_MOUNT = '/var/log/podmend-audit'

export const auditPolicy = (): string => JSON.stringify(auditPolicyOf([]))

/** For storms, where the defaults are 110 pods a node and 5 pulls a second, one at a time. */
const KUBELET = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  maxPods: 250,
  serializeImagePulls: false,
  registryPullQPS: 100,
  registryBurst: 200,
  eventRecordQPS: 100,
  eventBurst: 200,
  kubeAPIQPS: 100,
  kubeAPIBurst: 200,
  // How long a runtime may be silent: with the default of two minutes a node is Ready for as long.
  runtimeRequestTimeout: '30s',
}

const OWN_KUBELET = {
  failCgroupV1: false,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: '',
  localStorageCapacityIsolation: false,
  resolvConf: '/etc/pods-resolv.conf',
}

/** kubeadm's lists are replaced by a patch, not extended: what kind puts there is repeated. */
const patches = (own: boolean): readonly object[] => [
  { kind: 'InitConfiguration', skipPhases: ['preflight', 'addon/coredns'] },
  {
    kind: 'ClusterConfiguration',
    apiServer: {
      extraArgs: [
        { name: 'runtime-config', value: '' },
        { name: 'audit-policy-file', value: `${AUDIT_MOUNT}/policy.json` },
        { name: 'audit-log-path', value: `${AUDIT_MOUNT}/${AUDIT_LOG}` },
        { name: 'audit-log-maxsize', value: '4096' },
      ],
      extraVolumes: [
        { name: 'audit', hostPath: AUDIT_MOUNT, mountPath: AUDIT_MOUNT, readOnly: false, pathType: 'Directory' },
      ],
    },
    controllerManager: {
      extraArgs: [
        { name: 'kube-api-qps', value: '200' },
        { name: 'kube-api-burst', value: '400' },
      ],
    },
  },
  { ...KUBELET, ...(own && OWN_KUBELET) },
]

/** The configuration of kind: one control plane, two workers, and no CoreDNS, since a scenario has one of its own to break. */
export const clusterConfig = ({ own, auditFolder }: ClusterSettings): string =>
  JSON.stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: { disableDefaultCNI: own, podSubnet: POD_SUBNET },
    nodes: [
      { role: 'control-plane', extraMounts: [{ hostPath: auditFolder, containerPath: AUDIT_MOUNT }] },
      { role: 'worker' },
      { role: 'worker' },
    ],
    kubeadmConfigPatches: patches(own).map((patch) => JSON.stringify(patch)),
    // Where no registry can be reached, pulls go where certs.d says; kind's image of containerd 1.x and 2.x reads it alike.
    containerdConfigPatches: own
      ? []
      : [
          '[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n' +
            '[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "/etc/containerd/certs.d"\n',
        ],
  })
