/** The first incident in the other shapes that workloads have. */
import assert from 'node:assert/strict'
import { barePod, BROKEN, daemonSet, deployment, pullSecret, statefulSet } from '../objects.ts'
import { NEW, OLD } from '../registries.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const LABELS = 'app=web'
const FIXED = `${NEW}/web:1`

interface Shape {
  readonly name: string
  readonly title: string
  /** Applies the broken workload. */
  readonly apply: (fixture: Fixture) => Promise<unknown>
  readonly pods: number
  /** Checks more, once it runs and its record has succeeded. */
  readonly check?: (fixture: Fixture) => Promise<void>
}

const imagesOf = async ({ pods }: Fixture): Promise<readonly string[]> =>
  (await pods(LABELS)).flatMap(({ spec }) =>
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ image = '' }) => image),
  )

const shape = ({ name, title, apply, pods, check }: Shape): Scenario => ({
  name: `a-${name}`,
  title,
  run: async (fixture) => {
    await fixture.policy()
    await apply(fixture)
    await fixture.running(pods, LABELS)
    await fixture.record({ phase: 'Succeeded' })
    const images = await imagesOf(fixture)
    assert.ok(
      images.every((image) => !image.startsWith(`${OLD}/`)),
      images.join(' '),
    )
    await check?.(fixture)
  },
})

const toTeam: Scenario = {
  name: 'a-private-target',
  title: "a target in a private project is verified and pulled with the pod's own pull secret",
  run: async ({ namespace, policy, apply, running, record, pods }) => {
    await apply(pullSecret(namespace))
    await policy({
      actions: [{ type: 'RewriteImage', rewriteImage: { rules: [{ from: `${OLD}/`, to: 'harbor.od.com/team/' }] } }],
    })
    await apply(deployment(namespace, { podSpec: { imagePullSecrets: [{ name: 'pull' }] } }))
    await running(1, LABELS)
    await record({ phase: 'Succeeded' })
    assert.equal((await pods(LABELS))[0]?.spec?.containers?.[0]?.image, 'harbor.od.com/team/web:1')
  },
}

const shapes: readonly Shape[] = [
  {
    name: 'statefulset',
    title: 'a StatefulSet of three in order: the broken pod is replaced, the others follow',
    apply: ({ namespace, apply }) => apply(statefulSet(namespace)),
    pods: 3,
  },
  {
    name: 'daemonset',
    title: 'a DaemonSet runs on both workers, with one record for all its pods',
    apply: ({ namespace, apply }) => apply(daemonSet(namespace)),
    pods: 2,
  },
  {
    name: 'bare-pod',
    title: 'a bare pod has its image changed in place and is never deleted',
    apply: ({ namespace, apply }) => apply(barePod(namespace)),
    pods: 1,
  },
  {
    name: 'init-container',
    title: 'an init container is rewritten like any other',
    apply: ({ namespace, apply }) =>
      apply(
        deployment(namespace, {
          podSpec: {
            // Restarted always: a sidecar, since what these images run does not end by itself.
            initContainers: [{ name: 'first', image: BROKEN, restartPolicy: 'Always' }],
            containers: [{ name: 'web', image: `${NEW}/side:1` }],
          },
        }),
      ),
    pods: 1,
  },
  {
    name: 'two-containers',
    title: 'two failing containers of one pod are repaired together',
    apply: ({ namespace, apply }) =>
      apply(
        deployment(namespace, {
          podSpec: {
            containers: [
              { name: 'web', image: BROKEN },
              { name: 'side', image: `${OLD}/side:1` },
            ],
          },
        }),
      ),
    pods: 1,
  },
  {
    name: 'several-platforms',
    title: 'a target that is an index of several platforms is accepted if it has the platform of the nodes',
    apply: ({ namespace, apply }) => apply(deployment(namespace, { image: `${OLD}/several-platforms:1` })),
    pods: 1,
    check: async (fixture) => assert.deepEqual(await imagesOf(fixture), [`${NEW}/several-platforms:1`]),
  },
  {
    name: 'three-replicas',
    title: 'three failing pods of one Deployment are one incident and one write',
    apply: ({ namespace, apply }) => apply(deployment(namespace, { replicas: 3 })),
    pods: 3,
    check: async (fixture) => assert.deepEqual(new Set(await imagesOf(fixture)), new Set([FIXED])),
  },
]

export const scenarios: readonly Scenario[] = [...shapes.map(shape), toTeam]
