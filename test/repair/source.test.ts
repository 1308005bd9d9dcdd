/** Where to mend for good what a GitOps tool keeps: the repository, the path and the Helm value, read from its own objects. */
import { beforeAll, expect, test } from 'vitest'
import { OLD, PATIENTLY, useFixture } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture()

/** The tools' kinds, with whatever fields. */
const kind = (group: string, version: string, name: string): object => {
  const plural = name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural.toLowerCase()}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: name, plural: plural.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  }
}

beforeAll(async () => {
  const { cluster } = fixture
  for (const crd of [
    kind('argoproj.io', 'v1alpha1', 'Application'),
    kind('kustomize.toolkit.fluxcd.io', 'v1', 'Kustomization'),
    kind('helm.toolkit.fluxcd.io', 'v2', 'HelmRelease'),
    kind('source.toolkit.fluxcd.io', 'v1', 'GitRepository'),
  ])
    await fixture.apply(crd)
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
  await cluster.kubectl(['create', 'namespace', 'gitops'])
}, 120_000)

const fixOf = async (namespace: string): Promise<string | undefined> => {
  await fixture.policy(namespace)
  const { status } = await fixture.record(namespace, { phase: 'Held', reason: 'ManagedElsewhere' }, PATIENTLY)
  expect(fixture.writes(namespace)).toEqual([])
  return status?.permanentFix
}

test('an Argo CD Application shows repository, path, revision and Helm value, without a password in the address', async () => {
  const namespace = await fixture.cluster.namespace()
  const source = {
    repoURL: 'https://robot:secret@git.example.com/team.git',
    path: 'deploy/web',
    targetRevision: 'main',
    helm: { valuesObject: { image: { repository: `${OLD}/web`, tag: '1' } } },
  }
  await fixture.apply({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'shop', namespace: 'gitops' },
    spec: { source },
  })
  const annotations = { 'argocd.argoproj.io/tracking-id': `shop:apps/Deployment:${namespace}/web` }
  await fixture.apply(deployment(namespace, { annotations }))
  const fix = await fixOf(namespace)
  expect(fix).toContain(
    'in Argo CD Application shop, which comes from deploy/web of https://git.example.com/team.git at main, Helm value image.repository and image.tag',
  )
  expect(fix).not.toContain('secret')
})

test('a Flux Kustomization shows the path, and its GitRepository the address', async () => {
  const namespace = await fixture.cluster.namespace()
  const sourceRef = { kind: 'GitRepository', name: 'infra' }
  await fixture.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'infra', namespace: 'gitops' },
    spec: { url: 'ssh://git@git.example.com/infra' },
  })
  await fixture.apply({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'shop', namespace: 'gitops' },
    spec: { path: './apps/shop', sourceRef },
  })
  const labels = { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': 'gitops' }
  await fixture.apply(deployment(namespace, { labels }))
  expect(await fixOf(namespace)).toContain(
    'in Flux Kustomization gitops/shop, which comes from ./apps/shop of ssh://git.example.com/infra:',
  )
})

test('where the tool’s object is not to be found the record says so, and the rest as before', async () => {
  const namespace = await fixture.cluster.namespace()
  const labels = { 'helm.toolkit.fluxcd.io/name': 'gone', 'helm.toolkit.fluxcd.io/namespace': 'gitops' }
  await fixture.apply(deployment(namespace, { labels }))
  expect(await fixOf(namespace)).toContain(
    'in Flux HelmRelease gitops/gone (its source is unknown: HelmRelease gone is not in this cluster):',
  )
})
