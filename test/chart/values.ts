/** Sets of values as users have them; each must be taken by a real API server. */
const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

export const VALUE_SETS: Readonly<Record<string, object>> = {
  'nothing set': {},
  'all that is off switched on': {
    actions: {
      rewriteImage: { enabled: true },
      recyclePod: { enabled: true },
      recycleSandbox: { enabled: true },
      restartRuntime: { enabled: true },
      flagNode: { enabled: true },
      installMountHelper: { enabled: true },
    },
    agent: { enabled: true, docker: { enabled: true } },
    imagePullSecrets: [{ name: 'registry' }],
    nodeLease: { namespace: 'medik8s-leases' },
    readPullSecrets: { enabled: true },
    metrics: {
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' }, interval: '15s' },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
    },
    dashboard: { enabled: true },
  },
  'all that is on switched off': {
    networkPolicy: { enabled: false },
    crds: { enabled: false },
    priorityClassName: '',
    replicas: 1,
  },
  'agents that only inspect, with few capabilities': {
    agent: { enabled: true, chains: { enabled: false }, systemBus: { enabled: false }, sbinDirectories: [] },
  },
  'agents that see next to nothing': {
    agent: {
      enabled: true,
      criSocket: '',
      chains: { enabled: false },
      systemBus: { enabled: false },
      sbinDirectories: [],
    },
  },
  'agents of its own': {
    agent: {
      enabled: true,
      image: { repository: 'registry.example.com/agent', digest: `sha256:${'b'.repeat(64)}`, pullPolicy: 'Always' },
      runtimeSocketDirectory: '/run/k3s/containerd',
      appArmorProfile: { type: 'Unconfined' },
      seLinuxOptions: { type: 'spc_t' },
      nodeSelector: { 'example.com/pool': 'workers' },
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      podAnnotations: { 'example.com/team': 'platform' },
      maxUnavailable: 1,
      extraArgs: ['--log-level=debug'],
    },
  },
  'registries of its own': {
    controller: {
      registryHosts: { 'harbor.od.com:5000': 'server = "http://10.0.0.1:5000"\n', _default: '[host."https://m.io"]\n' },
      registryCertificates: { 'harbor.od.com': PEM, 'harbor.od.com:5000': PEM },
      allowRegistryAddresses: ['127.0.0.0/8', 'fd00::/8'],
      registryProxy: { https: 'http://proxy.od.com:3128', none: '.cluster.local,10.0.0.0/8', existingSecret: 'proxy' },
      extraArgs: ['--log-level=debug', '--max-actions-per-hour=5'],
    },
    dnsPolicy: 'ClusterFirst',
    networkPolicy: {
      egressPorts: [443, 6443],
      metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    },
  },
  'a place of its own': {
    image: { repository: 'registry.example.com/podmend', digest: `sha256:${'a'.repeat(64)}`, pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'registry' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }] },
          ],
        },
      },
    },
    podAnnotations: { 'example.com/team': 'platform' },
    podLabels: { team: 'platform' },
    resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } },
  },
}
