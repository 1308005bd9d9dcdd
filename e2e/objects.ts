/** Workloads as people apply them, with an image that is no longer where it was. */
import { HOST, OLD, ROBOT } from './registries.ts'

export interface Parts {
  /** Default `web`; also its label `app`. */
  readonly name?: string
  /** Default one of the project that moved. */
  readonly image?: string
  readonly replicas?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly podLabels?: Readonly<Record<string, string>>
  readonly podAnnotations?: Readonly<Record<string, string>>
  /** Laid over the pod's spec. */
  readonly podSpec?: object
  /** Laid over the workload's spec. */
  readonly spec?: object
}

export const BROKEN = `${OLD}/web:1`

const podSpec = ({ name = 'web', image = BROKEN, podSpec: more = {} }: Parts): object => ({
  terminationGracePeriodSeconds: 0,
  containers: [{ name, image }],
  ...more,
})

const workload = (kind: string, namespace: string, parts: Parts, spec: object): object => {
  const { name = 'web', labels, annotations, podLabels, podAnnotations } = parts
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace, labels: { app: name, ...labels }, annotations },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name, ...podLabels }, annotations: podAnnotations },
        spec: podSpec(parts),
      },
      ...spec,
      ...parts.spec,
    },
  }
}

export const deployment = (namespace: string, parts: Parts = {}): object =>
  workload('Deployment', namespace, parts, { replicas: parts.replicas ?? 1 })

export const statefulSet = (namespace: string, parts: Parts = {}): object =>
  workload('StatefulSet', namespace, parts, { replicas: parts.replicas ?? 3, serviceName: parts.name ?? 'web' })

export const daemonSet = (namespace: string, parts: Parts = {}): object => workload('DaemonSet', namespace, parts, {})

export const barePod = (namespace: string, parts: Parts = {}): object => {
  const { name = 'web', labels, annotations } = parts
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name, ...labels }, annotations },
    spec: podSpec(parts),
  }
}

/** The pull secret `pull`, for the private project `team`. */
export const pullSecret = (namespace: string): object => {
  const auth = Buffer.from(`${ROBOT.user}:${ROBOT.password}`).toString('base64')
  const config = { auths: { [HOST]: { username: ROBOT.user, password: ROBOT.password, auth } } }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'pull', namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  }
}
