import type { Row } from '../row.ts'

/** What a volume or an environment refers to, and paths within volumes. */
export const OBJECT_ROWS: readonly Row[] = [
  {
    id: 'referenced-key-missing',
    cause: 'ReferencedKeyMissing',
    any: ['references non-existent config key', 'references non-existent secret key', "couldn't find key "],
    sample: {
      reason: 'Failed',
      message: "Error: couldn't find key DB_PASSWORD in Secret web/credentials",
    },
    source:
      'kubernetes/kubernetes pkg/volume/configmap/configmap.go, pkg/volume/secret/secret.go, pkg/kubelet/kubelet_pods.go',
    explain:
      'The ConfigMap or Secret exists but lacks a key that the pod references. Add the key, correct its name, or mark the reference optional.',
  },
  {
    id: 'referenced-object-missing',
    cause: 'ReferencedObjectMissing',
    all: [
      'not found',
      {
        re: '(configmaps?|secrets?|persistentvolumeclaims?|serviceaccounts?|endpoints?|storageclass[a-z0-9.]*|persistentvolumes?|secretproviderclass[a-z0-9.]*) ("[^"]*"|[a-z0-9._/-]+) not found',
      },
    ],
    sample: {
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "config" : configmap "web-config" not found',
    },
    source: 'kubernetes/apimachinery pkg/api/errors/errors.go (NewNotFound)',
    explain:
      'The pod references an object that does not exist in its namespace. Create it, correct the name, or mark the reference optional.',
  },
  {
    id: 'referenced-object-not-registered',
    cause: 'ReferencedObjectMissing',
    all: ['object "', 'not registered', { re: 'object "[^"]*"/"[^"]*" not registered' }],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "kube-api-access-4x2b9" : object "web"/"kube-root-ca.crt" not registered',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/util/manager/watch_based_manager.go',
    explain:
      'The kubelet does not have the object yet, or no longer, as while the pod is being removed. Check that it exists; the controller manager creates kube-root-ca.crt.',
  },
  {
    id: 'pull-secret-missing',
    cause: 'ReferencedObjectMissing',
    any: [
      'unable to retrieve some image pull secrets',
      'references non-existent secret',
      'references non-existent config map',
      "couldn't get secret ",
      "couldn't get configmap ",
    ],
    not: ['non-existent secret key'],
    sample: {
      reason: 'FailedToRetrieveImagePullSecret',
      message: 'Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/kubelet_pods.go',
    explain:
      "A pull secret of the pod or its service account does not exist in the pod's namespace. Create it there, or remove the reference.",
  },
  {
    id: 'host-path-of-another-type',
    cause: 'HostPathTypeMismatch',
    any: ['hostpath type check failed'],
    sample: {
      reason: 'FailedMount',
      message:
        'MountVolume.SetUp failed for volume "docker-sock" : hostPath type check failed: /var/run/docker.sock is not a socket file',
    },
    source: 'kubernetes/kubernetes pkg/volume/hostpath/host_path.go',
    explain:
      "The path does not exist on the node, or is of another type than the hostPath's `type` requires. Correct path or type, or create it on the node.",
  },
  {
    id: 'sub-path-failed',
    cause: 'SubPathError',
    any: [
      'failed to prepare subpath',
      'failed to create subpath',
      'failed to expand subpath',
      'unable to provision subpath',
      'volume-subpaths',
      'failed to open subpath',
      'subpath is not',
      'subpathexpr',
      'error subpath ',
    ],
    not: ['not a directory', 'trying to mount a directory onto a file'],
    sample: {
      reason: 'Failed',
      message: 'Error: failed to create subPath directory for volumeMount "data" of container "web"',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/kubelet_pods.go, pkg/volume/util/subpath',
    explain:
      'The subPath cannot be created or reached within its volume: the volume is read-only, the path leads out of it, or its mount is gone. Check the volume itself first.',
  },
]
