/** An intent that a crash left behind: what people changed meanwhile counts, not what was intended. */
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type CrashPoint, startProxy } from '../../testbed/api-proxy.ts'
import { eventually } from '../../testbed/fixture.ts'
import { NEW, OLD, PATIENTLY, useFixture } from '../repair/fixture.ts'
import { deployment } from '../repair/objects.ts'

const fixture = useFixture({ runs: false })

/** The patch itself: a dry run has another query. */
const PATCH = /^PATCH .*\/deployments\/web\?fieldManager/
const RULES = { rules: [{ from: `${OLD}/`, to: `${NEW}/` }] }
const ELSEWHERE = { rules: [{ from: `${OLD}/web`, to: `${NEW}/lasting` }] }
const rewriting = (rewriteImage: object) => [{ type: 'RewriteImage', timeout: '1m', rewriteImage }]

const imageOf = async (namespace: string): Promise<string | undefined> =>
  (await fixture.workload('Deployment', namespace)).spec?.template?.spec?.containers?.[0]?.image

/** The controller is killed at its patch; people change something; another one starts. */
const crashed = async (
  when: CrashPoint['when'],
  meanwhile: (namespace: string) => Promise<unknown>,
  clockAheadMs = 0,
) => {
  const proxy = await startProxy(fixture.kubeconfig)
  const options = { kubeconfig: proxy.kubeconfig, args: ['--identity', 'crashes'], clockAheadMs }
  const first = await fixture.start(options)
  const namespace = await fixture.cluster.namespace('intent')
  proxy.arm({ at: 1, matching: PATCH, when, crash: () => process.kill(first.pid, 'SIGKILL') })
  await fixture.policy(namespace, { actions: rewriting(RULES), limits: { maxConcurrent: 1 } })
  await fixture.apply(deployment(namespace))
  await first.exited
  const [record] = await fixture.records(namespace)
  expect(record?.status?.steps).toMatchObject([{ state: 'Intended' }])
  await meanwhile(namespace)
  const second = await fixture.start(options)
  return {
    namespace,
    close: async () => {
      await second.kill('SIGKILL')
      await proxy.close()
    },
  }
}

test('a rule that was corrected since is the one that is carried out, in one attempt', async () => {
  const { namespace, close } = await crashed('before', (name) =>
    fixture.policy(name, { actions: rewriting(ELSEWHERE) }),
  )
  try {
    const { status } = await fixture.record(namespace, { phase: 'Succeeded' })
    expect(status?.attempts).toHaveLength(1)
    expect(await imageOf(namespace)).toBe(`${NEW}/lasting:1`)
    expect(fixture.writes(namespace)).toHaveLength(1)
  } finally {
    await close()
  }
})

test('a policy that was deleted since is not carried out', async () => {
  const { namespace, close } = await crashed('before', (name) => fixture.cluster.kubectl(['delete', 'rempol', name]))
  try {
    const { status } = await fixture.record(namespace, { phase: 'Cancelled', reason: 'NoPolicy' })
    expect(status?.attempts ?? []).toEqual([])
    expect(await imageOf(namespace)).toBe(`${OLD}/web:1`)
    expect(fixture.writes(namespace)).toEqual([])
  } finally {
    await close()
  }
})

const HOUR = 3_600_000

/** As by a person who replaces the whole object with a file: no annotation of ours is left. */
const changeBack = async (namespace: string): Promise<unknown> => {
  // The times in managedFields are whole seconds.
  await setTimeout(2_500)
  await fixture.cluster.kubectl(['annotate', 'deployment/web', 'podmend.io/original-image-', '-n', namespace])
  return fixture.cluster.kubectl(['set', 'image', 'deployment/web', `web=${OLD}/web:1`, '-n', namespace])
}

test.each([
  ['right', 0],
  ['an hour ahead', HOUR],
  ['an hour behind', -HOUR],
])('a person who changed it back while no controller ran is not fought, with a clock that is %s', async (_, ahead) => {
  const { namespace, close } = await crashed('after', changeBack, ahead)
  try {
    await eventually(async () => {
      const reasons = (await fixture.records(namespace)).map(({ status }) => `${status?.phase} ${status?.reason}`)
      expect(reasons).toContain('Held EditReverted')
    }, PATIENTLY)
    expect(await imageOf(namespace)).toBe(`${OLD}/web:1`)
    expect(fixture.writes(namespace)).toHaveLength(1)
  } finally {
    await close()
  }
})

test('what was not written is written, with a clock that is an hour behind the API server’s', async () => {
  const { namespace, close } = await crashed('before', () => Promise.resolve(), -HOUR)
  try {
    await eventually(async () => expect(await imageOf(namespace)).toBe(`${NEW}/web:1`), PATIENTLY)
    expect((await fixture.records(namespace)).map(({ status }) => status?.reason)).not.toContain('EditReverted')
    expect(fixture.writes(namespace)).toHaveLength(1)
  } finally {
    await close()
  }
})

test('a step that a person stopped does not keep others waiting, and goes on when it is allowed again', async () => {
  const annotate = (namespace: string, text: string) =>
    fixture.cluster.kubectl(['annotate', '--overwrite', 'deployment/web', `podmend.io/exclude${text}`, '-n', namespace])
  const { namespace, close } = await crashed('before', (name) => annotate(name, '=true'))
  const recordOf = async (name: string, wanted: string) =>
    eventually(async () => {
      const [record] = (await fixture.records(namespace)).filter(({ spec }) => spec.target.name === name)
      expect(`${record?.status?.phase} ${record?.status?.reason}`).toBe(wanted)
      return record
    }, PATIENTLY)
  try {
    const held = await recordOf('web', 'Held OptedOut')
    expect(held?.status?.steps).toMatchObject([{ state: 'Intended' }])
    expect(held?.status?.message).toMatch(/^started but not written: /)
    // The policy allows one remediation at once.
    await fixture.apply(deployment(namespace, { name: 'other' }))
    await recordOf('other', 'Succeeded Repaired')
    expect(await imageOf(namespace)).toBe(`${OLD}/web:1`)
    await annotate(namespace, '-')
    const done = await recordOf('web', 'Succeeded Repaired')
    expect(done?.status?.attempts).toEqual(held?.status?.attempts)
    expect(fixture.writes(namespace)).toHaveLength(2)
  } finally {
    await close()
  }
})
