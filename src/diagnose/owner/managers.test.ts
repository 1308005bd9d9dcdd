import { describe, expect, it } from 'vitest'
import type { ObjectMeta } from '../../model/kubernetes.ts'
import { findManagers } from './owner.ts'

const found = (metadata: Partial<ObjectMeta>) =>
  findManagers({ kind: 'Deployment', metadata: { name: 'web', namespace: 'shop', ...metadata } })

const by = (manager: string, subresource?: string) => [
  { manager, operation: 'Update', ...(subresource !== undefined && { subresource }) },
]

describe('who manages a workload', () => {
  it.each<[string, Partial<ObjectMeta>, string, boolean, string]>([
    [
      'tracking id',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'web:apps/Deployment:shop/web' } },
      'Argo CD',
      true,
      'Argo CD Application web',
    ],
    [
      'tracking id of an application in another namespace',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'team_web:apps/Deployment:shop/web' } },
      'Argo CD',
      true,
      'Argo CD Application team/web',
    ],
    [
      'Argo CD’s own label',
      { labels: { 'argocd.argoproj.io/instance': 'web' } },
      'Argo CD',
      true,
      'Argo CD Application web',
    ],
    [
      'instance label with Argo CD’s hand',
      { labels: { 'app.kubernetes.io/instance': 'web' }, managedFields: by('argocd-controller') },
      'Argo CD',
      true,
      'Argo CD Application web',
    ],
    [
      'Flux Kustomization',
      {
        labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
      },
      'Flux',
      true,
      'Flux Kustomization flux-system/apps',
    ],
    [
      'Flux that leaves this one alone',
      {
        labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' },
        annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' },
      },
      'Flux',
      false,
      'Flux Kustomization apps',
    ],
    [
      'Flux HelmRelease',
      { labels: { 'helm.toolkit.fluxcd.io/name': 'web', 'helm.toolkit.fluxcd.io/namespace': 'shop' } },
      'Flux',
      true,
      'Flux HelmRelease shop/web',
    ],
    [
      'Flux’s hand alone',
      { managedFields: by('kustomize-controller') },
      'Flux',
      true,
      'Flux Kustomization (see its field manager)',
    ],
    [
      'Helm',
      {
        labels: { 'app.kubernetes.io/managed-by': 'Helm' },
        annotations: { 'meta.helm.sh/release-name': 'web', 'meta.helm.sh/release-namespace': 'shop' },
      },
      'Helm',
      false,
      'Helm release shop/web',
    ],
    [
      'Config Sync',
      {
        annotations: {
          'configmanagement.gke.io/managed': 'enabled',
          'configmanagement.gke.io/source-path': 'ns/web.yaml',
        },
      },
      'Config Sync',
      true,
      'ns/web.yaml in the repository that Config Sync reads',
    ],
    [
      'k3s add-on',
      {
        annotations: {
          'objectset.rio.cattle.io/id': '',
          'objectset.rio.cattle.io/owner-gvk': 'k3s.cattle.io/v1, Kind=Addon',
          'objectset.rio.cattle.io/owner-name': 'coredns',
          'objectset.rio.cattle.io/owner-namespace': 'kube-system',
        },
      },
      'Rancher',
      true,
      'Addon kube-system/coredns',
    ],
    [
      'Fleet',
      { annotations: { 'objectset.rio.cattle.io/id': 'default-web' } },
      'Rancher',
      true,
      'Fleet bundle or Rancher object set default-web',
    ],
    [
      'OLM',
      { labels: { 'olm.owner': 'web.v1', 'olm.owner.kind': 'ClusterServiceVersion', 'olm.owner.namespace': 'shop' } },
      'Operator Lifecycle Manager',
      true,
      'ClusterServiceVersion shop/web.v1',
    ],
    [
      'addon manager',
      { labels: { 'addonmanager.kubernetes.io/mode': 'Reconcile' } },
      'addon manager',
      true,
      "the add-on's manifest on the control plane",
    ],
    ['kapp', { labels: { 'kapp.k14s.io/app': '1666' } }, 'kapp', true, 'kapp application 1666'],
    [
      'ApplySet',
      { labels: { 'applyset.kubernetes.io/part-of': 'applyset-x-v1' } },
      'kubectl apply --applyset',
      false,
      'the manifests of ApplySet applyset-x-v1',
    ],
    [
      'Sveltos',
      { annotations: { 'projectsveltos.io/owner-kind': 'ClusterProfile', 'projectsveltos.io/owner-name': 'prod' } },
      'Sveltos',
      true,
      'Sveltos ClusterProfile prod',
    ],
    [
      'an operator',
      {
        ownerReferences: [
          { apiVersion: 'monitoring.coreos.com/v1', kind: 'Prometheus', name: 'k8s', uid: 'u', controller: true },
        ],
      },
      'operator of Prometheus k8s',
      true,
      'Prometheus shop/k8s (monitoring.coreos.com/v1)',
    ],
  ])('shows by %s', (_, metadata, name, writesBack, editAt) => {
    expect(found(metadata)).toMatchObject([{ name, writesBack, editAt }])
  })

  it.each<[string, Partial<ObjectMeta>]>([
    ['nothing', {}],
    ['our own hand', { managedFields: by('podmend') }],
    [
      'kubectl',
      {
        managedFields: by('kubectl-client-side-apply'),
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
      },
    ],
    [
      'a tracking id that was copied from another object',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'web:example.com/Shop:shop/web' } },
    ],
    ['a tracking id that is none', { annotations: { 'argocd.argoproj.io/tracking-id': ':::' } }],
    ['a chart’s instance label alone', { labels: { 'app.kubernetes.io/instance': 'web' } }],
    ['a controller that only writes the status', { managedFields: by('kustomize-controller', 'status') }],
    ['an add-on that may be edited', { labels: { 'addonmanager.kubernetes.io/mode': 'EnsureExists' } }],
  ])('is nobody where there is %s', (_, metadata) => {
    expect(found(metadata)).toEqual([])
  })

  it('tells first of the one that writes back', () => {
    const helm = { 'meta.helm.sh/release-name': 'web' }
    const managers = found({
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { ...helm, 'argocd.argoproj.io/tracking-id': 'web:apps/Deployment:shop/web' },
    })
    expect(managers.map(({ name }) => name)).toEqual(['Argo CD', 'Helm'])
  })
})
