/** Where to mend for good what Helm installed: the chart and the value, read from the secret of a release that Helm itself made. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Explanation } from '../../src/cli/explain/explain.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { useHelm } from '../chart/fixture.ts'
import { breakItsPod, BROKEN, HOST, install, restrictedUser } from './fixture.ts'
import { runMend } from './run-mend.ts'

const cluster = useControlPlane()
const helm = useHelm()
const chart = mkdtempSync(join(tmpdir(), 'podmend-chart-'))

const TEMPLATE = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeName: node-1
      containers:
        - {name: web, image: "{{ .Values.web.image.repository }}:{{ .Values.web.image.tag }}"}
`

beforeAll(async () => {
  await install(cluster)
  mkdirSync(join(chart, 'templates'))
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 1.2.3\n')
  writeFileSync(join(chart, 'values.yaml'), `web: {image: {repository: ${HOST}/k8s/web, tag: "1"}}\n`)
  writeFileSync(join(chart, 'templates/web.yaml'), TEMPLATE)
}, 240_000)
afterAll(() => rmSync(chart, { recursive: true, force: true }))

const helmIn = (namespace: string, ...args: readonly string[]) =>
  helm(...args, '--namespace', namespace, '--kubeconfig', cluster.plane.kubeconfig)

const fixOf = async (namespace: string, kubeconfig = cluster.plane.kubeconfig): Promise<string | undefined> => {
  const args = ['explain', 'deploy/web', '-n', namespace, '--ask-registry=false', '-o', 'json']
  const { out, err } = await runMend(args, { environment: { KUBECONFIG: kubeconfig } })
  expect(err).toBe('')
  return (JSON.parse(out) as Explanation).incidents[0]?.permanentFix
}

test('the chart and its default value are shown; after an upgrade that sets it, the value that was set', async () => {
  const namespace = await cluster.namespace()
  await helmIn(namespace, 'install', 'shop', chart)
  await breakItsPod(cluster, namespace)
  const where = `Change the image of container web (${BROKEN}) in Helm release ${namespace}/shop, which comes from chart shop 1.2.3, Helm value`
  expect(await fixOf(namespace)).toBe(
    `${where} web.image.repository and web.image.tag (the chart's default): its next upgrade restores the old one.`,
  )
  await helmIn(namespace, 'upgrade', 'shop', chart, '--set', `web.image.repository=${HOST}/k8s/web`)
  expect(await fixOf(namespace)).toBe(`${where} web.image.repository: its next upgrade restores the old one.`)
})

test('a user who may not list secrets sees the release and the missing right', async () => {
  const namespace = await cluster.namespace()
  await helmIn(namespace, 'install', 'shop', chart)
  await breakItsPod(cluster, namespace)
  const rules = [
    {
      apiGroups: ['', 'apps', 'events.k8s.io'],
      resources: ['pods', 'events', 'deployments', 'replicasets'],
      verbs: ['get', 'list'],
    },
  ]
  const user = await restrictedUser(cluster, namespace, 'reader', rules)
  expect(await fixOf(namespace, user)).toMatch(
    new RegExp(
      `in Helm release ${namespace}/shop \\(its source is unknown: the right to list secrets in namespace ${namespace} is missing\\)`,
    ),
  )
})

test('a secret in another format than that of Helm is reported as such', async () => {
  const namespace = await cluster.namespace()
  await helmIn(namespace, 'install', 'shop', chart)
  await breakItsPod(cluster, namespace)
  const data = { release: Buffer.from(Buffer.from('no gzip').toString('base64')).toString('base64') }
  await cluster.kubectl([
    'patch',
    'secret',
    'sh.helm.release.v1.shop.v1',
    '-n',
    namespace,
    '-p',
    JSON.stringify({ data }),
  ])
  expect(await fixOf(namespace)).toContain(
    "(its source is unknown: the secret of release shop is not in Helm's format)",
  )
})
