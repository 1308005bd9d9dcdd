/** Plans as decide makes them, from objects as they stand on the server. */
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import type { Container, KubeObject, Pod } from '../../src/model/kubernetes.ts'
import type { PlacedChange, PodToDelete } from '../../src/model/plan.ts'
import type { RecyclePodPlan } from '../../src/remedies/recycle-pod/plan.ts'
import type { RewriteImagePlan } from '../../src/remedies/rewrite-image/plan.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { systemClock } from '../../src/runtime/clock.ts'

export const BROKEN = 'harbor.od.com/k8s/coredns:1.6.1'
export const MENDED = 'harbor.od.com/public/coredns:1.6.1'

export const clientOf = async (kubeconfig: string): Promise<KubeClient> =>
  createKubeClient(await loadKubeConnection({ kubeconfig }), { userAgent: 'podmend/test' })

export const depsOf = async (kubeconfig: string): Promise<ActDeps> => ({
  kube: await clientOf(kubeconfig),
  clock: systemClock,
})

export interface Templated extends KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly spec: {
    readonly containers?: readonly Container[]
    readonly template?: {
      readonly spec: { readonly containers: readonly Container[]; readonly initContainers?: readonly Container[] }
    }
  }
}

const refOf = ({ apiVersion, kind, metadata: { namespace, name, uid } }: Templated) => ({
  apiVersion,
  kind,
  name,
  uid,
  ...(namespace !== undefined && { namespace }),
})

export const asGone = ({
  metadata: { namespace = '', name, uid, resourceVersion },
}: Pod | KubeObject): PodToDelete => ({
  namespace,
  name,
  uid,
  resourceVersion,
})

export const change = (was: string, to: string, where: Partial<PlacedChange> = {}): PlacedChange => ({
  container: 'coredns',
  init: false,
  from: was,
  to,
  was,
  pointer: '/spec/template/spec/containers/0',
  ...where,
})

export const rewritePlan = (
  object: Templated,
  changes: readonly PlacedChange[],
  thenDelete: readonly PodToDelete[] = [],
): RewriteImagePlan => ({
  type: 'RewriteImage',
  index: 0,
  hash: 'hash',
  diff: '',
  timeoutMs: 60_000,
  target: refOf(object),
  resourceVersion: object.metadata.resourceVersion,
  annotations: object.metadata.annotations ?? {},
  changes,
  thenDelete,
  thenPatch: [],
})

export const recyclePlan = (pods: readonly Pod[], method: 'Delete' | 'Evict' = 'Delete'): RecyclePodPlan => ({
  type: 'RecyclePod',
  index: 0,
  hash: 'hash',
  diff: '',
  timeoutMs: 60_000,
  target: { apiVersion: 'v1', kind: 'Pod', name: 'any', uid: 'any' },
  method,
  pods: pods.map(asGone),
})
