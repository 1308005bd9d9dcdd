import type { Row } from '../row.ts'

/** What kubelet and the runtime refuse before any registry is asked. */
export const IMAGE_NAME_ROWS: readonly Row[] = [
  {
    id: 'pull-policy-never',
    cause: 'PullNever',
    any: ['is not present with pull policy of never', 'errimageneverpull'],
    sample: {
      reason: 'ErrImageNeverPull',
      message: 'Container image "web:dev" is not present with pull policy of Never',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/images/image_manager.go',
    explain:
      'The pod sets imagePullPolicy: Never, and the node does not have the image. Load the image on the node, or change imagePullPolicy.',
  },
  {
    id: 'short-name-unresolved',
    cause: 'ShortNameUnresolved',
    any: [
      'did not resolve to an alias',
      'short name mode is enforcing',
      'short-name resolution enforced',
      'unqualified-search registries',
      'unqualified search registries',
      'returns ambiguous list',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.2": rpc error: code = Unknown desc = short-name "web:1.2" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
    },
    source: 'containers/image pkg/shortnames/shortnames.go; cri-o/cri-o internal/storage/image.go',
    explain:
      "The image name has no registry, and the node's configuration does not say which one to use. Write the full name (docker.io/library/…), or add an alias on the node.",
  },
  {
    id: 'image-name-invalid',
    cause: 'InvalidImageName',
    any: [
      "couldn't parse image",
      'invalid reference format',
      'invalidimagename',
      'failed to apply default image tag',
      'repository name must be',
      'invalid image name',
      'invalid repository name',
      'could not parse image reference',
      'invalid tag format',
      'error parsing image name',
      'failed to parse image name',
    ],
    sample: {
      reason: 'InspectFailed',
      message:
        'Failed to apply default image tag "registry.example.com/Web:1": couldn\'t parse image name "registry.example.com/Web:1": invalid reference format: repository name (Web) must be lowercase',
    },
    source: 'distribution/reference reference.go; kubernetes/kubernetes pkg/kubelet/images/image_manager.go',
    explain:
      "The pod's image field is not a valid image reference: it has an upper-case letter, a space or an unfilled template. Correct it.",
  },
  {
    id: 'signature-rejected',
    cause: 'SignatureRejected',
    any: [
      'signaturevalidationfailed',
      'source image rejected',
      // containerd core/transfer/local/pull.go, whose verifiers are programs of the node's owner.
      ' blocked pull of ',
      'a signature was required',
      'signature validation failed',
      'is rejected by policy',
      'invalid signature',
      'signature verification failed',
      'cryptographic signature verification failed',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "quay.io/web/app:1": rpc error: code = Unknown desc = Source image rejected: Running image docker://quay.io/web/app:1 is rejected by policy.',
    },
    source: 'containers/image signature/policy_eval.go; kubernetes/cri-api pkg/errors/errors.go',
    explain:
      "The node's policy requires a signature that is missing or whose key is not trusted. Sign the image, or correct /etc/containers/policy.json.",
  },
  {
    id: 'image-platform-missing',
    cause: 'PlatformMismatch',
    any: [
      'no match for platform',
      // moby distribution/pull_v2_windows.go.
      '-based image is incompatible with a ',
      'no matching manifest for',
      'cannot be used on this platform',
      'no image found in manifest list for architecture',
      'no image found in image index for architecture',
      'does not match the specified platform',
      'no child with platform',
      'does not provide the specified platform',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.2": rpc error: code = Unknown desc = no matching manifest for linux/arm64/v8 in the manifest list entries',
    },
    source:
      'containerd/containerd core/images/image.go; moby/moby distribution/pull_v2.go; containers/image internal/manifest',
    explain:
      "The image exists, but not for the node's platform. Build it for this platform, or keep the pod off such nodes (kubernetes.io/arch).",
  },
  {
    id: 'image-format-unsupported',
    cause: 'UnsupportedFormat',
    any: [
      'unsupported manifest media type',
      'pulling schema 1 images have been deprecated',
      'docker image format v1 and docker image manifest version 2, schema 1',
      'unsupported docker v2s2 media type',
      'mediatype in manifest should be',
      'unsupported manifest format',
      'unsupported media type',
      'unsupported mediatype',
      'unsupported manifest mimetype',
      'unsupported image-specific operation',
      'unsupported schema version',
      'is no longer supported',
      'invalid rootfs in image configuration',
      'missing signature key',
      'unknown media type',
      'unknown mediatype',
      'support for docker image format v1',
      'unsupported docker v1',
      'unsupported config media type',
      'unsupported compression',
      'unexpected media type',
      'unimplemented media type',
      'invalid media type',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.2": rpc error: code = Unimplemented desc = failed to pull and unpack image "docker.io/library/web:1.2": not implemented: media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.1, please rebuild the image as "application/vnd.docker.distribution.manifest.v2+json" or "application/vnd.oci.image.manifest.v1+json"',
    },
    source:
      'containerd/containerd core/remotes/docker/schema1; moby/moby distribution/pull_v2.go; containers/image manifest',
    explain:
      'The tag is not a container image that this runtime can read: it is a chart or other artifact, or has an old schema or a new compression. Push it in a format that the node supports.',
  },
  {
    id: 'image-media-type-refused',
    cause: 'UnsupportedFormat',
    during: ['pull'],
    all: [{ re: 'media ?type:? "?application/[^ "]+"?,? (unsupported|not supported)|encountered (remote|unknown)' }],
    any: ['unsupported', 'not supported', 'encountered remote', 'encountered unknown'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "charts/web:1.2": rpc error: code = Unknown desc = Error response from daemon: encountered remote "application/vnd.cncf.helm.config.v1+json"(unknown) when fetching',
    },
    source: 'moby/moby distribution/errors.go; containers/image manifest',
    explain: 'The tag is not a container image that this runtime can read. Push it in a format that the node supports.',
  },
]
