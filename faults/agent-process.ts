/** The agent as a process of its own, with the token of a pod on the run's node. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathOf } from '../src/kube/paths.ts'
import { eventually } from '../testbed/eventually.ts'
import { isConflict, type Place } from './cluster.ts'
import type { StartProgram } from './controllers.ts'

const ROOT = join(import.meta.dirname, '..')
const ACCOUNT = 'podmend-agent'

const RIGHTS = [
  { apiGroups: ['podmend.io'], resources: ['nodetasks'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['podmend.io'], resources: ['nodetasks/status'], verbs: ['patch'] },
]

/** The agent's account, its rights in the lane, and a pod of it on the node. */
const install = async ({ cluster, lane: { operator: namespace } }: Place, node: string): Promise<string> => {
  const metadata = { name: ACCOUNT, namespace }
  const group = 'rbac.authorization.k8s.io'
  const pod = `agent-${node}`
  const objects = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules: RIGHTS },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata,
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
      roleRef: { apiGroup: group, kind: 'Role', name: ACCOUNT },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod, namespace },
      spec: { serviceAccountName: ACCOUNT, nodeName: node, containers: [{ name: 'agent', image: 'agent' }] },
    },
  ]
  for (const object of objects) {
    const path = pathOf({ ...object, namespace })
    await cluster.api.call('POST', path, object).catch((cause: unknown) => {
      if (!isConflict(cause)) throw cause
    })
  }
  // The authorizer learns of new roles by a watch of its own; an agent that is refused waits for half a minute.
  const as = `--as=system:serviceaccount:${namespace}:${ACCOUNT}`
  await eventually(() => cluster.kubectl(['auth', 'can-i', 'watch', 'nodetasks.podmend.io', '-n', namespace, as]))
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=${pod}`]
  return (await cluster.kubectl(['create', 'token', ACCOUNT, '-n', namespace, ...bound])).trim()
}

/** What starts the agent of this node, and starts it again after it was killed. */
export const agentOf = async (place: Place, node: string, flags: readonly string[]): Promise<StartProgram> => {
  const token = await install(place, node)
  const directory = await mkdtemp(join(tmpdir(), 'podmend-agent-'))
  place.signal.addEventListener('abort', () => void rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'token'), token, { mode: 0o600 })
  await writeFile(join(directory, 'namespace'), place.lane.operator)
  await writeFile(join(directory, 'ca.crt'), await readFile(place.cluster.plane.caFile))
  return async ({ port }) => {
    const child = spawn(
      process.execPath,
      [
        '--import',
        join(ROOT, 'testbed/die-with-parent.ts'),
        place.cluster.agent,
        `--service-account-dir=${directory}`,
        `--namespace=${place.lane.operator}`,
        '--start-jitter=0',
        ...flags,
      ],
      {
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { PATH: process.env['PATH'], KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
      },
    )
    const logs: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => logs.push(line))
    const exited = new Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>((resolve) =>
      child.once('exit', (code, signal) => resolve({ code, signal })),
    )
    const ready = eventually(
      () => {
        if (!logs.some((line) => / ready|"ready"/.test(line))) throw new Error(`the agent is not ready: ${logs.join()}`)
      },
      { timeoutMs: 60_000, everyMs: 50 },
    )
    return {
      pid: child.pid ?? 0,
      exited,
      ready,
      lastLines: () => logs.slice(-4),
      kill: async () => {
        child.kill('SIGKILL')
        return exited
      },
    }
  }
}
