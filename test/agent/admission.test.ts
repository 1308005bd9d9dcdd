/** What a stolen token of an agent cannot do, by the API server's own word; and what it still can. */
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { beforeAll, describe, expect, test } from 'vitest'
import { AGENT_ACCOUNT } from '../../src/model/names.ts'
import { eventually } from '../../testbed/fixture.ts'
import { admissionYaml, NODE_TASK } from '../chart/admission.ts'
import { inMinutes, NAMESPACE, useAgents } from './fixture.ts'

const fixture = useAgents()
const ELSEWHERE = 'elsewhere'
const AGENT = `${NAMESPACE}/${AGENT_ACCOUNT}`

const taskFor = (name: string, nodeName: string, nodeUid: string, more: object = {}, namespace = NAMESPACE): string =>
  JSON.stringify({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'NodeTask',
    metadata: { name, namespace },
    spec: { nodeName, nodeUid, verb: 'Inspect', deadline: inMinutes(5), ...more },
  })

const RESTART = { verb: 'RestartRuntime', restartRuntime: { runtime: 'docker', reason: 'ChainMissing' } }

/** A kubeconfig that speaks with a bearer token. */
const withToken = (token: string) => (args: readonly string[], input?: string) =>
  fixture.cluster.kubectl(
    [
      '--kubeconfig=/dev/null',
      `--server=${fixture.cluster.plane.url}`,
      `--certificate-authority=${fixture.cluster.plane.caFile}`,
      `--token=${token}`,
      ...args,
    ],
    {
      ...(input !== undefined && { input }),
    },
  )

const DONE = { phase: 'Succeeded', reason: 'Done', message: 'looked' }

/** One PATCH of a status: kubectl would read it first, which an agent has no right to. Throws what the API server says. */
const respondAs = async (token: string, name: string, body: object = { status: DONE }): Promise<string> => {
  const ca = await readFile(fixture.cluster.plane.caFile)
  const url = `${fixture.cluster.plane.url}/apis/podmend.io/v1alpha1/namespaces/${NAMESPACE}/nodetasks/${name}/status`
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' }
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'PATCH', ca, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))))
    })
    asked.once('error', reject)
    asked.end(JSON.stringify(body))
  })
}

const answer = (name: string): string[] => [
  'patch',
  'ntask',
  name,
  '-n',
  NAMESPACE,
  '--subresource=status',
  '--type=merge',
  '-p',
  JSON.stringify({ status: DONE }),
]

const asController = (yaml: string): Promise<string> =>
  fixture.cluster.kubectl(
    ['create', '-f', '-', '--as=system:serviceaccount:podmend-system:podmend-controller', '--as-group=system:masters'],
    { input: yaml },
  )

const uids: Record<string, string> = {}
let tokenA = ''
let agentA: ReturnType<typeof withToken>

beforeAll(async () => {
  for (const name of ['a', 'b']) uids[name] = (await fixture.node(name)).uid
  tokenA = await fixture.token('a')
  agentA = withToken(tokenA)
  await fixture.cluster.applyYaml(await admissionYaml(NODE_TASK))
  await fixture.cluster.kubectl(['create', 'namespace', ELSEWHERE])
  // In force as soon as an administrator's order is refused.
  await eventually(
    async () => {
      const output = await fixture.cluster
        .kubectl(['create', '--dry-run=server', '-f', '-'], { input: taskFor('probe', 'a', uids['a'] ?? '') })
        .catch(String)
      if (!output.includes('only the controller')) throw new Error(`not in force yet: ${output}`)
    },
    { timeoutMs: 60_000, everyMs: 200 },
  )
  for (const [name, node] of [
    ['for-a', 'a'],
    ['for-b', 'b'],
    ['for-a-too', 'a'],
  ] as const) {
    await asController(taskFor(name, node, uids[node] ?? ''))
  }
  await asController(taskFor('for-another-a', 'a', 'uid-of-before'))
}, 180_000)

describe('the token of the agent on node a', () => {
  test('writes the status of a task for node a', async () => {
    expect(await respondAs(tokenA, 'for-a')).toContain('looked')
  })

  test('reads all tasks, which contain no secret', async () => {
    const { items } = JSON.parse(await agentA(['get', 'ntask', '-n', NAMESPACE, '-o', 'json'])) as { items: unknown[] }
    expect(items.length).toBeGreaterThanOrEqual(4)
  })

  test('refuses a task for an earlier node of the same name, and cannot report anything else on it', async () => {
    await expect(respondAs(tokenA, 'for-another-a')).rejects.toThrow('the agent can only refuse it')
    const refused = { phase: 'Refused', reason: 'OtherNode', message: 'not me' }
    expect(await respondAs(tokenA, 'for-another-a', { status: refused })).toContain('not me')
  })

  type Attempt = readonly [string, readonly string[], string, (string | (() => string))?]
  const attempts: readonly Attempt[] = [
    [
      'creates a task',
      ['create', '-f', '-'],
      'cannot create resource "nodetasks"',
      () => taskFor('mine', 'a', uids['a'] ?? '', RESTART),
    ],
    [
      'creates a task in a namespace of its own',
      ['create', '-f', '-'],
      'cannot create resource "nodetasks"',
      () => taskFor('mine', 'a', uids['a'] ?? '', RESTART, ELSEWHERE),
    ],
    ['deletes a task', ['delete', 'ntask', 'for-a', '-n', NAMESPACE], 'cannot delete resource "nodetasks"'],
    [
      'changes the node of a task',
      ['patch', 'ntask', 'for-b', '-n', NAMESPACE, '--type=merge', '-p', '{"spec":{"nodeName":"a"}}'],
      'cannot patch resource "nodetasks"',
    ],
    ['labels a task', ['label', 'ntask', 'for-a', '-n', NAMESPACE, 'x=y'], 'cannot patch resource "nodetasks"'],
    ['reads the node', ['get', 'node', 'a'], 'cannot get resource "nodes"'],
    ['flags the node', ['label', 'node', 'a', 'x=y'], 'cannot get resource "nodes"'],
    ['reads secrets', ['get', 'secrets', '-n', NAMESPACE], 'cannot list resource "secrets"'],
    ['reads pods', ['get', 'pods', '-n', NAMESPACE], 'cannot list resource "pods"'],
    ['reads what is repaired', ['get', 'remediations', '-A'], 'cannot list resource "remediations"'],
    [
      'writes what may be done',
      ['create', '-f', '-'],
      'cannot create resource "remediationpolicies"',
      JSON.stringify({
        apiVersion: 'podmend.io/v1alpha1',
        kind: 'RemediationPolicy',
        metadata: { name: 'mine' },
        spec: { match: { causes: ['Unauthorized'] }, actions: [{ type: 'RecyclePod' }] },
      }),
    ],
    [
      'makes a token of another',
      ['create', 'token', 'podmend-controller', '-n', NAMESPACE],
      'cannot create resource "serviceaccounts/token"',
    ],
  ]
  test.each(attempts.map((row) => ({ what: row[0], row })))(
    '$what: refused',
    async ({ row: [, args, words, input] }) => {
      const text = typeof input === 'function' ? input() : input
      await expect(agentA(args, text)).rejects.toThrow(words)
    },
  )

  const stands = 'the task is finished already'
  test.each<[string, object]>([
    ['says another thing of', { status: { phase: 'Failed', reason: 'Error', message: 'it was not so' } }],
    ['changes the message of', { status: { message: 'it was not so' } }],
    ['restarts', { status: { phase: 'Running', reason: 'Accepted' } }],
    ['takes back what it said of', { status: null }],
    ['takes the phase back of', { status: { phase: null } }],
    ['adds what it saw to', { status: { before: { bootId: 'another' } } }],
  ])('%s an order that it answered already: refused', async (_, body) => {
    await expect(respondAs(tokenA, 'for-a', body)).rejects.toThrow(stands)
    expect((await fixture.task('for-a')).status).toMatchObject(DONE)
  })

  test('repeats the status of a completed task: nothing changes', async () => {
    expect(await respondAs(tokenA, 'for-a')).toContain('looked')
  })

  test('writes its intent, and later its answer', async () => {
    await asController(taskFor('begun-by-a', 'a', uids['a'] ?? ''))
    await respondAs(tokenA, 'begun-by-a', { status: { phase: 'Running', reason: 'Accepted' } })
    await respondAs(tokenA, 'begun-by-a', { status: { phase: 'Running', before: { bootId: 'another' } } })
    expect(await respondAs(tokenA, 'begun-by-a')).toContain('looked')
    await expect(respondAs(tokenA, 'begun-by-a', { status: { message: 'no' } })).rejects.toThrow(stands)
  })

  test('writes the status of a task for node b: refused', async () => {
    await expect(respondAs(tokenA, 'for-b')).rejects.toThrow(
      'the agent on node a cannot write the status of a task of node b',
    )
  })

  test('cannot change more than the answer by way of the answer', async () => {
    await respondAs(tokenA, 'for-a-too', {
      metadata: {
        labels: { x: 'y' },
        finalizers: ['x.io/y'],
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'a', uid: uids['a'] }],
      },
      spec: { nodeName: 'b' },
      status: { phase: 'Failed', reason: 'Error', message: 'tried' },
    })
    const { metadata, spec, status } = await fixture.task('for-a-too')
    expect({
      labels: metadata.labels,
      finalizers: (metadata as { finalizers?: unknown }).finalizers,
      owners: metadata.ownerReferences,
      node: spec.nodeName,
    }).toEqual({
      labels: undefined,
      finalizers: undefined,
      owners: undefined,
      node: 'a',
    })
    expect(status?.message).toBe('tried')
  })
})

describe('everybody else', () => {
  test('a token of the agent that is bound to no pod answers nothing', async () => {
    const token = (await fixture.cluster.kubectl(['create', 'token', 'podmend-agent', '-n', NAMESPACE])).trim()
    await expect(respondAs(token, 'for-a')).rejects.toThrow('this token names no node')
  })

  test('the account of that name in another namespace may nothing', async () => {
    await fixture.cluster.kubectl(['create', 'serviceaccount', 'podmend-agent', '-n', ELSEWHERE])
    const token = (await fixture.cluster.kubectl(['create', 'token', 'podmend-agent', '-n', ELSEWHERE])).trim()
    const stranger = withToken(token)
    await expect(stranger(['get', 'ntask', '-n', NAMESPACE])).rejects.toThrow('cannot list resource "nodetasks"')
    await expect(stranger(answer('for-a'))).rejects.toThrow('cannot')
  })

  test('a user with edit rights in the namespace neither creates tasks nor writes their status', async () => {
    await expect(
      fixture.cluster.kubectl(['create', '-f', '-'], { input: taskFor('x', 'a', uids['a'] ?? '', RESTART) }),
    ).rejects.toThrow('only the controller (podmend-system/podmend-controller) may create NodeTasks')
    await expect(fixture.cluster.kubectl(answer('for-b'))).rejects.toThrow(
      'only the agent on node b may write the status',
    )
  })

  test('the controller creates tasks only in its own namespace', async () => {
    await expect(asController(taskFor('x', 'a', uids['a'] ?? '', {}, ELSEWHERE))).rejects.toThrow(
      'agents read NodeTasks only in namespace podmend-system',
    )
  })

  test('the controller does not write the status of a task', async () => {
    const as = ['--as=system:serviceaccount:podmend-system:podmend-controller', '--as-group=system:masters']
    await expect(fixture.cluster.kubectl([...answer('for-b'), ...as])).rejects.toThrow(
      'only the agent on node b may write the status',
    )
  })
})

describe('a task', () => {
  const spec = (more: object): string => taskFor('bad', 'a', 'uid', more)
  test.each([
    ['of a verb that is not on the list', spec({ verb: 'Reboot' }), 'Unsupported value: "Reboot"'],
    [
      'to restart a unit by name',
      spec({ ...RESTART, restartRuntime: { ...RESTART.restartRuntime, unit: 'ssh.service' } }),
      'unknown field "spec.restartRuntime.unit"',
    ],
    [
      'to restart another runtime',
      spec({ verb: 'RestartRuntime', restartRuntime: { runtime: 'ssh', reason: 'ChainMissing' } }),
      'Unsupported value: "ssh"',
    ],
    [
      'to restart without a reason',
      spec({ verb: 'RestartRuntime', restartRuntime: { runtime: 'docker' } }),
      'reason: Required value',
    ],
    ['to restart that says nothing of it', spec({ verb: 'RestartRuntime' }), 'restartRuntime must be set'],
    [
      'to inspect that would restart',
      spec({ restartRuntime: RESTART.restartRuntime }),
      'restartRuntime must be set with verb RestartRuntime, and only then',
    ],
    ['to recycle no pod', spec({ verb: 'RecycleSandbox' }), 'recycleSandbox must be set'],
    [
      'to recycle by a path',
      spec({ verb: 'RecycleSandbox', recycleSandbox: { podUid: '../../x' } }),
      'uid must be a uid',
    ],
    ['without a deadline', spec({ deadline: undefined }), 'deadline: Required value'],
    ['with a deadline that is none', spec({ deadline: 'soon' }), 'deadline'],
    ['with a script', spec({ script: 'rm -rf /' }), 'unknown field "spec.script"'],
  ])('%s is refused', async (_, yaml, words) => {
    await expect(asController(yaml)).rejects.toThrow(words)
  })

  test('cannot be changed by the controller either', async () => {
    const as = ['--as=system:serviceaccount:podmend-system:podmend-controller', '--as-group=system:masters']
    const patch = ['patch', 'ntask', 'for-b', '-n', NAMESPACE, '--type=merge', '-p', '{"spec":{"nodeName":"a"}}']
    await expect(fixture.cluster.kubectl([...patch, ...as])).rejects.toThrow('a task is immutable')
  })
})

test(`the account ${AGENT} holds these rights and no others`, async () => {
  const text = await fixture.cluster.kubectl([
    'auth',
    'can-i',
    '--list',
    '-n',
    NAMESPACE,
    '--as=system:serviceaccount:podmend-system:podmend-agent',
  ])
  // Everybody may ask who they are and what they may, and read the API's own description: paths, not resources.
  const ofEverybody = /^(Resources|selfsubject\w+\.\w+\.k8s\.io|\[\/)/
  const lines = text.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim())
  expect(lines.filter((line) => line !== '' && !ofEverybody.test(line)).toSorted()).toEqual([
    'nodetasks.podmend.io [] [] [get list watch]',
    'nodetasks.podmend.io/status [] [] [patch]',
  ])
})
