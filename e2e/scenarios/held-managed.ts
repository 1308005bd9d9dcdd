/** Another manager writes the workload, now or at its next upgrade. */
import assert from 'node:assert/strict'
import { held, imageOf, repaired } from '../held.ts'
import { deployment } from '../objects.ts'
import { NEW } from '../registries.ts'
import type { Scenario } from '../scenario.ts'

const helm: Scenario = {
  name: 'held-not-helm',
  title: 'a workload that Helm installed is repaired, and the record says that the release must carry the change',
  run: async (fixture) => {
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' }
    const annotations = { 'meta.helm.sh/release-name': 'shop', 'meta.helm.sh/release-namespace': fixture.namespace }
    await fixture.apply(deployment(fixture.namespace, { labels, annotations }))
    const began = Date.now()
    await fixture.policy()
    const { status } = await repaired(fixture, began, 'it was installed')
    assert.equal(await imageOf(fixture), `${NEW}/web:1`)
    assert.match(status?.permanentFix ?? '', new RegExp(`Helm release ${fixture.namespace}/shop.*upgrade`))
  },
}

export const scenarios: readonly Scenario[] = [
  held({
    name: 'argo-cd',
    title: 'a workload that Argo CD manages is held, and the record names the Application',
    // The id is only believed where it names the object itself.
    parts: { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:e2e-held-argo-cd/web' } },
    reason: 'ManagedElsewhere',
    says: 'Argo CD Application shop',
  }),
  held({
    name: 'flux',
    title: 'a workload that Flux manages is held, and the record names the Kustomization',
    parts: {
      labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
    },
    reason: 'ManagedElsewhere',
    says: 'Flux Kustomization flux-system/apps',
  }),
  helm,
]
