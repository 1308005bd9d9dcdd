/** What `doctor` says of the agents on nodes. The DaemonSet's numbers are those of the DaemonSet controller. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Check } from '../../src/cli/doctor/check.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { ROOT } from '../api/manifests.ts'
import { install, restrictedUser } from './fixture.ts'
import { runMend } from './run-mend.ts'

const cluster = useControlPlane()
const NAMESPACE = 'podmend-system'
const PODS = `kubectl -n ${NAMESPACE} get pods -l app.kubernetes.io/component=agent -o wide`
const ALONE = 'no agent is installed on the nodes: node failures are explained at most'

/** So that each action helps with one of them. */
const CAUSES = ['IptablesChainMissing', 'SandboxStale', 'MountHelperMissing']

const doctor = async (kubeconfig = cluster.plane.kubeconfig): Promise<ReadonlyMap<string, Check>> => {
  const { out, err } = await runMend(['doctor', '-o', 'json'], { environment: { KUBECONFIG: kubeconfig } })
  expect(err).toBe('')
  const { checks } = JSON.parse(out) as { readonly checks: readonly Check[] }
  return new Map(checks.filter(({ check }) => check.startsWith('node ')).map((check) => [check.check, check]))
}

const apply = (object: object): Promise<string> => cluster.applyYaml(JSON.stringify(object))

const applyPolicy = (name: string, mode: string, types: readonly string[]): Promise<string> =>
  apply({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name },
    spec: { mode, match: { causes: CAUSES }, actions: types.map((type) => ({ type })) },
  })

const labels = { 'app.kubernetes.io/component': 'agent' }

/** As the chart has it, as far as the API server must be told. */
const applyDaemonSet = (): Promise<string> =>
  apply({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'podmend-agent', namespace: NAMESPACE, labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { agent: 'wanted' },
          tolerations: [{ operator: 'Exists' }],
          containers: [{ name: 'agent', image: 'agent' }],
        },
      },
    },
  })

const label = (node: string): Promise<string> => cluster.kubectl(['label', 'node', node, 'agent=wanted'])

const patchStatus = (kind: string, name: string, status: object): Promise<string> =>
  cluster.kubectl([
    'patch',
    kind,
    name,
    '-n',
    NAMESPACE,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ])

/** Reports the agent's pods as ready, as kubelets do; answers how many there are. */
const readyPods = async (): Promise<number> => {
  const { items } = await cluster.get<{ items: { metadata: { name: string } }[] }>('pods', '-n', NAMESPACE)
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }]
  await Promise.all(items.map(({ metadata }) => patchStatus('pod', metadata.name, { phase: 'Running', conditions })))
  return items.length
}

const order = (name: string, nodeName: string, minutes: number, more: object = {}): Promise<string> => {
  const deadline = new Date(Date.now() + minutes * 60_000).toISOString()
  const spec = { nodeName, nodeUid: 'some-uid', verb: 'Inspect', deadline, ...more }
  return apply({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'NodeTask',
    metadata: { name, namespace: NAMESPACE },
    spec,
  })
}

/** The objects of the chart's template without labels, which do not matter here. */
const admissionPolicy = async (): Promise<string> => {
  const template = await readFile(join(ROOT, 'charts/podmend/templates/agent/node-task-policy.yaml'), 'utf8')
  return template.replace(/^ +labels:\n +\{\{-.*\}\}\n/gm, '').replaceAll('{{ .Release.Namespace }}', NAMESPACE)
}

/** Checks until one says what is awaited: controllers take a moment. */
const comesToSay = (check: string, state: Check['state'], words: RegExp): Promise<Check | undefined> =>
  eventually(
    async () => {
      const found = (await doctor()).get(check)
      expect(found).toMatchObject({ state, message: expect.stringMatching(words) })
      return found
    },
    { timeoutMs: 30_000, everyMs: 200 },
  )

beforeAll(() => install(cluster), 60_000)

test('without an agent, one line says so, and it is no warning', async () => {
  await applyPolicy('looking', 'Observe', ['RestartRuntime'])
  await applyPolicy('of-pods', 'Enforce', ['RecyclePod'])
  expect([...(await doctor()).values()]).toEqual([{ check: 'node agent', state: 'ok', message: ALONE }])
})

test('without an agent, policies that would act on nodes are named with the actions', async () => {
  await applyPolicy('flagging', 'Approve', ['FlagNode', 'InstallMountHelper'])
  const warned = async () => [...(await doctor()).values()]
  const message = 'no agent is installed on the nodes, but policy flagging needs one for FlagNode, InstallMountHelper'
  expect(await warned()).toEqual([
    { check: 'node agent', state: 'warn', message, todo: expect.stringContaining('agent.enabled=true') },
  ])
  await applyPolicy('restarting', 'Enforce', ['RecycleSandbox', 'RestartRuntime', 'FlagNode'])
  expect((await warned())[0]?.message).toMatch(
    /, but policies flagging, restarting need one for RecycleSandbox, RestartRuntime, FlagNode, InstallMountHelper$/,
  )
  await cluster.kubectl(['delete', 'rempol', 'flagging', 'restarting'])
  expect((await warned())[0]?.message).toBe(ALONE)
})

test('a user without rights sees which are missing, and nothing is guessed', async () => {
  const checks = await doctor(await restrictedUser(cluster, 'default', 'few', []))
  expect([...checks.keys()]).toEqual(['node agent', 'node task status'])
  expect(checks.get('node agent')).toMatchObject({
    state: 'warn',
    message: expect.stringMatching(/^not allowed to get daemonsets\.apps in namespace podmend-system/),
    todo: 'ask an administrator for this right',
  })
  expect(checks.get('node task status')).toMatchObject({
    state: 'warn',
    message: expect.stringMatching(/^not allowed to list nodetasks\.podmend\.io/),
  })
})

test('with agents, their numbers are shown, and what to check if one is not ready', async () => {
  await applyDaemonSet()
  await comesToSay('node agent', 'warn', /nodeSelector matches no node/)
  await comesToSay(
    'node agent settings',
    'warn',
    /^policy of-pods acts on .* without --chains, --docker-config, --system-bus/,
  )
  await label('node-1')
  await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-2', labels: { agent: 'wanted' } } })
  expect((await comesToSay('node agent', 'warn', /^0 of 2 ready/))?.todo).toBe(PODS)
  await eventually(async () => expect(await readyPods()).toBe(2))
  await comesToSay('node agent', 'ok', /^2 of 2 ready$/)
  await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-3', labels: { agent: 'wanted' } } })
  await comesToSay('node agent', 'warn', /^2 of 3 ready/)
})

test('tasks past their deadline without a status name their nodes; current and completed ones do not', async () => {
  await order('waits', 'node-1', 5)
  await order('just-now', 'node-1', 0)
  await order('answered', 'node-1', -5)
  await patchStatus('nodetask', 'answered', { phase: 'Refused', reason: 'DeadlinePassed' })
  expect((await doctor()).get('node task status')).toEqual({
    check: 'node task status',
    state: 'ok',
    message: 'no task is past its deadline',
  })
  await order('old', 'node-2', -5)
  expect((await doctor()).get('node task status')).toEqual({
    check: 'node task status',
    state: 'warn',
    message: 'the agent on node node-2 does not respond: Inspect past the deadline',
    todo: PODS,
  })
  const restart = { verb: 'RestartRuntime', restartRuntime: { runtime: 'docker', reason: 'ChainMissing' } }
  await order('begun', 'node-7', -5, restart)
  await patchStatus('nodetask', 'begun', { phase: 'Running', reason: 'Accepted' })
  for (const number of [3, 4, 5, 6]) await order(`old-${number}`, `node-${number}`, -5)
  expect((await doctor()).get('node task status')?.message).toBe(
    'the agents on nodes node-2, node-3, node-4, node-5, node-6 and 1 more do not respond: ' +
      'Inspect, RestartRuntime past the deadline',
  )
})

test('agents without the admission policy fail the check, and agents with it pass', async () => {
  expect((await doctor()).get('node tasks')).toMatchObject({
    state: 'fail',
    message: expect.stringMatching(
      /^ValidatingAdmissionPolicy podmend-node-task is absent: anyone who may write NodeTasks/,
    ),
  })
  await cluster.applyYaml(await admissionPolicy())
  expect((await doctor()).get('node tasks')).toMatchObject({ state: 'ok' })
  await cluster.kubectl(['delete', 'validatingadmissionpolicybinding', 'podmend-node-task'])
  expect((await doctor()).get('node tasks')).toMatchObject({
    state: 'fail',
    message: expect.stringMatching(/Binding podmend-node-task is absent, so the policy has no effect/),
  })
  const rights = [
    { apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['get'] },
    { apiGroups: ['podmend.io'], resources: ['nodetasks'], verbs: ['list'] },
  ]
  const checks = await doctor(await restrictedUser(cluster, NAMESPACE, 'looker', rights))
  expect([...checks.values()].map(({ check, state }) => [check, state])).toEqual([
    ['node agent', 'warn'],
    ['node tasks', 'warn'],
    ['node task status', 'warn'],
  ])
  expect(checks.get('node tasks')?.message).toMatch(/^not allowed to get validatingadmissionpolic/)
})

test('agents without the NodeTask CRD fail the check', async () => {
  await cluster.kubectl(['delete', 'crd', 'nodetasks.podmend.io'])
  await comesToSay('node tasks', 'fail', /^kind NodeTask is not served/)
  expect((await doctor()).has('node task status')).toBe(false)
})
