import { join } from 'node:path'

/** What `supervise` is ordered to run; its shape is the Go side's (`go/supervise.go`). */
export interface Program {
  readonly name: string
  readonly args: readonly string[]
  /** Started when asked for, not at once. */
  readonly deferred?: boolean
}

export const CONTROLLER_MANAGER = 'kube-controller-manager'

/** The controllers that tests and the demo need. None that evaluates nodes: fake nodes send no heartbeats. */
const CONTROLLERS = [
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'root-ca-certificate-publisher-controller',
  'namespace-controller',
  'garbage-collector-controller',
  'clusterrole-aggregation-controller',
  'replicationcontroller-controller',
  'replicaset-controller',
  'deployment-controller',
  'statefulset-controller',
  'daemonset-controller',
  'job-controller',
  'cronjob-controller',
  'ttl-after-finished-controller',
  'disruption-controller',
]

/** Every answered request once; without bodies, but for what these users write. */
export const auditPolicyOf = (bodiesOf: readonly string[]): object => ({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    ...bodiesOf.map((user) => ({
      level: 'RequestResponse',
      users: [user],
      verbs: ['create', 'update', 'patch', 'delete'],
    })),
    { level: 'Metadata' },
  ],
})

export const AUDIT_LOG = 'audit.jsonl'

/** The command lines, for a control plane whose files all lie in `directory` and that listens on `port`. */
export const controlPlanePrograms = (directory: string, port: number): Program[] => {
  const file = (name: string): string => join(directory, name)
  // Unix sockets instead of ports: several control planes start at once and none can take another's port.
  const etcd = `unix://${file('etcd.sock')}`
  const advertised = 'http://127.0.0.1:2380' // must have a port; a lone member never uses it
  return [
    {
      name: 'etcd',
      args: [
        '--name=default',
        `--data-dir=${file('etcd')}`,
        `--listen-client-urls=${etcd}`,
        `--advertise-client-urls=${advertised}`,
        `--listen-peer-urls=unix://${file('peer.sock')}`,
        `--initial-advertise-peer-urls=${advertised}`,
        `--initial-cluster=default=${advertised}`,
        '--unsafe-no-fsync',
        '--quota-backend-bytes=4294967296',
        '--log-level=warn',
      ],
    },
    {
      name: 'kube-apiserver',
      args: [
        `--etcd-servers=${etcd}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        `--secure-port=${port}`,
        '--endpoint-reconciler-type=none',
        `--client-ca-file=${file('ca.crt')}`,
        `--tls-cert-file=${file('server.crt')}`,
        `--tls-private-key-file=${file('server.key')}`,
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${file('service-account.key')}`,
        `--service-account-signing-key-file=${file('service-account.key')}`,
        '--service-cluster-ip-range=10.96.0.0/16',
        '--authorization-mode=Node,RBAC',
        '--allow-privileged=true',
        '--max-requests-inflight=3000',
        '--max-mutating-requests-inflight=1500',
        '--event-ttl=1h',
        '--profiling=false',
        `--audit-policy-file=${file('audit-policy.json')}`,
        `--audit-log-path=${file(AUDIT_LOG)}`,
        '--audit-log-maxsize=4096',
      ],
    },
    {
      name: CONTROLLER_MANAGER,
      deferred: true, // it would find no API server, and look again only a second later
      args: [
        `--kubeconfig=${file('admin.kubeconfig')}`,
        `--controllers=${CONTROLLERS.join(',')}`,
        '--leader-elect=false',
        '--use-service-account-credentials=true',
        `--service-account-private-key-file=${file('service-account.key')}`,
        `--root-ca-file=${file('ca.crt')}`,
        '--secure-port=0',
        '--profiling=false',
        '--kube-api-qps=1000',
        '--kube-api-burst=2000',
        '--concurrent-deployment-syncs=20',
        '--concurrent-replicaset-syncs=20',
        '--concurrent-statefulset-syncs=10',
        '--concurrent-job-syncs=10',
        '--concurrent-gc-syncs=20',
      ],
    },
  ]
}
