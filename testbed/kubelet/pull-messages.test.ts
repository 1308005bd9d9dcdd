import { describe, expect, it } from 'vitest'
import { type PullFailure, pullMessages, type Runtime } from './pull-messages.ts'
import { readReference } from './reference.ts'

const refused = (status: number, body: object = {}, challenge?: string, hasLogin = false): PullFailure => ({
  kind: 'refused',
  hasLogin,
  answer: {
    url: 'https://harbor.od.com/v2/k8s/coredns/manifests/1.6.1',
    method: 'HEAD',
    status,
    headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
    body: JSON.stringify(body),
  },
})

const errors = (code: string, message: string): object => ({ errors: [{ code, message }] })

const ROWS: [runtime: Runtime, what: string, failure: PullFailure, text: RegExp][] = [
  [
    'containerd',
    'a 404',
    refused(404),
    /^failed to pull and unpack image "harbor.*: harbor.od.com\/k8s\/coredns:1.6.1: not found$/,
  ],
  [
    'containerd',
    'a 401 that asks for nothing',
    refused(401, {}, ''),
    /: pulling from host harbor.od.com failed with status code \[manifests 1.6.1\]: 401 Unauthorized$/,
  ],
  [
    'containerd',
    'a 401 that asks for a login',
    refused(401, {}, 'Basic realm="harbor"'),
    /pull access denied, .*: authorization failed: no basic auth credentials$/,
  ],
  ['containerd', 'a login that is refused', refused(401, {}, 'Basic realm="harbor"', true), /: 401 Unauthorized$/],
  ['containerd', 'a limit', refused(429), /\[manifests 1.6.1\]: 429 Too Many Requests$/],
  [
    'containerd',
    'a missing platform',
    { kind: 'no-platform', platform: 'linux/amd64' },
    /no match for platform in manifest: not found$/,
  ],
  [
    'docker',
    'Harbor 1 on a missing project',
    refused(401, errors('UNAUTHORIZED', 'project not found, name: k8s')),
    /^Error response from daemon: unauthorized: project not found, name: k8s$/,
  ],
  [
    'docker',
    'Harbor 2 on a missing tag',
    refused(404, errors('NOT_FOUND', 'artifact k8s/coredns:1.6.1 not found')),
    /^Error response from daemon: unknown: artifact k8s\/coredns:1.6.1 not found$/,
  ],
  [
    'docker',
    'a missing tag',
    refused(404, errors('MANIFEST_UNKNOWN', 'manifest unknown')),
    /manifest for harbor.od.com\/k8s\/coredns:1.6.1 not found: manifest unknown: manifest unknown$/,
  ],
  [
    'docker',
    'insufficient scope',
    refused(401, {}, 'Bearer realm="x",error="insufficient_scope"'),
    /pull access denied for harbor.od.com\/k8s\/coredns, repository does not exist or may require 'docker login': denied: requested access to the resource is denied$/,
  ],
  ['docker', 'a broken registry', refused(503), /received unexpected HTTP status: 503 Service Unavailable$/],
  ['docker', "an answer that is no registry's", refused(404, 'no'.split('')), /error parsing HTTP 404 response body/],
  [
    'docker',
    'a missing platform',
    { kind: 'no-platform', platform: 'linux/amd64' },
    /no matching manifest for linux\/amd64 in the manifest list entries$/,
  ],
]

describe('the words for a failed pull', () => {
  for (const [runtime, what, failure, text] of ROWS) {
    it(`${runtime} of ${what}`, () => {
      const reference = readReference('harbor.od.com/k8s/coredns:1.6.1')
      expect(pullMessages(runtime, reference, failure).text).toMatch(text)
    })
  }

  it('are sorted under NotFound by containerd alone', () => {
    const reference = readReference('nginx')
    expect(pullMessages('containerd', reference, refused(404)).code).toBe('NotFound')
    expect(pullMessages('docker', reference, refused(404)).code).toBe('Unknown')
  })
})

describe('a reference', () => {
  it('is full for containerd and familiar for Docker', () => {
    expect(readReference('nginx')).toMatchObject({ full: 'docker.io/library/nginx:latest', familiarName: 'nginx' })
    expect(readReference('nickchase/rss:v1')).toMatchObject({ host: 'docker.io', familiarName: 'nickchase/rss' })
    expect(readReference('localhost/x:1')).toMatchObject({ host: 'localhost', repository: 'x' })
    expect(readReference(`a.test:5000/x@sha256:${'0'.repeat(64)}`)).toMatchObject({
      host: 'a.test:5000',
      wanted: `sha256:${'0'.repeat(64)}`,
    })
  })

  it('with upper case or an empty tag is none', () => {
    expect(() => readReference('harbor.od.com/Foo:1')).toThrow('repository name must be lowercase')
    expect(() => readReference('harbor.od.com/foo:')).toThrow('invalid reference format')
  })
})
