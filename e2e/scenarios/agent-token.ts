/** What a stolen token of an agent can do with the chart as it is installed: next to nothing. */
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { createTask, FINAL, finishedTask } from '../node-tasks.ts'
import { nodeNamed } from '../nodes.ts'
import { AGENT_SELECTOR, NAMESPACE } from '../operator.ts'
import type { Fixture, Scenario } from '../scenario.ts'

interface Cluster {
  readonly server: string
  readonly 'certificate-authority-data': string
}

interface Thief {
  /** One request of the token's bearer: the status code and what the API server says. */
  ask(method: string, path: string, body?: object): Promise<{ readonly code: number; readonly says: string }>
}

const thiefWith = (token: string, { server, 'certificate-authority-data': ca }: Cluster): Thief => ({
  ask: (method, path, body) =>
    new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
      const headers = { authorization: `Bearer ${token}`, 'content-type': type }
      const asked = request(`${server}${path}`, { method, ca: Buffer.from(ca, 'base64'), headers }, (response) => {
        let says = ''
        response.setEncoding('utf8').on('data', (text: string) => {
          says += text
        })
        response.on('end', () => resolve({ code: response.statusCode ?? 0, says }))
      })
      asked.once('error', reject)
      asked.end(body && JSON.stringify(body))
    }),
})

/** The token of the agent's pod on this node, as whoever gets onto the node can read it. */
const stolenToken = async (fixture: Fixture, node: string): Promise<string> => {
  const pod = (await fixture.pods(AGENT_SELECTOR, NAMESPACE)).find(({ spec }) => spec?.nodeName === node)
  const path = `/var/lib/kubelet/pods/${pod?.metadata.uid}/volumes/kubernetes.io~projected`
  return (await fixture.cluster.exec(node, ['sh', '-c', `cat ${path}/*/token`])).trim()
}

const TASKS = `/apis/podmend.io/v1alpha1/namespaces/${NAMESPACE}/nodetasks`
/** The refusal names the phase that the task already has. */
const COMPLETED = /\((?:Succeeded|Failed)\)/
const DONE = { status: { phase: 'Succeeded', reason: 'Done', message: 'says the thief' } }

/** Until a task has a status, the bearer of the token can write it before the agent does. Tells who was first. */
const lieFirst = async (fixture: Fixture, thief: Thief, node: string, lie: object): Promise<string> => {
  const name = `${fixture.namespace}-open`
  await createTask(fixture, { name, node, verb: 'Inspect' })
  const { code, says } = await thief.ask('PATCH', `${TASKS}/${name}/status`, lie)
  // The agent may have been quicker; its status then stays.
  if (code === 403) {
    assert.match(says, COMPLETED)
    return '(the agent was quicker)'
  }
  assert.equal(code, 200, says)
  const { status } = await finishedTask(fixture, name, FINAL)
  assert.equal(status?.message, 'says the thief', 'the first status stays')
  return '(tried: the false status stays)'
}

const stolen: Scenario = {
  name: 'agent-token',
  title: "an agent's stolen token allows only reading tasks and writing a false status to open tasks of its own node",
  core: true,
  run: async (fixture) => {
    const { cluster, namespace, kubectl, note } = fixture
    const [node = '', other = ''] = cluster.workers
    const [{ cluster: api }] = (
      JSON.parse(await kubectl(['config', 'view', '--raw', '-o', 'json'])) as {
        clusters: [{ cluster: Cluster }]
      }
    ).clusters
    const thief = thiefWith(await stolenToken(fixture, node), api)
    const [mine, theirs] = [`${namespace}-mine`, `${namespace}-theirs`]
    for (const [name, where] of [
      [mine, node],
      [theirs, other],
    ] as const) {
      await createTask(fixture, { name, node: where, verb: 'Inspect' })
      await finishedTask(fixture, name, FINAL)
    }
    const { uid } = (await nodeNamed(fixture, node)).metadata
    const task = (where: string): object => ({
      apiVersion: 'podmend.io/v1alpha1',
      kind: 'NodeTask',
      metadata: { name: `${namespace}-forged`, namespace: where },
      spec: { nodeName: node, nodeUid: uid, verb: 'Inspect', deadline: new Date(Date.now() + 60_000).toISOString() },
    })
    const tries: readonly (readonly [what: string, method: string, path: string, body?: object])[] = [
      ["write the status of another node's task", 'PATCH', `${TASKS}/${theirs}/status`, DONE],
      ['create a task', 'POST', TASKS, task(NAMESPACE)],
      ['create one in another namespace', 'POST', TASKS.replace(NAMESPACE, namespace), task(namespace)],
      ['change the node of a task', 'PATCH', `${TASKS}/${mine}`, { spec: { nodeName: other } }],
      ['label a task', 'PATCH', `${TASKS}/${mine}`, { metadata: { labels: { a: 'b' } } }],
      ['delete a task', 'DELETE', `${TASKS}/${mine}`],
      ['read tasks in another namespace', 'GET', TASKS.replace(NAMESPACE, namespace)],
      ['read secrets', 'GET', `/api/v1/namespaces/${NAMESPACE}/secrets`],
      ['read pods', 'GET', '/api/v1/pods'],
      [
        'make a pod',
        'POST',
        `/api/v1/namespaces/${NAMESPACE}/pods`,
        { metadata: { name: 'x' }, spec: { containers: [] } },
      ],
      ['read nodes', 'GET', '/api/v1/nodes'],
      ['taint its node', 'PATCH', `/api/v1/nodes/${node}`, { spec: { unschedulable: true } }],
      ['write a record', 'POST', `/apis/podmend.io/v1alpha1/namespaces/${NAMESPACE}/remediations`, {}],
      ['write a policy', 'POST', '/apis/podmend.io/v1alpha1/remediationpolicies', {}],
      ['take the lease', 'PATCH', `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/podmend`, {}],
      ['get another token', 'POST', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/podmend-controller/token`, {}],
    ]
    for (const [what, ...asked] of tries) {
      const { code, says } = await thief.ask(...asked)
      assert.equal(code, 403, `${what}: ${code} ${says}`)
    }
    const readable = await thief.ask('GET', TASKS)
    assert.equal(readable.code, 200)
    assert.ok(readable.says.includes(theirs), 'it can read the tasks of every node')
    const lie = { status: { phase: 'Failed', reason: 'Error', message: 'says the thief' } }
    const late = await thief.ask('PATCH', `${TASKS}/${mine}/status`, lie)
    assert.equal(late.code, 403, late.says)
    assert.match(late.says, COMPLETED)
    const early = await lieFirst(fixture, thief, node, lie)
    note(`${tries.length + 1} attempts refused; possible: reading tasks, and a false status for its own node ${early}`)

    const unbound = await kubectl(['create', 'token', 'podmend-agent', '-n', NAMESPACE])
    const nowhere = await thiefWith(unbound.trim(), api).ask('PATCH', `${TASKS}/${mine}/status`, DONE)
    assert.equal(nowhere.code, 403, nowhere.says)
    assert.match(nowhere.says, /authentication\.kubernetes\.io\/node-name/)
  },
}

export const scenarios: readonly Scenario[] = [stolen]
