/**
 * How eight registries that are hosted elsewhere, or are products of their own, ask for credentials and word their refusals.
 * Where no report of a refusal was found (GHCR's, Google's and Nexus' wrong password, GitLab's and Nexus' missing repository)
 * the words are those of the distribution specification or of a neighbouring refusal.
 */

export interface RegistryMessages {
  readonly status: number
  readonly code: string
  readonly message: string
}

export interface HostedKind {
  readonly name: string
  /** Where these words come from. */
  readonly source: string
  /** A token service at this path, or Basic with this realm. */
  readonly asks: { readonly bearer: string; readonly service: string } | { readonly basic: string }
  /** Whether anonymous clients may pull public images; without it everything needs credentials. */
  readonly hasPublic: boolean
  /** The token service's answer to anonymous clients for private images; absent: it gives a token without rights. */
  readonly refusedToken?: RegistryMessages
  /** What it tells a wrong password, or the registry itself where it has no token service. */
  readonly wrongPassword: RegistryMessages
  /** What the registry tells who may not pull. */
  readonly denied: RegistryMessages
  readonly noTag: (tag: string) => RegistryMessages
  readonly noRepository: (repository: string) => RegistryMessages
  readonly limited?: RegistryMessages
}

const words = (status: number, code: string, message: string): RegistryMessages => ({ status, code, message })
const UNKNOWN_MANIFEST = (): RegistryMessages => words(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
const UNAUTHORIZED = words(401, 'UNAUTHORIZED', 'authentication required')
const ACR_ASKS = words(
  401,
  'UNAUTHORIZED',
  'authentication required, visit https://aka.ms/acr/authorization for more information.',
)
const NOT_AUTHORIZED = words(401, 'UNAUTHORIZED', 'access to the requested resource is not authorized')

export const HOSTED: readonly HostedKind[] = [
  {
    name: 'GHCR',
    source: 'github.com/orgs/community discussions of packages; containerd issues that quote ghcr.io',
    asks: { bearer: '/token', service: 'ghcr.io' },
    hasPublic: true,
    refusedToken: words(403, 'DENIED', 'requested access to the resource is denied'),
    wrongPassword: words(403, 'DENIED', 'denied'),
    denied: UNAUTHORIZED,
    noTag: UNKNOWN_MANIFEST,
    // The token service does not tell a repository that is missing from one that is private.
    noRepository: () => words(403, 'DENIED', 'requested access to the resource is denied'),
    // falcosecurity/plugins#1069
    limited: words(429, 'TOOMANYREQUESTS', 'retry-after: 1.16676ms, allowed: 44000/minute'),
  },
  {
    name: 'Quay',
    source: 'github.com/quay/quay endpoints/v2/errors.py, endpoints/v2/v2auth.py',
    asks: { bearer: '/v2/auth', service: 'quay.io' },
    hasPublic: true,
    wrongPassword: words(401, 'UNAUTHORIZED', 'Could not find robot with specified username'),
    denied: NOT_AUTHORIZED,
    noTag: UNKNOWN_MANIFEST,
    noRepository: () => words(404, 'NAME_UNKNOWN', 'repository name not known to registry'),
  },
  {
    name: 'GitLab',
    source: 'gitlab.com/gitlab-org/gitlab app/controllers/jwt_controller.rb',
    asks: { bearer: '/jwt/auth', service: 'container_registry' },
    hasPublic: true,
    refusedToken: words(403, 'DENIED', 'access forbidden'),
    wrongPassword: words(
      401,
      'UNAUTHORIZED',
      'HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled',
    ),
    denied: UNAUTHORIZED,
    noTag: UNKNOWN_MANIFEST,
    noRepository: () => words(404, 'NAME_UNKNOWN', 'repository name not known to registry'),
  },
  {
    name: 'ECR',
    source: 'docs.aws.amazon.com AmazonECR common-errors-docker; reports that quote dkr.ecr',
    asks: { basic: 'https://ecr.example.com/' },
    hasPublic: false,
    wrongPassword: words(403, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.'),
    denied: words(401, 'UNAUTHORIZED', 'Not Authorized'),
    noTag: () => words(404, 'MANIFEST_UNKNOWN', 'Requested image not found'),
    noRepository: (repository) =>
      words(
        404,
        'NAME_UNKNOWN',
        `The repository with name '${repository}' does not exist in the registry with id '123456789012'`,
      ),
    limited: words(429, 'TOOMANYREQUESTS', 'Rate exceeded'),
  },
  {
    name: 'Google Artifact Registry',
    source: 'cloud.google.com artifact-registry troubleshooting; reports that quote docker.pkg.dev',
    asks: { bearer: '/v2/token', service: 'europe-docker.pkg.dev' },
    hasPublic: true,
    refusedToken: words(
      403,
      'DENIED',
      'Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/eu/repositories/r" (or it may not exist)',
    ),
    wrongPassword: words(401, 'UNAUTHORIZED', 'Request had invalid authentication credentials.'),
    denied: UNAUTHORIZED,
    noTag: (tag) => words(404, 'MANIFEST_UNKNOWN', `Failed to fetch "${tag}"`),
    noRepository: () => words(404, 'NAME_UNKNOWN', 'Repository "r" not found'),
    limited: words(429, 'TOOMANYREQUESTS', "Quota exceeded for quota metric 'Requests per project per region'"),
  },
  {
    name: 'ACR',
    source: 'learn.microsoft.com container-registry troubleshooting; reports that quote azurecr.io',
    asks: { bearer: '/oauth2/token', service: 'team.azurecr.io' },
    hasPublic: true,
    refusedToken: ACR_ASKS,
    wrongPassword: ACR_ASKS,
    denied: ACR_ASKS,
    noTag: (tag) => words(404, 'MANIFEST_UNKNOWN', `manifest tagged by "${tag}" is not found`),
    noRepository: (repository) => words(404, 'NAME_UNKNOWN', `repository "${repository}" is not found`),
    limited: words(429, 'TOOMANYREQUESTS', 'too many requests'),
  },
  {
    name: 'Artifactory',
    source: 'jfrog.com knowledge base; reports that quote Artifactory',
    asks: { basic: 'Artifactory Realm' },
    hasPublic: true,
    wrongPassword: words(401, 'UNAUTHORIZED', 'Wrong username was used'),
    denied: words(401, 'UNAUTHORIZED', 'The client does not have permission for manifest'),
    noTag: () => words(404, 'MANIFEST_UNKNOWN', 'The named manifest is not known to the registry.'),
    // It has virtual repositories before the image's name, and says the same of both.
    noRepository: () => words(404, 'MANIFEST_UNKNOWN', 'The named manifest is not known to the registry.'),
  },
  {
    name: 'Nexus',
    source: 'github.com/sonatype/nexus-public docker errors; issues.sonatype.org',
    asks: { basic: 'Sonatype Nexus Repository Manager' },
    hasPublic: true,
    wrongPassword: NOT_AUTHORIZED,
    denied: NOT_AUTHORIZED,
    noTag: UNKNOWN_MANIFEST,
    noRepository: () => words(404, 'NAME_UNKNOWN', 'repository name not known to registry'),
  },
]
