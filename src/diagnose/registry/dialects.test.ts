/**
 * How hosted registries word the same few things, as reported of them (nobody can have them here): each answer is given by a
 * server on loopback, word for word, and asked for by the real client.
 */
import { afterEach, expect, test } from 'vitest'
import type { RegistryAnswer } from '../incident.ts'
import { createRegistry } from './registry.ts'
import { type Handler, startStandIn, writeCertsDirectory } from './stand-in.ts'

const IMAGE = 'r.example.com/team/app:1'
const CREDENTIAL = { username: 'robot', password: 'secret', source: 'secret web/pull' }

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Reply {
  readonly status: number
  readonly body: string
  readonly challenge?: string
}

interface Dialect {
  /** Registry, and what is asked of it. */
  readonly of: string
  /** Where these words come from. */
  readonly source: string
  /** What the token service answers, where there is one; 200 and a token without this. */
  readonly token?: Reply
  /** What the registry answers, with a token if it gives any. */
  readonly reply: Reply
  readonly credentials?: true
  readonly expected: RegistryAnswer['kind']
}

const errors = (code: string, message: string, detail: unknown = null): string =>
  JSON.stringify({ errors: [{ code, message, detail }] })
const of = (status: number, code: string, message: string, detail?: unknown): Reply => ({
  status,
  body: errors(code, message, detail),
})
const html = (status: number): Reply => ({ status, body: `<html><title>${status}</title></html>` })

const GHCR = 'github.com/orgs/community discussions of packages; containerd issues that quote ghcr.io'
const QUAY = 'github.com/quay/quay endpoints/v2/errors.py'
const GITLAB = 'gitlab.com/gitlab-org/gitlab app/controllers/jwt_controller.rb'
const ECR = 'docs.aws.amazon.com AmazonECR common-errors-docker; reports that quote dkr.ecr'
const GAR = 'cloud.google.com artifact-registry troubleshooting; reports that quote docker.pkg.dev'
const ACR = 'learn.microsoft.com container-registry troubleshooting; reports that quote azurecr.io'
const ARTIFACTORY = 'jfrog.com knowledge base; reports that quote Artifactory'
const NEXUS = 'github.com/sonatype/nexus-public docker errors; issues.sonatype.org'

const DIALECTS: readonly Dialect[] = [
  {
    of: 'GHCR: private or missing, asked as anybody',
    source: GHCR,
    token: of(403, 'DENIED', 'requested access to the resource is denied'),
    reply: of(401, 'UNAUTHORIZED', 'authentication required'),
    expected: 'denied',
  },
  {
    of: 'GHCR: no such tag',
    source: GHCR,
    reply: of(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    expected: 'tagMissing',
  },
  {
    of: 'Quay: private or missing, asked as anybody',
    source: QUAY,
    reply: of(401, 'UNAUTHORIZED', 'access to the requested resource is not authorized', {}),
    expected: 'denied',
  },
  {
    of: 'Quay: no such tag',
    source: QUAY,
    reply: of(404, 'MANIFEST_UNKNOWN', 'manifest unknown', {}),
    expected: 'tagMissing',
  },
  {
    of: 'Quay: no such repository',
    source: QUAY,
    reply: of(404, 'NAME_UNKNOWN', 'repository name not known to registry', {}),
    expected: 'repositoryMissing',
  },
  {
    of: 'GitLab: private or missing, by its token service',
    source: GITLAB,
    token: of(403, 'DENIED', 'access forbidden'),
    reply: of(401, 'UNAUTHORIZED', 'authentication required'),
    expected: 'denied',
  },
  {
    of: 'GitLab: wrong password, by its token service',
    source: GITLAB,
    token: of(
      401,
      'UNAUTHORIZED',
      'HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled',
    ),
    reply: of(401, 'UNAUTHORIZED', 'authentication required'),
    credentials: true,
    expected: 'denied',
  },
  {
    of: 'ECR: no credentials',
    source: ECR,
    reply: {
      status: 401,
      body: 'Not Authorized\n',
      challenge: 'Basic realm="https://ecr.example.com/",service="ecr.amazonaws.com"',
    },
    expected: 'denied',
  },
  {
    of: 'ECR: an old token',
    source: ECR,
    reply: of(403, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.'),
    credentials: true,
    expected: 'denied',
  },
  {
    of: 'ECR: no such repository',
    source: ECR,
    reply: of(
      404,
      'NAME_UNKNOWN',
      "The repository with name 'team/app' does not exist in the registry with id '123456789012'",
    ),
    credentials: true,
    expected: 'repositoryMissing',
  },
  {
    of: 'ECR: no such tag',
    source: ECR,
    reply: of(404, 'MANIFEST_UNKNOWN', 'Requested image not found'),
    credentials: true,
    expected: 'tagMissing',
  },
  {
    of: 'ECR: too many requests',
    source: ECR,
    reply: of(429, 'TOOMANYREQUESTS', 'Rate exceeded'),
    credentials: true,
    expected: 'limited',
  },
  {
    of: 'Google Artifact Registry: no right, or missing',
    source: GAR,
    token: of(
      403,
      'DENIED',
      'Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/eu/repositories/r" (or it may not exist)',
    ),
    reply: of(401, 'UNAUTHORIZED', 'authentication required'),
    expected: 'denied',
  },
  {
    of: 'Google Artifact Registry: no such repository',
    source: GAR,
    reply: of(404, 'NAME_UNKNOWN', 'Repository "r" not found'),
    expected: 'repositoryMissing',
  },
  {
    of: 'Google Artifact Registry: no such tag',
    source: GAR,
    reply: of(404, 'MANIFEST_UNKNOWN', 'Failed to fetch "1"'),
    expected: 'tagMissing',
  },
  {
    of: 'ACR: asked as anybody',
    source: ACR,
    token: of(
      401,
      'UNAUTHORIZED',
      'authentication required, visit https://aka.ms/acr/authorization for more information.',
    ),
    reply: of(
      401,
      'UNAUTHORIZED',
      'authentication required, visit https://aka.ms/acr/authorization for more information.',
    ),
    expected: 'denied',
  },
  {
    of: 'ACR: no such tag',
    source: ACR,
    reply: of(404, 'MANIFEST_UNKNOWN', 'manifest tagged by "1" is not found', { Tag: '1' }),
    expected: 'tagMissing',
  },
  {
    of: 'ACR: no such repository',
    source: ACR,
    reply: of(404, 'NAME_UNKNOWN', 'repository "team/app" is not found', { name: 'team/app' }),
    expected: 'repositoryMissing',
  },
  {
    of: 'ACR: denied by its network rules',
    source: ACR,
    reply: of(
      403,
      'DENIED',
      "client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.",
    ),
    expected: 'denied',
  },
  {
    of: 'Artifactory: no such tag',
    source: ARTIFACTORY,
    reply: of(404, 'MANIFEST_UNKNOWN', 'The named manifest is not known to the registry.', { manifest: 'team/app/1' }),
    expected: 'tagMissing',
  },
  {
    of: 'Artifactory: asked as anybody',
    source: ARTIFACTORY,
    reply: {
      ...of(401, 'UNAUTHORIZED', 'The client does not have permission for manifest'),
      challenge: 'Basic realm="Artifactory Realm"',
    },
    expected: 'denied',
  },
  {
    of: 'Artifactory: its own form of errors',
    source: ARTIFACTORY,
    reply: { status: 403, body: JSON.stringify({ errors: [{ status: 403, message: 'Forbidden' }] }) },
    credentials: true,
    expected: 'denied',
  },
  {
    of: 'Nexus: asked as anybody',
    source: NEXUS,
    reply: {
      ...of(401, 'UNAUTHORIZED', 'access to the requested resource is not authorized'),
      challenge: 'Basic realm="Sonatype Nexus Repository Manager"',
    },
    expected: 'denied',
  },
  {
    of: 'Nexus: no such tag',
    source: NEXUS,
    reply: of(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    expected: 'tagMissing',
  },
  {
    of: 'a proxy before it',
    source: 'nginx, as many stand before registries',
    reply: html(404),
    expected: 'unreachable',
  },
  { of: 'a proxy that lost it', source: 'nginx', reply: html(502), expected: 'unreachable' },
]

test.each(DIALECTS)('$of: $expected', async ({ source, token, reply, credentials, expected }) => {
  expect(source).not.toBe('')
  let origin = ''
  const handle: Handler = (request, response) => {
    const respond = ({ status, body, challenge }: Reply) => {
      const type = body.startsWith('{') ? 'application/json' : 'text/html'
      response.writeHead(status, {
        'content-type': type,
        ...(challenge !== undefined && { 'www-authenticate': challenge }),
      })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    if (request.url?.startsWith('/token')) return respond(token ?? { status: 200, body: '{"token":"abc"}' })
    const challenge = `Bearer realm="${origin}/token",service="r",scope="repository:team/app:pull"`
    // Basic registries ask by themselves; the others for a token first.
    if (request.headers.authorization === undefined && reply.challenge === undefined)
      return respond({ status: 401, body: errors('UNAUTHORIZED', 'authentication required'), challenge })
    respond(reply)
  }
  const server = await startStandIn(handle)
  origin = server.origin
  const certs = await writeCertsDirectory({ 'r.example.com': `server = "${origin}"` })
  const registry = createRegistry({ certsDirectory: certs.path, requestTimeoutMs: 1_000, deadlineMs: 3_000 })
  cleanups.push(server.close, certs.remove, registry.close)
  const answer = await registry.ask(IMAGE, credentials ? [CREDENTIAL] : [])
  expect(answer.kind, JSON.stringify(answer)).toBe(expected)
  expect(JSON.stringify(answer)).not.toContain('secret')
  if (answer.kind === 'denied') expect(answer.withCredentials).toBe(credentials === true)
})
