import type { Row } from '../row.ts'

/** What is left when the registry gave no reason. */
export const IMAGE_GENERAL_ROWS: readonly Row[] = [
  {
    id: 'containerd-reference-not-found',
    cause: 'ManifestNotFound',
    during: ['pull'],
    all: ['not found', { re: 'not found["\\])]*\\.?$' }],
    any: [
      'failed to resolve reference',
      'failed to resolve image',
      'httpreadseeker: failed open: content at',
      'failed to copy: httpread',
      'could not fetch content descriptor',
    ],
    not: ['unexpected status', 'failed to authorize', 'failed to fetch'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.3": rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/web:1.3": failed to resolve reference "docker.io/library/web:1.3": docker.io/library/web:1.3: not found',
    },
    source: 'containerd/containerd core/remotes/docker/resolver.go, fetcher.go',
    explain:
      'The registry answered 404: the tag or digest does not exist, with some registries the repository or project. Ask the registry which.',
  },
  {
    id: 'pull-throttled',
    cause: 'PullThrottled',
    any: ['pull qps exceeded'],
    sample: { reason: 'Failed', message: 'Failed to pull image "web:1.2": pull QPS exceeded' },
    source: 'kubernetes/kubernetes pkg/kubelet/images/helpers.go',
    explain:
      "The kubelet's own limit on pulls (registryPullQPS, registryBurst) delayed this pull; the kubelet retries it. Raise the limit if many pods start at once.",
  },
  {
    id: 'pull-back-off',
    cause: 'BackOffOnly',
    any: ['back-off pulling image', 'imagepullbackoff', 'errimagepull'],
    all: [
      {
        re: '^(back-off pulling image ?"[^"]*"|(error: )?(imagepullbackoff|errimagepull)|error syncing pod, skipping: failed to "startcontainer" for "[^"]*" with imagepullbackoff: "back-off pulling image "[^"]*""|failed to "startcontainer" for "[^"]*" with imagepullbackoff: "back-off pulling image "[^"]*"")\\.?$',
      },
    ],
    sample: { reason: 'BackOff', message: 'Back-off pulling image "web:1.2"' },
    source: 'kubernetes/kubernetes pkg/kubelet/images/image_manager.go',
    explain:
      'The kubelet waits before the next attempt. An earlier Event, or the registry itself, says why the pull failed.',
  },
]
