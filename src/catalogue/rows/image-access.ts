import type { Row } from '../row.ts'

/** How containerd introduces the status of an answer; HTTP/2 sends no text with the number. */
const STATUS = [
  'unexpected status from',
  'unexpected status code',
  'unexpected status:',
  'failed with status code',
] as const

/** What the registry says of the repository, the tag and the caller's rights: specific endings first. */
export const IMAGE_ACCESS_ROWS: readonly Row[] = [
  {
    id: 'registry-rate-limit',
    cause: 'RateLimited',
    during: ['pull'],
    any: [
      'toomanyrequests',
      '429 too many requests',
      'too many requests',
      'status 429',
      'status code 429',
      'statuscode: 429',
      'status: 429',
      'error 429',
      'http 429',
      'pull rate limit',
      'rate limit exceeded',
      'rate exceeded',
      'quota exceeded for quota',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.2": rpc error: code = Unknown desc = Error response from daemon: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit',
    },
    source:
      'distribution/distribution registry/api/errcode (TOOMANYREQUESTS); https://docs.docker.com/docker-hub/usage/pulls/',
    explain: 'The registry limits the pulls of this address or account. Wait, authenticate the pulls, or use a mirror.',
  },
  {
    id: 'token-expired',
    cause: 'Unauthorized',
    during: ['pull'],
    any: [
      'authorization token has expired',
      'no basic auth credentials',
      'token has expired',
      'token is expired',
      'incorrect username or password',
      'invalid username/password',
      'authentication required',
      'reauthenticate and try again',
      'wrong username or password',
      'invalid credentials',
      'authorization header',
      'bad credentials',
      'basic auth failed',
    ],
    not: ['500 internal server error', 'requested access to the resource is denied', 'proxy authentication required'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "1234.dkr.ecr.eu-west-1.amazonaws.com/web:1.2": rpc error: code = Unknown desc = Error response from daemon: pull access denied for 1234.dkr.ecr.eu-west-1.amazonaws.com/web, repository does not exist or may require \'docker login\': denied: Your authorization token has expired. Reauthenticate and try again.',
    },
    source:
      'distribution/distribution registry/api/errcode; moby/moby registry/auth.go; containers/image docker/docker_client.go',
    explain:
      "The registry requires credentials and got none, wrong ones or expired ones. Check the imagePullSecrets of the pod and its service account, or the node's credential provider.",
  },
  {
    id: 'tag-unknown',
    cause: 'ManifestNotFound',
    during: ['pull'],
    any: [
      'manifest unknown',
      'manifest_unknown',
      'requested image not found',
      'the named manifest is not known',
      'no such manifest',
      'tag_does_not_exist',
      'revision unknown',
      'was deleted or has expired',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "quay.io/web/app:1.2": rpc error: code = Unknown desc = reading manifest 1.2 in quay.io/web/app: manifest unknown',
    },
    source: 'distribution/distribution registry/api/v2/errors.go (MANIFEST_UNKNOWN); moby/moby distribution/errors.go',
    explain:
      'The repository exists but has no such tag or digest. Compare with its existing tags; the tag may be mistyped, not pushed yet or cleaned up.',
  },
  {
    id: 'manifest-for-image-not-found',
    cause: 'ManifestNotFound',
    all: ['manifest for ', { re: 'manifest for [^ ]+ not found' }],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web:1.2": rpc error: code = Unknown desc = Error response from daemon: manifest for web:1.2 not found',
    },
    source: 'moby/moby distribution/errors.go',
    explain: 'The repository has no such tag or digest. Compare with its existing tags.',
  },
  {
    id: 'harbor-artifact-not-found',
    cause: 'ManifestNotFound',
    during: ['pull'],
    all: ['artifact ', { re: '(unknown|not_found|not found): "?artifact [^ ]+ not found' }],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "harbor.example.com/library/web:1.2": rpc error: code = Unknown desc = reading manifest 1.2 in harbor.example.com/library/web: unknown: artifact library/web:1.2 not found',
    },
    source: 'goharbor/harbor src/server/registry/manifest.go; src/lib/errors',
    explain: 'The project exists but has no such image or tag. Compare with the images and tags that it has.',
  },
  {
    id: 'docker-image-not-found',
    cause: 'ManifestNotFound',
    during: ['pull'],
    all: ['image ', { re: '(error: image|tag) [a-z0-9._/:@-]+ not found( in repository)?' }],
    any: [' not found'],
    sample: {
      reason: 'Failed',
      message: 'Failed to pull image "web:1.2": Tag 1.2 not found in repository docker.io/library/web',
    },
    source: 'moby/moby (1.9–1.12) graph/pull_v1.go, distribution/pull_v1.go',
    explain: 'The registry has no such image or tag. Compare with the images and tags that it has.',
  },
  {
    id: 'registry-forbids',
    cause: 'Forbidden',
    during: ['pull'],
    any: [
      '403 forbidden',
      'status 403',
      'status code 403',
      'status code from registry 403',
      'statuscode: 403',
      'error parsing http 403',
      'denied: permission',
      'permission_denied',
      'access forbidden',
      'denied: access',
      'is not authorized to perform',
      'permission "artifactregistry.',
      'denied: token exchange failed',
      'denied: installation not allowed',
      'denied: access denied',
      'denied: the image you are trying to pull',
      'client is not allowed access',
      'denied: forbidden',
      'ip is not allowed',
      'denied: denied',
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "europe-docker.pkg.dev/web/app/api:1.2": rpc error: code = Unknown desc = Error response from daemon: Head "https://europe-docker.pkg.dev/v2/web/app/api/manifests/1.2": denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/web/locations/europe/repositories/app" (or it may not exist)',
    },
    source: 'distribution/distribution registry/api/errcode (DENIED); containerd/containerd core/remotes/docker',
    explain:
      'The registry authenticated the caller and refuses: the account lacks permission to pull, or the address is not allowed. Grant the permission, or use another account.',
  },
  {
    id: 'repository-missing-or-private',
    cause: 'RepositoryNotFoundOrDenied',
    any: [
      'repository does not exist or may require',
      'does not exist or no pull access',
      'insufficient_scope',
      'requested access to the resource is denied',
      'name unknown',
      'name_unknown',
      'repository name not known to registry',
      'repository not found',
    ],
    not: ['push access denied', 'name unknown: the registry with id'],
    during: ['pull'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "web/appp:1.2": rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/web/appp:1.2": failed to resolve reference "docker.io/web/appp:1.2": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    },
    source:
      'moby/moby distribution/errors.go; containerd/containerd core/remotes/docker/authorizer.go, resolver.go; distribution/distribution registry/api/v2/errors.go (NAME_UNKNOWN)',
    explain:
      'The repository does not exist, or is hidden without the right credentials: registries do not distinguish the two. Check the spelling of the name first, then the pull secrets.',
  },
  {
    id: 'named-repository-not-found',
    cause: 'RepositoryNotFoundOrDenied',
    during: ['pull'],
    all: [
      'repository ',
      {
        re: '(unknown|not_found|not found|denied|daemon|notfound): "?\\{?("message":")?repository "?[a-z0-9._/-]+"? (not found|does not exist)',
      },
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "harbor.example.com/library/webb:1.2": rpc error: code = Unknown desc = Error response from daemon: unknown: repository library/webb not found',
    },
    source: 'goharbor/harbor src/controller/repository; moby/moby distribution',
    explain: 'The registry has no repository with that name. Check the spelling.',
  },
  {
    id: 'registry-wants-credentials',
    cause: 'Unauthorized',
    during: ['pull'],
    any: [
      'unauthorized: ',
      ': unauthorized',
      '401 unauthorized',
      'status 401',
      'status code 401',
      'statuscode: 401',
      'error parsing http 401',
      'invalid_token',
      'x-registry-auth',
    ],
    not: ['project not found', 'proxy'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "harbor.od.com/k8s/coredns:1.6.1": rpc error: code = Unknown desc = failed to pull and unpack image "harbor.od.com/k8s/coredns:1.6.1": failed to resolve reference "harbor.od.com/k8s/coredns:1.6.1": pulling from host harbor.od.com failed with status code [manifests 1.6.1]: 401 Unauthorized',
    },
    source:
      'containerd/containerd core/remotes/docker/resolver.go; distribution/distribution registry/api/errcode (UNAUTHORIZED)',
    explain:
      'The registry denies access to this caller. Harbor gives the same answer for a missing project: check that the image exists before adding credentials.',
  },
  {
    id: 'registry-status-401',
    cause: 'Unauthorized',
    during: ['pull'],
    any: STATUS,
    all: [{ re: ': 401( |"|$)' }],
    not: ['project not found'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "r.example.com/web:1.2": failed to pull and unpack image "r.example.com/web:1.2": failed to resolve reference "r.example.com/web:1.2": failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://r.example.com/v2/token: 401 ',
    },
    source: 'containerd/containerd core/remotes/errors/errors.go',
    explain:
      'The registry, or its token service, denies access to this caller. Check that the image exists before adding credentials.',
  },
  {
    id: 'registry-status-403',
    cause: 'Forbidden',
    during: ['pull'],
    any: STATUS,
    all: [{ re: ': 403( |"|$)' }],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "r.example.com/web:1.2": failed to pull and unpack image "r.example.com/web:1.2": failed to resolve reference "r.example.com/web:1.2": unexpected status from HEAD request to https://r.example.com/v2/web/manifests/1.2: 403 ',
    },
    source: 'containerd/containerd core/remotes/errors/errors.go',
    explain:
      'The registry, or a firewall in front of it, refuses this caller. Grant the account permission to pull, or allow the address.',
  },
  {
    id: 'registry-denies',
    cause: 'Forbidden',
    during: ['pull'],
    all: ['denied', { re: ': denied("|$|: )' }],
    not: ['pull access denied', 'requested access to the resource', 'permission denied'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "ghcr.io/web/app:1.2": rpc error: code = Unknown desc = Error response from daemon: Head "https://ghcr.io/v2/web/app/manifests/1.2": denied',
    },
    source: 'distribution/distribution registry/api/errcode (DENIED)',
    explain:
      'The registry refuses the pull and gives no reason. Grant the account permission to pull, or make the image public.',
  },
]
