import { beforeAll, expect, test } from 'vitest'
import type { Simulation } from '../../src/cli/simulate/text.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { applyPolicy, BROKEN, brokenDeployment, deploymentIn, install, policyYaml, REPAIRED } from './fixture.ts'
import { runMend } from './run-mend.ts'

const cluster = useControlPlane()
beforeAll(() => install(cluster))

const mend = (args: readonly string[], input: string) =>
  runMend(['simulate', '-f', '-', '--ask-registry=false', ...args], {
    input,
    environment: { KUBECONFIG: cluster.plane.kubeconfig },
  })

const simulate = async (args: readonly string[], input: string): Promise<Simulation & { readonly status: number }> => {
  const { status, out, err } = await mend([...args, '-o', 'json'], input)
  expect(err).toBe('')
  return { ...(JSON.parse(out) as Simulation), status }
}

test('a good policy is simulated beside a bad one, which gets its sentences', async () => {
  const namespace = await cluster.namespace()
  await brokenDeployment(cluster, namespace)
  const before = await deploymentIn(cluster, namespace)
  const bad = policyYaml('bad').replace('ProjectNotFound', 'ProjectNotFond')
  const found = await simulate(['-n', namespace], `${policyYaml('good', { namespace })}\n---\n${bad}\n---\n{oops`)
  expect(found.status).toBe(1)
  expect(found.policies.map(({ name, ok }) => [name, ok])).toEqual([
    ['good', true],
    ['bad', false],
    ['', false],
  ])
  expect(found.policies[1]?.sentences.join('\n')).toContain('"ProjectNotFond" is not a known value')
  expect(found.incidents).toHaveLength(1)
  expect(found.incidents[0]).toMatchObject({
    decision: { policy: 'good', reason: 'ObserveOnly' },
    ifEnforced: { verdict: 'Act', diff: expect.stringContaining(`- image: ${BROKEN}\n+ image: ${REPAIRED}`) },
  })
  expect((await deploymentIn(cluster, namespace)).metadata.generation).toBe(before.metadata.generation)
  expect(await cluster.get('rempol')).toMatchObject({ items: [] })
})

test('a policy of a file takes the place of its namesake, and --only leaves the others out', async () => {
  const namespace = await cluster.namespace()
  await brokenDeployment(cluster, namespace)
  await applyPolicy(cluster, 'a-first', { namespace, mode: 'Enforce' })
  await applyPolicy(cluster, 'named', { namespace })
  try {
    const beside = await simulate(['-n', namespace], policyYaml('named', { namespace, mode: 'Enforce' }))
    expect(beside.others).toEqual(['a-first'])
    expect(beside.incidents[0]?.decision).toMatchObject({ verdict: 'Act', policy: 'a-first' })
    const alone = await simulate(['-n', namespace, '--only'], policyYaml('named', { namespace, mode: 'Enforce' }))
    expect(alone.others).toEqual([])
    expect(alone.incidents[0]?.decision).toMatchObject({ verdict: 'Act', policy: 'named' })
  } finally {
    await cluster.kubectl(['delete', 'rempol', 'a-first', 'named'])
  }
})

test('what the limits would not let through now is held', async () => {
  const namespaces = [await cluster.namespace('one'), await cluster.namespace('two')]
  for (const namespace of namespaces) await brokenDeployment(cluster, namespace)
  const policy = policyYaml('limited', { mode: 'Enforce', limits: { maxConcurrent: 1 } })
  const { incidents } = await simulate(['-A'], policy)
  const fates = incidents
    .filter(({ target }) => namespaces.includes(target.namespace ?? ''))
    .map(({ decision }) => [decision.verdict, decision.reason])
  expect(fates.filter(([verdict]) => verdict === 'Act').length).toBeLessThanOrEqual(1)
  expect(incidents.filter(({ decision }) => decision.verdict === 'Act')).toHaveLength(1)
  expect(fates).toContainEqual(['Hold', 'BudgetSpent'])
})

test('as text it says what would be done, and that nothing was', async () => {
  const namespace = await cluster.namespace()
  await brokenDeployment(cluster, namespace)
  const { status, out } = await mend(['-n', namespace], policyYaml('good', { namespace }))
  expect(status).toBe(0)
  expect(out).toContain('policy good would observe; in mode Enforce it would act: RewriteImage')
  expect(out).toContain('Nothing was written.')
})

test.each([
  [['simulate'], 'no file given; expected -f FILE'],
  [['simulate', '-f', '-', '-f', '-'], '-f - is given twice'],
  [['simulate', '-f', '-', '-n', 'a', '-A'], 'both --namespace and --all-namespaces'],
  [['simulate', 'policy.yaml'], 'found the argument "policy.yaml"; pass files with -f'],
])('mend %j is refused with one sentence', async (args, sentence) => {
  const { status, err } = await runMend(args)
  expect([status, err]).toEqual([2, expect.stringContaining(sentence)])
})
