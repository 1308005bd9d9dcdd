import { beforeAll, describe, expect, test } from 'vitest'
import type { Pod } from '../../src/model/kubernetes.ts'
import { act as rewriteImage } from '../../src/remedies/rewrite-image/act.ts'
import type { ActDeps } from '../../src/remedies/writes.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { testKubernetes } from '../../testbed/test-context.ts'
import { asGone, BROKEN, change, depsOf, MENDED, rewritePlan, type Templated } from './plans.ts'

const cluster = useControlPlane()
let deps: ActDeps
let ns: string
beforeAll(async () => {
  deps = await depsOf(cluster.plane.kubeconfig)
  ns = await cluster.namespace('act')
})

const SIDECAR = { name: 'sidecar', image: 'example.com/sidecar:1' }
const ORIGINAL = 'podmend.io/original-image'

const workload = async (kind: string, name: string, spec: object = {}, template: object = {}): Promise<Templated> => {
  await cluster.applyYaml(
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind,
      metadata: { name },
      spec: {
        selector: { matchLabels: { app: name } },
        ...spec,
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'coredns', image: BROKEN }, SIDECAR], ...template },
        },
      },
    }),
    { namespace: ns },
  )
  return read(kind, name)
}
const read = (kind: string, name: string) => cluster.get<Templated>(kind, name, '-n', ns)
const images = ({ spec }: Templated) => (spec.template?.spec ?? spec).containers?.map(({ image }) => image)

describe('a rewrite', () => {
  test.each(['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet'])(
    'of a %s changes the failing container alone and keeps the original',
    async (kind) => {
      const before = await workload(kind, `one-${kind.toLowerCase()}`)
      const outcome = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), deps)
      const after = await read(kind, before.metadata.name)
      expect(outcome).toMatchObject({ kind: 'Done', wrote: [{ verb: 'patched', ref: { kind } }], left: [] })
      expect(images(after)).toEqual([MENDED, SIDECAR.image])
      expect(after.metadata.annotations?.[ORIGINAL]).toBe(JSON.stringify({ coredns: BROKEN }))
      const { metadata } = await cluster.get<Templated>(kind, before.metadata.name, '-n', ns, '--show-managed-fields')
      expect(metadata.managedFields?.map(({ manager }) => manager)).toContain('podmend')
    },
  )

  test('of an init container leaves the others', async () => {
    const before = await workload('Deployment', 'init', {}, { initContainers: [{ name: 'prepare', image: BROKEN }] })
    const where = { container: 'prepare', init: true, pointer: '/spec/template/spec/initContainers/0' }
    await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED, where)]), deps)
    const after = await read('Deployment', 'init')
    expect(after.spec.template?.spec.initContainers?.[0]?.image).toBe(MENDED)
    expect(images(after)).toEqual([BROKEN, SIDECAR.image])
  })

  test('of a bare pod without annotations succeeds although the kubelet writes its status meanwhile', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bare' },
      spec: { containers: [{ name: 'coredns', image: BROKEN }] },
    }
    await deps.kube.create(`/api/v1/namespaces/${ns}/pods`, pod)
    const before = await read('Pod', 'bare')
    expect(before.metadata.annotations).toBeUndefined()
    await cluster.kubectl(['label', 'pod', 'bare', '-n', ns, 'moved=on'])
    const outcome = await rewriteImage(
      rewritePlan(before, [change(BROKEN, MENDED, { pointer: '/spec/containers/0' })]),
      deps,
    )
    expect(outcome.kind).toBe('Done')
    const after = await read('Pod', 'bare')
    expect(images(after)).toEqual([MENDED])
    expect(after.metadata.annotations).toEqual({ [ORIGINAL]: JSON.stringify({ coredns: BROKEN }) })
    expect(after.metadata.labels).toEqual({ moved: 'on' })
  })

  test('keeps annotations that came after it was planned', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'noted' },
      spec: { containers: [{ name: 'coredns', image: BROKEN }] },
    }
    await deps.kube.create(`/api/v1/namespaces/${ns}/pods`, pod)
    const before = await read('Pod', 'noted')
    await cluster.kubectl(['annotate', 'pod', 'noted', '-n', ns, 'theirs=stays'])
    await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED, { pointer: '/spec/containers/0' })]), deps)
    expect((await read('Pod', 'noted')).metadata.annotations).toMatchObject({ theirs: 'stays' })
  })

  test('carried out again finds it done and writes nothing', async () => {
    const before = await workload('Deployment', 'again')
    const plan = rewritePlan(before, [change(BROKEN, MENDED)])
    await rewriteImage(plan, deps)
    const { generation } = (await read('Deployment', 'again')).metadata
    expect(await rewriteImage(plan, deps)).toEqual({ kind: 'AlreadyDone' })
    expect((await read('Deployment', 'again')).metadata.generation).toBe(generation)
  })

  test('is not written if it was stopped while the dry run was on its way', async () => {
    const before = await workload('Deployment', 'stopped')
    const outcome = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), {
      ...deps,
      isStillPlanned: () => Promise.resolve(false),
    })
    expect(outcome).toMatchObject({
      kind: 'Stale',
      why: expect.stringContaining('was stopped, excluded or changed meanwhile') as string,
    })
    expect((await read('Deployment', 'stopped')).metadata.resourceVersion).toBe(before.metadata.resourceVersion)
  })

  test('that is undone gives the original back and leaves no trace', async () => {
    const before = await workload('Deployment', 'undone')
    await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), deps)
    const mended = await read('Deployment', 'undone')
    const outcome = await rewriteImage(rewritePlan(mended, [change(MENDED, BROKEN)]), deps)
    const after = await read('Deployment', 'undone')
    expect(outcome.kind).toBe('Done')
    expect(images(after)).toEqual([BROKEN, SIDECAR.image])
    expect(after.metadata.annotations).not.toHaveProperty([ORIGINAL])
  })

  test('after a rewrite keeps the very first original', async () => {
    const before = await workload('Deployment', 'twice')
    await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), deps)
    await rewriteImage(rewritePlan(await read('Deployment', 'twice'), [change(MENDED, 'example.com/third:1')]), deps)
    const { metadata } = await read('Deployment', 'twice')
    expect(metadata.annotations?.[ORIGINAL]).toBe(JSON.stringify({ coredns: BROKEN }))
  })
})

describe('nothing is written', () => {
  test('where someone else edited the image meanwhile', async () => {
    const before = await workload('Deployment', 'edited')
    await cluster.kubectl(['set', 'image', 'deployment/edited', '-n', ns, 'coredns=example.com/theirs:2'])
    const outcome = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), deps)
    expect(outcome).toEqual({ kind: 'Stale', why: 'Deployment edited was edited by someone else in the meantime' })
    const after = await read('Deployment', 'edited')
    expect(images(after)).toEqual(['example.com/theirs:2', SIDECAR.image])
    expect(after.metadata.annotations).not.toHaveProperty([ORIGINAL])
  })

  test('where one of two containers was edited meanwhile', async () => {
    const before = await workload('Deployment', 'half')
    await cluster.kubectl(['set', 'image', 'deployment/half', '-n', ns, 'sidecar=example.com/theirs:2'])
    const second = change(SIDECAR.image, 'example.com/ours:2', {
      container: 'sidecar',
      pointer: '/spec/template/spec/containers/1',
    })
    const outcome = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED), second]), deps)
    expect(outcome.kind).toBe('Stale')
    expect(images(await read('Deployment', 'half'))).toEqual([BROKEN, 'example.com/theirs:2'])
  })

  test('to a namesake that was made after the workload was deleted', async () => {
    const before = await workload('Deployment', 'namesake')
    await cluster.kubectl(['delete', 'deployment', 'namesake', '-n', ns])
    await workload('Deployment', 'namesake')
    expect(await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), deps)).toMatchObject({ kind: 'Stale' })
    expect(images(await read('Deployment', 'namesake'))).toEqual([BROKEN, SIDECAR.image])
  })

  test('to a workload that is gone', async () => {
    const before = await workload('Deployment', 'gone')
    await cluster.kubectl(['delete', 'deployment', 'gone', '-n', ns])
    const outcome = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), deps)
    expect(outcome).toEqual({ kind: 'Stale', why: 'Deployment gone is gone' })
  })

  test('without the right to, and the missing right is named', async () => {
    const before = await workload('Deployment', 'denied')
    const nobody = await depsOf(await cluster.plane.userKubeconfig('nobody'))
    const outcome = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), nobody)
    expect(outcome).toMatchObject({ kind: 'Refused', missingRight: `patch deployments.apps in namespace ${ns}` })
    expect(images(await read('Deployment', 'denied'))).toEqual([BROKEN, SIDECAR.image])
  })

  test('to a template when its pods may not be deleted afterwards', async () => {
    const before = await workload('StatefulSet', 'halfway', { replicas: 1, serviceName: 'halfway' })
    const pod = await eventually(() => cluster.get<Pod>('pod', 'halfway-0', '-n', ns))
    const kubeconfig = await cluster.plane.userKubeconfig('editor')
    await cluster.kubectl([
      'create',
      'role',
      'editor',
      '-n',
      ns,
      '--verb=get,patch',
      '--resource=statefulsets.apps,pods',
    ])
    await cluster.kubectl(['create', 'rolebinding', 'editor', '-n', ns, '--role=editor', '--user=editor'])
    const plan = rewritePlan(before, [change(BROKEN, MENDED)], [asGone(pod)])
    const outcome = await rewriteImage(plan, await depsOf(kubeconfig))
    expect(outcome).toMatchObject({ kind: 'Refused', missingRight: `delete pods in namespace ${ns}` })
    expect(images(await read('StatefulSet', 'halfway'))).toEqual([BROKEN, SIDECAR.image])
  })

  test('that admission denies', async () => {
    await cluster.applyYaml(
      policyAgainst(
        'denied-by-policy',
        "!object.spec.template.spec.containers.exists(c, c.image.contains('/public/'))",
      ),
    )
    const before = await workload('Deployment', 'denied-by-policy')
    const outcome = await eventually(async () => {
      const result = await rewriteImage(rewritePlan(before, [change(BROKEN, 'harbor.od.com/public/x:1')]), {
        ...deps,
        kube: {
          ...deps.kube,
          patch: (path, body, options) => deps.kube.patch(path, body, { ...options, dryRun: true }),
        },
      })
      expect(result.kind).toBe('Refused')
      return result
    })
    expect(outcome).toMatchObject({ why: expect.stringContaining('only approved images') as string })
    expect(images(await read('Deployment', 'denied-by-policy'))).toEqual([BROKEN, SIDECAR.image])
  })

  // Admission policies that change objects have version v1 from Kubernetes 1.36 on.
  test.skipIf(testKubernetes() === '1.32')('that admission would change on the way', async () => {
    await cluster.applyYaml(mutationOf('mirrored', 'mirror.example.com/other:1'))
    const before = await workload('Deployment', 'mirrored')
    const outcome = await eventually(async () => {
      const rehearsed = {
        ...deps.kube,
        patch: <T>(path: string, body: unknown, options: Parameters<ActDeps['kube']['patch']>[2]) =>
          deps.kube.patch<T>(path, body, { ...options, dryRun: true }),
      }
      const result = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), { ...deps, kube: rehearsed })
      expect(result.kind).toBe('Refused')
      return result
    })
    expect(outcome).toMatchObject({
      why: expect.stringContaining('came back with image "mirror.example.com/other:1"') as string,
    })
    expect(images(await read('Deployment', 'mirrored'))).toEqual([BROKEN, SIDECAR.image])
  })
})

test("a StatefulSet's broken pod is replaced by one of the new revision", async () => {
  const before = await workload('StatefulSet', 'ordered', { replicas: 2, serviceName: 'ordered' })
  const pod = await eventually(() => cluster.get<Pod>('pod', 'ordered-0', '-n', ns))
  const outcome = await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)], [asGone(pod)]), deps)
  expect(outcome).toMatchObject({
    kind: 'Done',
    wrote: [{ verb: 'patched' }, { verb: 'deleted', ref: { name: 'ordered-0' } }],
  })
  await eventually(async () => {
    const replacement = await cluster.get<Templated>('pod', 'ordered-0', '-n', ns)
    expect(replacement.metadata.uid).not.toBe(pod.metadata.uid)
    expect(images(replacement)).toEqual([MENDED, SIDECAR.image])
  })
})

test('after a crash between the patch and the deletion only the pods are deleted', async () => {
  const before = await workload('StatefulSet', 'crashed', { replicas: 1, serviceName: 'crashed' })
  const pod = await eventually(() => cluster.get<Pod>('pod', 'crashed-0', '-n', ns))
  await rewriteImage(rewritePlan(before, [change(BROKEN, MENDED)]), deps)
  const { generation } = (await read('StatefulSet', 'crashed')).metadata
  const resumed = change(MENDED, MENDED, { from: BROKEN })
  const outcome = await rewriteImage(rewritePlan(await read('StatefulSet', 'crashed'), [resumed], [asGone(pod)]), deps)
  expect(outcome).toMatchObject({ kind: 'Done', wrote: [{ verb: 'deleted' }] })
  expect((await read('StatefulSet', 'crashed')).metadata.generation).toBe(generation)
})

const policyAgainst = (name: string, expression: string): string =>
  [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['apps'],
              apiVersions: ['v1'],
              operations: ['UPDATE'],
              resources: ['deployments'],
              resourceNames: [name],
            },
          ],
        },
        validations: [{ expression, message: 'only approved images' }],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ]
    .map((object) => JSON.stringify(object))
    .join('\n---\n')

const mutationOf = (name: string, image: string): string =>
  [
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['apps'],
              apiVersions: ['v1'],
              operations: ['UPDATE'],
              resources: ['deployments'],
              resourceNames: [name],
            },
          ],
        },
        failurePolicy: 'Fail',
        reinvocationPolicy: 'Never',
        mutations: [
          {
            patchType: 'JSONPatch',
            jsonPatch: {
              expression: `[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "${image}"}]`,
            },
          },
        ],
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name },
    },
  ]
    .map((object) => JSON.stringify(object))
    .join('\n---\n')
