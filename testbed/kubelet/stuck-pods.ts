/** Pods that never start, on nodes that no kubelet plays: what a kubelet would write of them. */
import { randomUUID } from 'node:crypto'
import { pathOf } from '../../src/kube/paths.ts'
import type { Pod } from '../../src/model/kubernetes.ts'
import type { Api } from './api.ts'

export interface StuckPod {
  readonly namespace: string
  readonly name?: string
  readonly node: string
  readonly labels?: Readonly<Record<string, string>>
  /** Its container ended well when its sandbox went; default: it never started. */
  readonly ranBefore?: boolean
}

const IMAGE = 'registry.test/app:1'
const MERGE = 'application/merge-patch+json'

const now = (): string => new Date().toISOString()

const writeStatus = (api: Api, { metadata: { namespace, name } }: Pod, status: object): Promise<unknown> =>
  api.call('PATCH', pathOf({ kind: 'Pod', namespace, name, subresource: 'status' }), { status }, MERGE)

/** A pod on the node that waits in ContainerCreating, without a sandbox. */
export const createStuckPod = async (
  api: Api,
  { namespace, node, labels = {}, name = `stuck-${randomUUID().slice(0, 8)}`, ranBefore = false }: StuckPod,
): Promise<Pod> => {
  const pod = await api.call<Pod>('POST', pathOf({ kind: 'Pod', namespace }), {
    metadata: { name, labels },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'app', image: IMAGE }],
      // What Events report of a mount has to be about a volume of this pod.
      volumes: [{ name: 'data', nfs: { server: 'hdss7-200', path: '/data/jenkins' } }],
    },
  })
  const conditions = [
    { type: 'PodReadyToStartContainers', status: 'False', lastTransitionTime: now() },
    { type: 'Ready', status: 'False', reason: 'ContainersNotReady', lastTransitionTime: now() },
  ]
  const waits = { name: 'app', image: IMAGE, imageID: '', ready: false, restartCount: 0 }
  const ended = { terminated: { exitCode: 0, reason: 'Completed', finishedAt: now() } }
  const state = ranBefore ? ended : { waiting: { reason: 'ContainerCreating' } }
  await writeStatus(api, pod, {
    phase: ranBefore ? 'Running' : 'Pending',
    startTime: now(),
    conditions,
    containerStatuses: [{ ...waits, state }],
  })
  return pod
}

/** A kubelet's Warning about the pod. */
export const warnOf = async (
  api: Api,
  { metadata: { namespace, name, uid } }: Pod,
  reason: string,
  message: string,
): Promise<void> => {
  await api.call('POST', pathOf({ kind: 'Event', namespace }), {
    metadata: { generateName: `${name}.` },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
    type: 'Warning',
    reason,
    message,
    count: 1,
    firstTimestamp: now(),
    lastTimestamp: now(),
    source: { component: 'kubelet' },
    reportingComponent: 'kubelet',
  })
}

/** The pod's sandbox is made, and it runs. */
export const runStuckPod = async (api: Api, pod: Pod): Promise<void> => {
  const conditions = ['PodReadyToStartContainers', 'Ready', 'ContainersReady'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: now(),
  }))
  const state = { running: { startedAt: now() } }
  const status = { name: 'app', image: IMAGE, imageID: '', ready: true, started: true, state }
  await writeStatus(api, pod, {
    phase: 'Running',
    conditions,
    containerStatuses: [{ ...status, restartCount: 0, containerID: 'containerd://1' }],
  })
}
