/** What kubectl recorded of a cluster is explained and simulated on as the cluster itself was. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Overview } from '../../src/cli/explain/explain-all.ts'
import type { Simulation } from '../../src/cli/simulate/text.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { brokenDeployment, install, policyYaml } from './fixture.ts'
import { runMend } from './run-mend.ts'

const cluster = useControlPlane()
const folder = mkdtempSync(join(tmpdir(), 'recorded-'))
let namespace: string

beforeAll(async () => {
  await install(cluster)
  namespace = await cluster.namespace()
  await brokenDeployment(cluster, namespace)
})
afterAll(() => rmSync(folder, { recursive: true }))

const record = async (kinds: string, name: string): Promise<string> => {
  const file = join(folder, name)
  writeFileSync(file, await cluster.kubectl(['get', kinds, '-A', '-o', 'json']))
  return file
}

/** Without a cluster: whatever is not in the files is not known. */
const mend = (args: readonly string[], input = '') => runMend(args, { input, environment: { KUBECONFIG: '/nowhere' } })

const simulateOn = async (files: readonly string[]): Promise<Simulation> => {
  const recorded = files.flatMap((file) => ['--recorded', file])
  const args = ['simulate', '-f', '-', '-n', namespace, '--ask-registry=false', ...recorded, '-o', 'json']
  const { status, out, err } = await mend(args, policyYaml('good', { namespace }))
  expect([status, err]).toEqual([0, ''])
  return JSON.parse(out) as Simulation
}

test('a recording of enough is simulated on as the cluster is', async () => {
  const files = [
    await record('pods,events,nodes', 'pods.json'),
    await record('deployments,replicasets,namespaces,remediationpolicies,remediations', 'owners.json'),
  ]
  const found = await simulateOn(files)
  const live = await runMend(['simulate', '-f', '-', '-n', namespace, '--ask-registry=false', '-o', 'json'], {
    input: policyYaml('good', { namespace }),
    environment: { KUBECONFIG: cluster.plane.kubeconfig },
  })
  const { incidents } = JSON.parse(live.out) as Simulation
  expect(found.incidents).toHaveLength(1)
  expect(
    found.incidents.map(({ target, cause, ifEnforced }) => [target, cause, ifEnforced?.verdict, ifEnforced?.diff]),
  ).toEqual(incidents.map(({ target, cause, ifEnforced }) => [target, cause, ifEnforced?.verdict, ifEnforced?.diff]))

  const { status, out } = await mend([
    'explain',
    '--all',
    '--ask-registry=false',
    ...files.flatMap((file) => ['--recorded', file]),
    '-o',
    'json',
  ])
  expect(status).toBe(0)
  expect((JSON.parse(out) as Overview).incidents.map(({ target }) => target.namespace)).toContain(namespace)
})

test('of pods, events and nodes alone it is said what is missing', async () => {
  const found = await simulateOn([await record('pods,events,nodes', 'few.json')])
  expect(found.incidents).toMatchObject([{ cause: 'ProjectNotFound', pods: [{ node: 'node-1' }] }])
  expect(found.notes.join('\n')).toMatch(
    /the recording contains no .*replicasets\.apps.*: what depends on them is unknown/,
  )
})

test.each<readonly [string, string, RegExp]>([
  ['no JSON', '{oops', /cannot be read as a recording/],
  ['something else', '{"a":1}', /contains no Kubernetes objects; expected the output of kubectl get/],
  ['nothing', '{"kind":"List","items":[]}', /the recording contains no objects/],
])('a file with %s gets a sentence', async (name, text, words) => {
  const file = join(folder, `${name}.json`)
  writeFileSync(file, text)
  const { status, err } = await mend(['explain', '--all', '--recorded', file])
  expect([status, err]).toEqual([1, expect.stringMatching(words)])
})
