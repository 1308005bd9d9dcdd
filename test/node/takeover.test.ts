import { expect, test } from 'vitest'
import type { Pod } from '../../src/model/kubernetes.ts'
import { eventually } from '../../testbed/fixture.ts'
import { seeing, wellNode, wipedNode } from '../agent/fake-agent.ts'
import { OPERATOR, useNodeFixture } from './fixture.ts'
import { chainGone, FAST_PATIENCE } from './messages.ts'

const fixture = useNodeFixture({ runs: false, args: ['--leader-elect=false'] })

const policy = (label: string, spec: object = {}): Promise<void> =>
  fixture.policy(label, {
    match: { causes: ['IptablesChainMissing'], failingFor: '0s', nodeSelector: { matchLabels: { test: label } } },
    actions: [{ type: 'RestartRuntime', timeout: '1m' }],
    limits: { maxUnhealthyNodes: '100%' },
    ...spec,
  })

const stuckOn = async (node: string): Promise<Pod> => {
  const pod = await fixture.stuck({ namespace: await fixture.cluster.namespace(), node })
  await fixture.says(pod, 'FailedCreatePodSandBox', chainGone())
  return pod
}

test('a controller that was not there when the pods failed finds the incident of their node', async () => {
  const node = await fixture.node({ test: 'late' })
  fixture.agents.nodes.set(node, seeing(wellNode))
  await policy('late')
  await stuckOn(node)
  await stuckOn(node)
  const controller = await fixture.start()
  const { status } = await fixture.record(node, { phase: 'Held' })
  expect(status?.failingPods).toBe(2)
  await controller.kill('SIGTERM')
})

test('a record of a node that is held is closed by another controller when its pods recovered meanwhile', async () => {
  const node = await fixture.node({ test: 'handed' })
  fixture.agents.nodes.set(node, seeing(wellNode))
  await policy('handed')
  const first = await fixture.start()
  const pod = await stuckOn(node)
  await fixture.record(node, { phase: 'Held' })
  await first.kill('SIGKILL')
  await fixture.runs(pod)
  const second = await fixture.start()
  const { status } = await fixture.record(node, { phase: 'Cancelled' }, { timeoutMs: 60_000, everyMs: 200 })
  expect(status?.reason).toBe('Recovered')
  await second.kill('SIGTERM')
})

test('a restart requested before the controller died is verified by its successor, and not requested again', async () => {
  const node = await fixture.node({ test: 'died' })
  let carriesOut = false
  const look = seeing(wipedNode)
  const done = seeing(wellNode)
  fixture.agents.nodes.set(node, (task) => {
    if (task.spec.verb === 'Inspect') return look(task)
    return carriesOut ? done(task) : undefined
  })
  await policy('died')
  const first = await fixture.start()
  const pod = await stuckOn(node)
  await fixture.record(node, { phase: 'Verifying' })
  await first.kill('SIGKILL')
  carriesOut = true
  await fixture.runs(pod)
  const second = await fixture.start()
  await fixture.record(node, { phase: 'Succeeded' }, { timeoutMs: 60_000, everyMs: 200 })
  const tasks = fixture.agents.tasks.filter(({ spec }) => spec.nodeName === node && spec.verb === 'RestartRuntime')
  expect(tasks).toHaveLength(1)
  await second.kill('SIGTERM')
})

test('a record about a node in a foreign namespace is not a record of that node', async () => {
  const node = await fixture.node({ test: 'forged' })
  fixture.agents.nodes.set(node, seeing(wellNode))
  await policy('forged')
  const { metadata } = await fixture.cluster.get<Pod>('node', node)
  const theirs = await fixture.cluster.namespace('theirs')
  const forged = {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'Remediation',
    metadata: { name: 'forged', namespace: theirs, labels: { 'podmend.io/area': 'IptablesChainMissing' } },
    spec: {
      policy: { name: 'forged', uid: 'u', generation: 1 },
      cause: 'IptablesChainMissing',
      target: { apiVersion: 'v1', kind: 'Node', name: node, uid: metadata.uid },
      templateHash: 'node',
    },
  }
  await fixture.cluster.applyYaml(JSON.stringify(forged))
  const controller = await fixture.start()
  await stuckOn(node)
  const own = await eventually(async () => {
    const found = (await fixture.recordsOf(node)).filter((record) => record.metadata.namespace === OPERATOR)
    if (found[0]?.status?.phase !== 'Held') throw new Error(`there are ${found.length} records of our own`)
    return found
  }, FAST_PATIENCE)
  expect(own).toHaveLength(1)
  const left = (await fixture.recordsOf(node)).find((record) => record.metadata.namespace === theirs)
  expect(left?.status).toBeUndefined()
  await controller.kill('SIGTERM')
})

test('without the right to watch nodes everything else continues, and node causes are held and name the right', async () => {
  const read = ['get', 'clusterrole', 'podmend-observe', '-o', 'json']
  interface Role {
    rules: { resources: string[]; verbs: string[] }[]
  }
  const role = JSON.parse(await fixture.cluster.kubectl(read)) as Role
  const rules = role.rules.map((rule) => (rule.resources.includes('nodes') ? { ...rule, verbs: ['get'] } : rule))
  await fixture.cluster.applyYaml(JSON.stringify({ ...role, rules }))
  const node = await fixture.node({ test: 'blind' })
  fixture.agents.nodes.set(node, seeing(wipedNode))
  await policy('blind')
  const controller = await fixture.start()
  await stuckOn(node)
  const { status } = await fixture.record(node, { phase: 'Held' }, { timeoutMs: 60_000, everyMs: 200 })
  expect(status?.message).toContain('the right to list and watch nodes is missing')
  const ready = await fetch(`http://127.0.0.1:${controller.port}/readyz`)
  expect(ready.status).toBe(200)
  await controller.kill('SIGTERM')
})
