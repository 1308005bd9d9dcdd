import type { Row } from '../row.ts'

/** Attaching volumes, their drivers and the time they take. */
export const ATTACH_ROWS: readonly Row[] = [
  {
    id: 'volume-attached-elsewhere',
    cause: 'MultiAttach',
    any: [
      'multi-attach error',
      'already exclusively attached',
      'already used by pod(s)',
      'is locked by other nodes',
      'is still being used',
      'resource_in_use_by_another_resource',
      'attached to a different',
      'attached to another',
      'already attached to ',
      'already attached by pod',
      'is being used by another',
      'currently attached to',
      'attached to multiple instances',
      'volumeinuse',
      'already in use by pod',
    ],
    sample: {
      reason: 'FailedAttachVolume',
      message:
        'Multi-Attach error for volume "pvc-3f0c" Volume is already exclusively attached to one node and can\'t be attached to another',
    },
    source: 'kubernetes/kubernetes pkg/volume/util/operationexecutor/operation_generator.go, pkg/volume/rbd',
    explain:
      'The volume can be attached to one node only and is still attached to another. Wait for the old pod to terminate; if its node is dead, delete the VolumeAttachment or taint the node out-of-service.',
  },
  {
    id: 'csi-driver-not-registered',
    cause: 'CSIDriverMissing',
    any: [
      'not found in the list of registered csi drivers',
      'does not contain driver',
      'no volume plugin matched',
      'findattachablepluginbyspec failed',
      'failed to get plugin from volumespec',
      'csidriver.storage.k8s.io "',
      'csinode.storage.k8s.io "',
      'driver not registered',
      'no registered csi driver',
      'no driver registered',
    ],
    sample: {
      reason: 'FailedAttachVolume',
      message:
        'AttachVolume.Attach failed for volume "pvc-3f0c" : CSINode node-7 does not contain driver ebs.csi.aws.com',
    },
    source: 'kubernetes/kubernetes pkg/volume/csi/csi_client.go, pkg/volume/plugins.go',
    explain:
      "The volume's CSI driver is not registered on this node: its DaemonSet is not running there, or has not finished starting. Check the driver's node pod and its registrar.",
  },
  {
    id: 'volume-does-not-exist',
    cause: 'VolumeNotFound',
    during: ['mount'],
    any: [
      'invalidvolume.notfound',
      'device not found',
      'diskisnotfound',
      'disk not found',
      'volume not found',
      'volume does not exist',
      'could not find volume',
      'cannot find volume',
      'failed to find volume',
      'unable to find volume',
      'no volume found',
      'volume id not found',
      'the resource could not be found',
      'failed to find disk',
      'could not find disk',
      'could not find device',
      'failed to find device',
      'no disk found',
      'unable to find device',
      'error opening image',
      'resourcenotfound',
      'googleapi: error 404',
      'failed to get device path',
    ],
    not: ['secret', 'configmap', 'registered csi drivers'],
    sample: {
      reason: 'FailedAttachVolume',
      message:
        'AttachVolume.Attach failed for volume "pvc-3f0c" : rpc error: code = Internal desc = Could not get volume with ID "vol-0b29": InvalidVolume.NotFound: The volume \'vol-0b29\' does not exist.',
    },
    source: 'kubernetes-sigs/aws-ebs-csi-driver pkg/cloud/cloud.go; kubernetes/kubernetes pkg/volume',
    explain:
      'The disk behind the volume does not exist: it was deleted, is in another zone or account, or is not visible to the node. Compare the handle in the PersistentVolume with the storage.',
  },
  {
    id: 'device-does-not-exist',
    cause: 'VolumeNotFound',
    during: ['mount'],
    all: [
      {
        re: '(special device [^:]*|(initialization|maprequest|setup|mountdevice|waitforattach)[^:]* failed for volume "[^"]*" : path "[^"]+"|volume ["\'(]?[a-z0-9._-]+["\')]?|disk ["\'(]?[a-z0-9._/-]+["\')]?|device ["\'(]?[a-z0-9._/-]+["\')]?) (does not exist|doesn\'t exist|not found|was not found|is not found)',
      },
    ],
    any: ['does not exist', "doesn't exist", 'not found'],
    not: ['secret', 'configmap', 'csi driver'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.NewMounter initialization failed for volume "data-node-7" : path "/mnt/disks/ssd1" does not exist',
    },
    source: 'kubernetes/kubernetes pkg/volume/local/local.go; util-linux sys-utils/mount.c',
    explain:
      'The device or directory of the volume does not exist on this node. Create or attach it, or correct the path and the node affinity of the PersistentVolume.',
  },
  {
    id: 'volume-not-found-by-driver',
    cause: 'VolumeNotFound',
    during: ['mount'],
    codes: ['notfound'],
    any: ['volume', 'disk'],
    not: [
      'pull image',
      'secret',
      'configmap',
      'serviceaccount',
      { re: 'node ["\']?[a-z0-9.-]+["\']? (was )?not found' },
    ],
    sample: {
      reason: 'FailedAttachVolume',
      message:
        'AttachVolume.Attach failed for volume "pvc-3f0c" : rpc error: code = NotFound desc = no such volume for handle projects/web/disks/d-1',
    },
    source: 'container-storage-interface/spec spec.md (ControllerPublishVolume, NOT_FOUND)',
    explain:
      'The CSI driver has no volume with that handle: it was deleted, or belongs to other storage. Compare the handle with the storage.',
  },
  {
    id: 'attach-failed',
    cause: 'AttachFailed',
    during: ['mount'],
    any: [
      'attachvolume.attach failed',
      'attachvolume.newattacher failed',
      'waitforattach failed',
      'failed to attach',
      'could not attach',
      'failed to get any path for iscsi disk',
      'iscsiadm',
      'external-attacher',
      'volume attachment is being deleted',
      'timeout waiting for volume attachment',
      'waitforattach timed out',
      'volume_attachment',
      'volumeattachment',
      'volume is not attached',
      'not attached to node',
      'not yet attached',
      'failed to login',
      'waiting for volume to be attached',
      'waiting for device',
      'maximum number of attach',
    ],
    sample: {
      reason: 'FailedAttachVolume',
      message:
        'AttachVolume.Attach failed for volume "pvc-3f0c" : timed out waiting for external-attacher of ebs.csi.aws.com CSI driver to attach volume vol-0b29',
    },
    source: 'kubernetes/kubernetes pkg/volume/csi/csi_attacher.go, pkg/volume/iscsi, pkg/volume/util/operationexecutor',
    explain:
      "The storage could not attach the volume to the node: the driver's controller is not running, the node's volume limit is reached, permissions are missing, or the target does not answer. Check the VolumeAttachment and the driver's log.",
  },
  {
    id: 'mount-timed-out',
    cause: 'MountTimeout',
    any: [
      'timeout expired waiting for volumes to attach',
      'unable to attach or mount volumes',
      'unmounted volumes=',
      'failed to sync secret cache',
      'failed to sync configmap cache',
    ],
    sample: {
      reason: 'FailedMount',
      message:
        'Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data kube-api-access-4x2b9]: timed out waiting for the condition',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/volumemanager/volume_manager.go',
    explain:
      "The kubelet gave up waiting for the volumes. Other Events of the pod, or the driver's log, say what went wrong: check those first.",
  },
  {
    id: 'mount-condition-timed-out',
    cause: 'MountTimeout',
    during: ['mount'],
    all: ['timed out waiting for the condition'],
    sample: {
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "config" : timed out waiting for the condition',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/util/manager/watch_based_manager.go',
    explain:
      "The kubelet's wait timed out, mostly for an object from the API server. Check the other Events of the pod.",
  },
  {
    id: 'csi-driver-unanswered',
    cause: 'CSIDriverError',
    during: ['mount'],
    any: [
      'csi.sock',
      'an operation with the given volume',
      'operation already exists',
      'secrets store objects',
      'rbd: map failed',
      'rbd: sysfs write failed',
    ],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.MountDevice failed for volume "pvc-3f0c" : rpc error: code = Aborted desc = an operation with the given Volume ID 0001-0009-rook already exists',
    },
    source:
      'ceph/ceph-csi internal/util/idlocker.go; kubernetes-sigs/secrets-store-csi-driver; torvalds/linux drivers/block/rbd.c',
    explain: "The volume's driver on this node does not answer or failed. Check its node pod and log.",
  },
  {
    id: 'csi-driver-failed',
    cause: 'CSIDriverError',
    during: ['mount'],
    codes: [
      'deadlineexceeded',
      'internal',
      'unavailable',
      'aborted',
      'unimplemented',
      'failedprecondition',
      'invalidargument',
      'permissiondenied',
      'unauthenticated',
      'resourceexhausted',
      'unknown',
    ],
    any: ['mountvolume.', 'mapvolume.', 'nodestagevolume', 'nodepublishvolume'],
    not: ['mount error(', 'mount error:', 'exit status 32', 'mounting arguments'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "pvc-3f0c" : rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    },
    source: 'kubernetes/kubernetes pkg/volume/csi/csi_mounter.go, csi_attacher.go',
    explain: "The volume's CSI driver answered with an error, or not in time. Check the log of its node pod.",
  },
]
