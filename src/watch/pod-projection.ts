import type { Container, ContainerStatus, Pod, Volume } from '../model/kubernetes.ts'

const containerOf = ({ name, image, imagePullPolicy, restartPolicy }: Container): Container => ({
  name,
  ...(image !== undefined && { image }),
  ...(imagePullPolicy !== undefined && { imagePullPolicy }),
  ...(restartPolicy !== undefined && { restartPolicy }),
})

const statusOf = ({
  name,
  image,
  imageID,
  containerID,
  ready,
  started,
  restartCount,
  state,
  lastState,
}: ContainerStatus): ContainerStatus => ({
  name,
  ...(image !== undefined && { image }),
  ...(imageID !== undefined && { imageID }),
  ...(containerID !== undefined && { containerID }),
  ...(ready !== undefined && { ready }),
  ...(started !== undefined && { started }),
  ...(restartCount !== undefined && { restartCount }),
  ...(state !== undefined && { state }),
  ...(lastState !== undefined && { lastState }),
})

/** Image volumes alone: their errors show on the containers. */
const imageVolumesOf = (volumes: readonly Volume[] = []): readonly Volume[] =>
  volumes.flatMap(({ name, image }) => (image?.reference ? [{ name, image: { reference: image.reference } }] : []))

/** What is kept of a pending pod: a tenth of the object; other volumes, env and managedFields are left behind. */
export const pendingPod = (pod: Pod): Pod => {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, annotations } =
    pod.metadata
  const { spec, status } = pod
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace !== undefined && { namespace }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(pod.metadata.ownerReferences !== undefined && { ownerReferences: pod.metadata.ownerReferences }),
    },
    ...(spec !== undefined && {
      spec: {
        ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }),
        ...(spec.serviceAccountName !== undefined && { serviceAccountName: spec.serviceAccountName }),
        ...(spec.imagePullSecrets !== undefined && { imagePullSecrets: spec.imagePullSecrets }),
        containers: (spec.containers ?? []).map(containerOf),
        initContainers: (spec.initContainers ?? []).map(containerOf),
        ...(spec.volumes?.some(({ image }) => image?.reference) && { volumes: imageVolumesOf(spec.volumes) }),
      },
    }),
    ...(status !== undefined && {
      status: {
        ...(status.phase !== undefined && { phase: status.phase }),
        ...(status.reason !== undefined && { reason: status.reason }),
        ...(status.message !== undefined && { message: status.message }),
        ...(status.startTime !== undefined && { startTime: status.startTime }),
        ...(status.conditions !== undefined && { conditions: status.conditions }),
        containerStatuses: (status.containerStatuses ?? []).map(statusOf),
        initContainerStatuses: (status.initContainerStatuses ?? []).map(statusOf),
      },
    }),
  }
}
