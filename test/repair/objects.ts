/** Workloads as people apply them. */
import { OLD } from '../../testbed/moved-project.ts'

export interface Parts {
  readonly name?: string
  readonly image?: string
  readonly replicas?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly podAnnotations?: Readonly<Record<string, string>>
  /** Laid over the pod's spec. */
  readonly podSpec?: object
  /** Laid over the workload's spec. */
  readonly spec?: object
}

const BROKEN = `${OLD}/web:1`

const podSpec = ({ image = BROKEN, podSpec: more = {} }: Parts): object => ({
  terminationGracePeriodSeconds: 0,
  containers: [{ name: 'web', image }],
  ...more,
})

const workload = (kind: string, namespace: string, parts: Parts, spec: object): object => {
  const { name = 'web', labels, annotations, podAnnotations } = parts
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace, labels: { app: name, ...labels }, annotations },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name }, annotations: podAnnotations }, spec: podSpec(parts) },
      ...spec,
      ...parts.spec,
    },
  }
}

export const deployment = (namespace: string, parts: Parts = {}): object =>
  workload('Deployment', namespace, parts, { replicas: parts.replicas ?? 1 })

export const statefulSet = (namespace: string, parts: Parts = {}): object =>
  workload('StatefulSet', namespace, parts, { replicas: parts.replicas ?? 3, serviceName: 'web' })

export const daemonSet = (namespace: string, parts: Parts = {}): object => workload('DaemonSet', namespace, parts, {})

export const barePod = (namespace: string, parts: Parts = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: parts.name ?? 'web', namespace, labels: { app: 'web' }, annotations: parts.annotations },
  spec: podSpec(parts),
})

/** A ReplicaSet that belongs to no Deployment. */
export const replicaSet = (namespace: string, parts: Parts = {}): object =>
  workload('ReplicaSet', namespace, parts, { replicas: parts.replicas ?? 2 })

const jobSpec = (parts: Parts): object => ({
  backoffLimit: 2,
  template: {
    metadata: { labels: { app: parts.name ?? 'web' } },
    spec: { restartPolicy: 'Never', ...podSpec(parts) },
  },
  ...parts.spec,
})

const batch = (
  kind: string,
  namespace: string,
  { name = 'web', labels, annotations }: Parts,
  spec: object,
): object => ({
  apiVersion: 'batch/v1',
  kind,
  metadata: { name, namespace, labels, annotations },
  spec,
})

/** `spec` is laid over the Job's. */
export const job = (namespace: string, parts: Parts = {}): object => batch('Job', namespace, parts, jobSpec(parts))

/** A year passes between its ticks, unless `cron` says otherwise; `spec` is laid over its Jobs'. */
export const cronJob = (namespace: string, parts: Parts = {}, cron: object = {}): object =>
  batch('CronJob', namespace, parts, { schedule: '0 0 1 1 *', jobTemplate: { spec: jobSpec(parts) }, ...cron })
