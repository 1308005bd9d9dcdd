/** The first incident in pods that are not quite what their template says: something injects a container. */
import assert from 'node:assert/strict'
import { deployment } from '../objects.ts'
import { NEW, OLD } from '../registries.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const ADMISSION = 'admissionregistration.k8s.io/v1'
const LABELS = 'app=web'

/** Has the API server add a container to each pod of the namespace, as a service mesh's webhook would. */
const inject = async ({ namespace, apply, kubectl, eventually, onEnd }: Fixture, image: string): Promise<void> => {
  const kinds = ['MutatingAdmissionPolicyBinding', 'MutatingAdmissionPolicy']
  onEnd(async () => {
    for (const kind of kinds) await kubectl(['delete', kind, namespace, '--ignore-not-found'])
  })
  const container = `Object.spec.containers{name: "injected", image: ${JSON.stringify(image)}}`
  await apply({
    apiVersion: ADMISSION,
    kind: 'MutatingAdmissionPolicy',
    metadata: { name: namespace },
    spec: {
      matchConstraints: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: `Object{spec: Object.spec{containers: [${container}]}}` },
        },
      ],
    },
  })
  await apply({
    apiVersion: ADMISSION,
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name: namespace },
    spec: { policyName: namespace },
  })
  // The API server learns of it by a watch of its own.
  const probe = ['run', 'probe', `--image=${NEW}/web:1`, '-n', namespace, '--dry-run=server', '-o', 'json']
  await eventually(async () => assert.match(await kubectl(probe), /"injected"/), { everyMs: 500 })
}

const healthy: Scenario = {
  name: 'a-sidecar',
  title: 'a healthy injected container beside the broken one does not prevent the repair',
  run: async (fixture) => {
    const { namespace, policy, apply, running, record } = fixture
    await inject(fixture, `${NEW}/side:1`)
    await policy()
    await apply(deployment(namespace))
    const [pod] = await running(1, LABELS)
    assert.deepEqual(
      pod?.spec?.containers?.map(({ image }) => image).toSorted(),
      [`${NEW}/side:1`, `${NEW}/web:1`],
      'the template has the new image, the injected container its own',
    )
    await record({ phase: 'Succeeded' })
  },
}

const broken: Scenario = {
  name: 'a-sidecar-broken',
  title:
    'a failing injected container is not in the template: the remediation is held and the workload stays unchanged',
  run: async (fixture) => {
    const { namespace, policy, apply, failing, record, workload } = fixture
    await inject(fixture, `${OLD}/side:1`)
    await policy()
    await apply(deployment(namespace, { image: `${NEW}/web:1` }))
    await failing(LABELS)
    const { status } = await record({ phase: 'Held', reason: 'TemplateDiffers' })
    assert.match(status?.message ?? '', /injected/)
    assert.equal((await workload('Deployment')).metadata.generation, 1)
  },
}

export const scenarios: readonly Scenario[] = [healthy, broken]
