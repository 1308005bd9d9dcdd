/** What is kept of a pending pod. */
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

/** Image volumes, whose errors appear on the containers; and what a helper on the node may have to mount. Undefined for others. */
const volumeOf = ({ name, image, nfs, cephfs, glusterfs, flexVolume, ...claims }: Volume): Volume | undefined => {
  const claimName = claims.persistentVolumeClaim?.claimName
  const { driver, fsType } = flexVolume ?? {}
  const kept = {
    ...(image?.reference && { image: { reference: image.reference } }),
    ...(nfs && { nfs: {} }),
    ...(cephfs && { cephfs: {} }),
    ...(glusterfs && { glusterfs: {} }),
    ...(flexVolume && { flexVolume: { ...(driver && { driver }), ...(fsType && { fsType }) } }),
    ...(claimName && { persistentVolumeClaim: { claimName } }),
    ...(claims.ephemeral && { ephemeral: {} }),
  }
  return Object.keys(kept).length === 0 ? undefined : { name, ...kept }
}

/** Keeps a tenth of a pending pod; drops other volumes, env and managedFields. */
export const pendingPod = (pod: Pod): Pod => {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, annotations } =
    pod.metadata
  const { spec, status } = pod
  const volumes = (spec?.volumes ?? []).flatMap((volume) => volumeOf(volume) ?? [])
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
        ...(volumes.length > 0 && { volumes }),
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
