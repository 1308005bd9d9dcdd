/**
 * What hosted registries, and what stands before them, answer in a form of their own: plain text, html, errors without codes,
 * network rules, tokens that ended. Each is given word for word by a server on loopback, and asked for by the real client.
 * Their usual words are asked for with a real registry behind them: test/diagnose/hosted-registries.test.ts.
 */
import { afterEach, expect, test } from 'vitest'
import type { RegistryAnswer } from '../../model/incident.ts'
import { type Handler, startFakeRegistry, writeCertsDirectory } from './fake-registry.ts'
import { createRegistry } from './registry.ts'

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
  /** What the registry answers, with a token if it gives any. */
  readonly reply: Reply
  readonly credentials?: true
  readonly expected: RegistryAnswer['kind']
}

const errors = (code: string, message: string): string => JSON.stringify({ errors: [{ code, message, detail: null }] })
const of = (status: number, code: string, message: string): Reply => ({ status, body: errors(code, message) })
const html = (status: number): Reply => ({ status, body: `<html><title>${status}</title></html>` })

const ECR = 'docs.aws.amazon.com AmazonECR common-errors-docker; reports that quote dkr.ecr'
const ACR = 'learn.microsoft.com container-registry troubleshooting; reports that quote azurecr.io'
const ARTIFACTORY = 'jfrog.com knowledge base; reports that quote Artifactory'

const DIALECTS: readonly Dialect[] = [
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
    of: 'Artifactory: its own form of errors',
    source: ARTIFACTORY,
    reply: { status: 403, body: JSON.stringify({ errors: [{ status: 403, message: 'Forbidden' }] }) },
    credentials: true,
    expected: 'denied',
  },
  {
    of: 'ACR: too many requests, in plain text',
    source: 'github.com/Azure/acr#754',
    reply: { status: 429, body: 'Ref A: 8F3C Ref B: FRA31EDGE0814 Ref C: 2030-01-01T00:00:00Z' },
    expected: 'limited',
  },
  {
    of: 'a proxy before it',
    source: 'nginx, as many stand before registries',
    reply: html(404),
    expected: 'unreachable',
  },
  { of: 'a proxy that lost it', source: 'nginx', reply: html(502), expected: 'unreachable' },
]

test.each(DIALECTS)('$of: $expected', async ({ source, reply, credentials, expected }) => {
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
    if (request.url?.startsWith('/token')) return respond({ status: 200, body: '{"token":"abc"}' })
    const challenge = `Bearer realm="${origin}/token",service="r",scope="repository:team/app:pull"`
    // Basic registries ask by themselves; the others for a token first.
    if (request.headers.authorization === undefined && reply.challenge === undefined)
      return respond({ status: 401, body: errors('UNAUTHORIZED', 'authentication required'), challenge })
    respond(reply)
  }
  const server = await startFakeRegistry(handle)
  origin = server.origin
  const certs = await writeCertsDirectory({ 'r.example.com': `server = "${origin}"` })
  const registry = createRegistry({
    certsDirectory: certs.path,
    timing: { requestTimeoutMs: 1_000, deadlineMs: 3_000 },
  })
  cleanups.push(server.close, certs.remove, registry.close)
  const answer = await registry.ask(IMAGE, credentials ? [CREDENTIAL] : [])
  expect(answer.kind, JSON.stringify(answer)).toBe(expected)
  expect(JSON.stringify(answer)).not.toContain('secret')
  if (answer.kind === 'denied') expect(answer.withCredentials).toBe(credentials === true)
})
