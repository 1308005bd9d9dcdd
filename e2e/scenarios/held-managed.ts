/** Somebody else writes the workload, or will the next time. */
import assert from 'node:assert/strict'
import { held, imageOf, repaired } from '../held.ts'
import { deployment } from '../objects.ts'
import { NEW } from '../registries.ts'
import type { Scenario } from '../scenario.ts'

const helm: Scenario = {
  name: 'held-not-helm',
  title: 'what Helm installed is repaired, and the record says that its next upgrade must carry the change',
  run: async (fixture) => {
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' }
    const annotations = { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': fixture.namespace }
    await fixture.apply(deployment(fixture.namespace, { labels, annotations }))
    const began = Date.now()
    await fixture.policy()
    const { status } = await repaired(fixture, began, 'it was installed')
    assert.equal(await imageOf(fixture), `${NEW}/web:1`)
    assert.match(
      status?.permanentFix ?? '',
      new RegExp(`Helm release ${fixture.namespace}/shop: its next upgrade writes`),
    )
  },
}

export const scenarios: readonly Scenario[] = [
  held({
    name: 'argo-cd',
    title: 'what Argo CD would write back is left to the Application that the record names',
    // The id is only believed where it names the object itself.
    parts: { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:e2e-held-argo-cd/web' } },
    reason: 'ManagedElsewhere',
    says: 'Argo CD Application shop',
  }),
  held({
    name: 'flux',
    title: 'what Flux would write back is left to the Kustomization that the record names',
    parts: {
      labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
    },
    reason: 'ManagedElsewhere',
    says: 'Flux Kustomization flux-system/apps',
  }),
  helm,
]
