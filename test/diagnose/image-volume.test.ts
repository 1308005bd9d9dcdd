/** An image volume fails, and the kubelet shows that on the container that mounts it: the container's image is well. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Simulation } from '../../src/cli/simulate/text.ts'
import { runMend } from '../cli/run-mend.ts'

const RECORDING = join(import.meta.dirname, 'testdata/image-volume.json')
const POLICY = `
apiVersion: podmend.io/v1alpha1
kind: RemediationPolicy
metadata: {name: moved}
spec:
  mode: Enforce
  match: {causes: [ManifestNotFound, RepositoryNotFoundOrDenied, ProjectNotFound], images: ["harbor.od.com/k8s/*"]}
  actions:
    - type: RewriteImage
      rewriteImage: {rules: [{from: harbor.od.com/k8s/, to: harbor.od.com/public/}]}
`
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
const CHILD = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('{}'), size: 2 },
  layers: [],
})
const INDEX = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestOf(CHILD),
      size: CHILD.length,
      platform: { os: 'linux', architecture: 'amd64' },
    },
  ],
})

const folder = mkdtempSync(join(tmpdir(), 'image-volume-'))
/** Has web:1 under both projects and public/model:9, which the rule would lead to; not k8s/model:9. */
const registry = createServer((request, response) => {
  const path = request.url?.split('?')[0] ?? ''
  if (path === '/v2/') return void response.writeHead(200).end()
  const [, name, reference] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(path) ?? []
  const has = ['k8s/web', 'public/web', 'public/model'].includes(name ?? '')
  const body =
    [INDEX, CHILD].find((one) => digestOf(one) === reference) ?? (/^[19]$/.test(reference ?? '') ? INDEX : '')
  if (has && body !== '') {
    response.writeHead(200, {
      'content-type': (JSON.parse(body) as { readonly mediaType: string }).mediaType,
      'docker-content-digest': digestOf(body),
      'content-length': body.length,
    })
    return void response.end(request.method === 'HEAD' ? undefined : body)
  }
  response.writeHead(404, { 'content-type': 'application/json' })
  response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}')
})

beforeAll(async () => {
  await new Promise<void>((listening) => registry.listen(0, '127.0.0.1', listening))
  const { port } = registry.address() as AddressInfo
  mkdirSync(join(folder, 'hosts/harbor.od.com'), { recursive: true })
  writeFileSync(join(folder, 'hosts/harbor.od.com/hosts.toml'), `server = "http://127.0.0.1:${port}"\n`)
})
afterAll(async () => {
  await new Promise((closed) => registry.close(closed))
  rmSync(folder, { recursive: true })
})

test('the container that mounts a failing image volume keeps its image, and the record names the volume', async () => {
  const args = [
    'simulate',
    '-f',
    '-',
    '-n',
    'shop',
    '--recorded',
    RECORDING,
    '--registry-hosts-dir',
    join(folder, 'hosts'),
  ]
  const { out, err } = await runMend([...args, '-o', 'json'], {
    input: POLICY,
    environment: { KUBECONFIG: '/nowhere' },
  })
  expect(err).toBe('')
  const { incidents } = JSON.parse(out) as Simulation
  expect(incidents).toMatchObject([
    {
      cause: 'ManifestNotFound',
      decision: {
        verdict: 'Hold',
        reason: 'RolloutBlocked',
        message: expect.stringContaining('container web waits for image volume model (harbor.od.com/k8s/model:9)'),
      },
    },
  ])
  expect(out).not.toContain('+ image:')
})
