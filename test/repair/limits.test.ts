import { expect, test } from 'vitest'
import type { RemediationPolicy } from '../../src/api/kinds.ts'
import { eventually } from '../../testbed/fixture.ts'
import { NEW, OLD, PATIENTLY, useFixture } from './fixture.ts'
import { deployment } from './objects.ts'

const fixture = useFixture({ runs: false })

const imagesIn = async (namespace: string): Promise<(string | undefined)[]> => {
  const { items } = await fixture.cluster.get<{
    items: { spec: { template: { spec: { containers: { image?: string }[] } } } }[]
  }>('deployments', '-n', namespace)
  return items.map(({ spec }) => spec.template.spec.containers[0]?.image)
}

const phasesIn = async (namespace: string): Promise<string[]> =>
  (await fixture.records(namespace)).map(({ status }) => `${status?.phase} ${status?.reason}`).toSorted()

const conditionOf = (policy: RemediationPolicy, type: string) =>
  policy.status?.conditions?.find((condition) => condition.type === type)

test('failures that began while no controller ran are found when one starts', async () => {
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace))
  await eventually(async () => {
    const [pod] = await fixture.pods(namespace)
    expect(pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('ImagePullBackOff')
  })
  await fixture.cluster.kubectl(['delete', 'events', '--all', '-n', namespace])
  await fixture.start()
  await fixture.record(namespace, { phase: 'Succeeded' })
  expect(await imagesIn(namespace)).toEqual([`${NEW}/web:1`])
})

test('no more are in progress at once than the policy allows, however many break together', async () => {
  const namespace = await fixture.cluster.namespace()
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const name of names) await fixture.apply(deployment(namespace, { name }))
  await fixture.policy(namespace, { limits: { maxConcurrent: 2, maxPerHour: 100 } })
  await eventually(async () => expect(await phasesIn(namespace)).toEqual(names.map(() => 'Succeeded Repaired')), {
    ...PATIENTLY,
    timeoutMs: 90_000,
  })
  expect(
    fixture
      .writes(namespace)
      .map(({ object }) => object)
      .toSorted(),
  ).toEqual(names.map((name) => `${namespace}/${name}`))
  // From the intent to the end: at no instant more than two.
  const spans = (await fixture.records(namespace)).map(({ status }) => ({
    from: Date.parse(status?.startedAt ?? ''),
    to: Date.parse(status?.finishedAt ?? ''),
  }))
  const most = Math.max(...spans.map(({ from }) => spans.filter((span) => span.from <= from && from < span.to).length))
  expect(most).toBeLessThanOrEqual(2)
})

test('no more are started within the hour than the policy allows, also across a restart', async () => {
  const namespace = await fixture.cluster.namespace()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) await fixture.apply(deployment(namespace, { name }))
  await fixture.policy(namespace, { limits: { maxConcurrent: 3, maxPerHour: 3 } })
  const wanted = ['Held BudgetSpent', 'Held BudgetSpent', ...names.slice(2).map(() => 'Succeeded Repaired')]
  await eventually(async () => expect(await phasesIn(namespace)).toEqual(wanted), PATIENTLY)
  expect(fixture.writes(namespace)).toHaveLength(3)

  await eventually(async () => {
    const { status } = await fixture.cluster.get<RemediationPolicy>('rempol', namespace)
    expect(status?.attempts).toHaveLength(3)
  }, PATIENTLY)
  await fixture.controller.kill('SIGTERM')
  // The records that could remember are gone as well.
  await fixture.cluster.kubectl(['delete', 'rem', '--all', '-n', namespace])
  await fixture.start()
  await eventually(
    async () => expect(await phasesIn(namespace)).toEqual(['Held BudgetSpent', 'Held BudgetSpent']),
    PATIENTLY,
  )
  expect(fixture.writes(namespace)).toHaveLength(3)
})

test('a controller that receives SIGTERM exits and releases its lease', async () => {
  const { code } = await fixture.controller.kill('SIGTERM')
  expect(code).toBe(0)
  const lease = await fixture.cluster.get<{ spec: { holderIdentity?: string } }>(
    'lease',
    'podmend',
    '-n',
    'podmend-system',
  )
  expect(lease.spec.holderIdentity ?? '').toBe('')
  await fixture.start()
})

test('the operator’s own budget holds before any policy’s', async () => {
  await fixture.controller.kill('SIGTERM')
  await fixture.start({ args: ['--max-actions-per-hour', '0'] })
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace))
  await fixture.record(namespace, { phase: 'Held', reason: 'OperatorBudgetSpent' })
  expect(fixture.writes(namespace)).toEqual([])
  await fixture.controller.kill('SIGTERM')
  await fixture.start()
  await fixture.record(namespace, { phase: 'Succeeded' })
})

test('an invalid policy is reported, and a valid one beside it keeps working', async () => {
  const namespace = await fixture.cluster.namespace()
  const rules = [{ pattern: '(?=never)x', replace: 'y' }]
  await fixture.policy(namespace, { actions: [{ type: 'RewriteImage', rewriteImage: { rules } }] }, `${namespace}-bad`)
  await fixture.policy(namespace, {}, `${namespace}-good`)
  await fixture.apply(deployment(namespace))
  await fixture.record(namespace, { phase: 'Succeeded' })
  await eventually(async () => {
    const bad = conditionOf(await fixture.cluster.get<RemediationPolicy>('rempol', `${namespace}-bad`), 'Ready')
    expect(bad?.status).toBe('False')
    expect(bad?.message).toContain('(?=never)x')
    const good = conditionOf(await fixture.cluster.get<RemediationPolicy>('rempol', `${namespace}-good`), 'Ready')
    expect(good?.status).toBe('True')
  }, PATIENTLY)
})

test('policies that would rewrite an image in a circle are reported, and neither acts', async () => {
  const namespace = await fixture.cluster.namespace()
  const rewrite = (from: string, to: string) => ({
    actions: [{ type: 'RewriteImage', rewriteImage: { verify: 'Never', rules: [{ from, to }] } }],
  })
  await fixture.policy(namespace, rewrite(`${OLD}/`, 'harbor.od.com/other/'), `${namespace}-there`)
  await fixture.policy(namespace, rewrite('harbor.od.com/other/', `${OLD}/`), `${namespace}-back`)
  for (const name of [`${namespace}-there`, `${namespace}-back`]) {
    await eventually(async () => {
      const ready = conditionOf(await fixture.cluster.get<RemediationPolicy>('rempol', name), 'Ready')
      expect(ready?.status).toBe('False')
      expect(ready?.message).toContain(name.endsWith('there') ? `${namespace}-back` : `${namespace}-there`)
    }, PATIENTLY)
  }
  await fixture.apply(deployment(namespace))
  const source = await fixture.cluster.namespace()
  await fixture.policy(source)
  await fixture.apply(deployment(source))
  await fixture.record(source, { phase: 'Succeeded' })
  expect(fixture.writes(namespace)).toEqual([])
})

test('a right that is missing is named on the record, and what needs other rights goes on', async () => {
  await fixture.cluster.kubectl(['delete', 'clusterrolebinding', 'podmend-rewrite-image'])
  const namespace = await fixture.cluster.namespace()
  await fixture.policy(namespace)
  await fixture.apply(deployment(namespace))
  await eventually(async () => {
    const [record] = await fixture.records(namespace)
    expect(record?.status?.steps?.[0]?.state).toBe('Failed')
    // Still told in the pause that follows.
    expect(record?.status?.message).toContain(`missing right: patch deployments.apps in namespace ${namespace}`)
  }, PATIENTLY)
  expect(await imagesIn(namespace)).toEqual([`${OLD}/web:1`])

  const other = await fixture.cluster.namespace()
  await fixture.policy(other, { actions: [{ type: 'RecyclePod', timeout: '5s', recyclePod: {} }] })
  await fixture.apply(deployment(other))
  await eventually(() => {
    expect(fixture.writes(other).map(({ verb, resource }) => `${verb} ${resource}`)).toContain('delete pods')
  }, PATIENTLY)
})
