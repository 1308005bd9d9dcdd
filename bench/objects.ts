/** The objects of the load, of realistic size. Pure. */
import type { PolicySpec } from '../src/api/policy/policy.ts'
import { CAUSES_BY_AREA } from '../src/model/causes.ts'

export type Remedy = 'RecyclePod' | 'RewriteImage'

/** On every pod of the load that breaks; its value is the workload's name. */
export const WORKLOAD_LABEL = 'bench.podmend.io/workload'

export const IMAGE = 'registry.bench.test/old/web:1.4.2'
/** The message of the runtime is conclusive, so the registry is not asked. */
export const PULL_FAILURE = `failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": failed to do request: Head "https://registry.bench.test/v2/old/web/manifests/1.4.2": dial tcp 10.1.0.7:443: connect: connection refused`

/** A pod template of about the size of those from charts. */
const podSpec = (nodeName: string) => ({
  nodeName,
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
  containers: [
    {
      name: 'web',
      image: IMAGE,
      ports: [
        { name: 'http', containerPort: 8080 },
        { name: 'metrics', containerPort: 9090 },
      ],
      env: Array.from({ length: 12 }, (_, i) => ({
        name: `SETTING_${i}`,
        value: `a realistic value, number ${i}`,
      })),
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
      livenessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 10 },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 5 },
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      volumeMounts: [
        { name: 'config', mountPath: '/etc/web' },
        { name: 'cache', mountPath: '/var/cache/web' },
      ],
    },
  ],
  volumes: [
    { name: 'config', configMap: { name: 'web', optional: true } },
    { name: 'cache', emptyDir: {} },
  ],
})

const labelsOf = (app: string) => ({
  'app.kubernetes.io/name': app,
  'app.kubernetes.io/instance': app,
  'app.kubernetes.io/component': 'web',
  'app.kubernetes.io/part-of': 'bench',
})

export const healthyPod = (index: number, nodeName: string) => ({
  metadata: { name: `healthy-${index}`, labels: labelsOf(`healthy-${index % 200}`) },
  spec: podSpec(nodeName),
})

export const deployment = (name: string, nodeName: string, annotations?: Readonly<Record<string, string>>) => ({
  metadata: { name, labels: labelsOf(name), ...(annotations && { annotations }) },
  spec: {
    replicas: 1,
    selector: { matchLabels: { [WORKLOAD_LABEL]: name } },
    template: { metadata: { labels: { ...labelsOf(name), [WORKLOAD_LABEL]: name } }, spec: podSpec(nodeName) },
  },
})

export const node = (name: string) => ({ metadata: { name, labels: { 'kubernetes.io/hostname': name } } })

/** Status of a Node as its kubelet writes it. */
export const nodeStatus = () => ({
  status: {
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    nodeInfo: {
      machineID: '',
      systemUUID: '',
      bootID: '',
      kernelVersion: '6.1.0',
      osImage: 'Linux',
      containerRuntimeVersion: 'containerd://2.1.0',
      kubeletVersion: 'v1.36.0',
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: 'amd64',
    },
  },
})

const second = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z')

type State =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }

const podStatus = (image: string, state: State, is: 'True' | 'False') => {
  const at = second()
  const conditions = ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
    type,
    status: type.endsWith('Ready') ? is : 'True',
    lastTransitionTime: at,
  }))
  const ready = is === 'True'
  return {
    status: {
      phase: ready ? 'Running' : 'Pending',
      startTime: at,
      hostIP: '10.1.0.1',
      podIP: '10.244.0.1',
      conditions,
      containerStatuses: [
        {
          name: 'web',
          image,
          imageID: ready ? `${image.split(':')[0]}@sha256:${'0'.repeat(64)}` : '',
          ...(ready && { containerID: `containerd://${'0'.repeat(64)}` }),
          ready,
          started: ready,
          restartCount: 0,
          state,
        },
      ],
    },
  }
}

export const creatingStatus = () => podStatus(IMAGE, { waiting: { reason: 'ContainerCreating' } }, 'False')
export const failingStatus = (reason: 'ErrImagePull' | 'ImagePullBackOff' = 'ErrImagePull') => {
  const message =
    reason === 'ErrImagePull' ? PULL_FAILURE : `Back-off pulling image "${IMAGE}": ErrImagePull: ${PULL_FAILURE}`
  return podStatus(IMAGE, { waiting: { reason, message } }, 'False')
}
export const runningStatus = (image = IMAGE) => podStatus(image, { running: { startedAt: second() } }, 'True')

/** The Event that a kubelet writes beside the status. */
export const failedEvent = (pod: { readonly name: string; readonly namespace: string; readonly uid: string }) => {
  const at = second()
  return {
    metadata: { name: `${pod.name}.${Date.now().toString(16)}`, namespace: pod.namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', ...pod, fieldPath: 'spec.containers{web}' },
    type: 'Warning',
    reason: 'Failed',
    message: `Failed to pull image "${IMAGE}": ${PULL_FAILURE}`,
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component: 'kubelet' },
    reportingComponent: 'kubelet',
  }
}

/** A policy that matches every image cause in one namespace, at once and without effective limits. */
export const policy = (namespace: string, remedy: Remedy, mode: PolicySpec['mode'] = 'Enforce') => {
  const action =
    remedy === 'RecyclePod'
      ? { type: remedy, timeout: '5m', recyclePod: { method: 'Delete' } }
      : {
          type: remedy,
          timeout: '5m',
          rewriteImage: {
            rules: [{ from: 'registry.bench.test/old/', to: 'registry.bench.test/new/' }],
            verify: 'Never',
          },
        }
  return {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name: namespace },
    spec: {
      mode,
      match: { causes: CAUSES_BY_AREA.image, namespaces: [namespace], failingFor: '0s' },
      actions: [action],
      limits: { maxConcurrent: 1000, maxPerHour: 1000 },
    },
  }
}

/** A policy with a pattern of its own that matches nothing here. */
export const patternPolicy = (index: number) => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'RemediationPolicy',
  metadata: { name: `pattern-${index}` },
  spec: {
    mode: 'Enforce' satisfies PolicySpec['mode'],
    match: { causes: ['Unauthorized'], namespaces: ['nowhere'], message: { include: `team-${index}/[a-z]+:\\d+` } },
    actions: [{ type: 'RewriteImage', rewriteImage: { rules: [{ from: `a.io/${index}/`, to: `b.io/${index}/` }] } }],
  },
})
