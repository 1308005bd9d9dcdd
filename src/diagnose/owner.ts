import type { ObjectRef, Pod, Workload } from '../api/kubernetes.ts'
import type { Manager, Owner } from './incident.ts'
import { findManagers } from './managers.ts'

/** Why an edit of this workload would not roll out; undefined where it would. */
const blockedBy = ({ kind }: ObjectRef, { metadata, spec }: Workload): string | undefined => {
  if (metadata.deletionTimestamp !== undefined) return `${kind} ${metadata.name} is being deleted`
  if (kind === 'Deployment' && spec?.paused === true) return `the rollout of Deployment ${metadata.name} is paused`
  const update = spec?.updateStrategy
  if (update?.type === 'OnDelete') {
    return `${kind} ${metadata.name} has update strategy OnDelete: an edit reaches a pod only when someone deletes it`
  }
  const partition = update?.rollingUpdate?.partition ?? 0
  return kind === 'StatefulSet' && partition > 0
    ? `StatefulSet ${metadata.name} has partition ${partition}: an edit reaches no pod with a lower ordinal`
    : undefined
}

/** A workload with a pod template, as read, in the shape that decisions need. */
export const ownerOfWorkload = (ref: ObjectRef, workload: Workload): Owner => {
  const { metadata, spec, status } = workload
  const template = spec?.template?.spec
  const blocked = blockedBy(ref, workload)
  const daemon = ref.kind === 'DaemonSet'
  return {
    ref,
    resourceVersion: metadata.resourceVersion,
    support: 'supported',
    containers: template?.containers ?? [],
    initContainers: template?.initContainers ?? [],
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    managedFields: metadata.managedFields ?? [],
    managers: findManagers({ kind: ref.kind, metadata }),
    ...(spec?.selector && { selector: spec.selector }),
    replicas: daemon ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1),
    updatedReplicas: (daemon ? status?.updatedNumberScheduled : status?.updatedReplicas) ?? 0,
    generation: metadata.generation ?? 0,
    observedGeneration: status?.observedGeneration ?? 0,
    ...(blocked !== undefined && { blocked }),
    // A StatefulSet waits for its broken pods before it replaces any: kubernetes/kubernetes#67250. A ReplicaSet replaces none.
    keepsBrokenPods: ref.kind === 'StatefulSet' || ref.kind === 'ReplicaSet',
    recreatesPods: true,
    ...(ref.kind === 'ReplicaSet' && { keepsHealthyPods: true }),
  }
}

/** A pod that nothing owns: its own image is mutable, and nothing makes it anew. */
export const ownerOfPod = (pod: Pod): Owner => {
  const { metadata, spec } = pod
  const { name, namespace, uid } = metadata
  const generation = metadata.generation ?? 0
  return {
    ref: { apiVersion: 'v1', kind: 'Pod', name, uid, ...(namespace !== undefined && { namespace }) },
    resourceVersion: metadata.resourceVersion,
    support: 'supported',
    containers: spec?.containers ?? [],
    initContainers: spec?.initContainers ?? [],
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    managedFields: metadata.managedFields ?? [],
    managers: findManagers({ kind: 'Pod', metadata }),
    replicas: 1,
    updatedReplicas: 1,
    generation,
    observedGeneration: generation,
    ...(metadata.deletionTimestamp !== undefined && { blocked: `Pod ${name} is being deleted` }),
    keepsBrokenPods: false,
    recreatesPods: false,
  }
}

/** An owner that is explained and not touched; what is known of it comes from the pod alone. */
export const unsupportedOwner = (
  ref: ObjectRef,
  pod: Pod,
  why: string,
  known: Partial<Pick<Owner, 'keepsBrokenPods' | 'recreatesPods'>> & { readonly managers?: readonly Manager[] } = {},
): Owner => ({
  ...ownerOfPod(pod),
  ref,
  support: 'unsupported',
  why,
  containers: [],
  initContainers: [],
  labels: {},
  annotations: {},
  managedFields: [],
  managers: [],
  ...known,
})
