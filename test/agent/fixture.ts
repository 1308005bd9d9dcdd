/** The node agent as a process of its own, with the token of a pod on a node and a made-up host to look at. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll } from 'vitest'
import type { NodeTask } from '../../src/api/kinds.ts'
import { eventually, type TestCluster, useControlPlane } from '../../testbed/fixture.ts'
import { ROOT } from '../api/manifests.ts'

export const NAMESPACE = 'podmend-system'
const ACCOUNT = 'podmend-agent'

export interface Agent {
  readonly logs: readonly string[]
  /** Sends the signal and resolves with the exit code when the process is gone. */
  readonly kill: (signal: 'SIGKILL' | 'SIGTERM') => Promise<number | null>
}

export interface AgentFixture {
  readonly cluster: TestCluster
  /** A node, and the folder of the service account that an agent's pod there has. */
  readonly node: (name: string) => Promise<{ readonly uid: string; readonly tokenDir: string }>
  readonly token: (node: string) => Promise<string>
  /** A folder with the files of a host. */
  readonly host: (files: Readonly<Record<string, string>>) => Promise<string>
  readonly start: (node: string, args?: readonly string[]) => Promise<Agent>
  readonly order: (name: string, spec: Readonly<Record<string, unknown>>) => Promise<void>
  readonly task: (name: string) => Promise<NodeTask>
  /** The task, once it has its answer. */
  readonly answered: (name: string) => Promise<NodeTask>
}

const RIGHTS = [
  { apiGroups: ['podmend.io'], resources: ['nodetasks'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['podmend.io'], resources: ['nodetasks/status'], verbs: ['patch'] },
]

export const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString()

export const useAgents = (): AgentFixture => {
  const cluster = useControlPlane()
  const folders: string[] = []
  const running = new Set<Agent>()
  const nodes = new Map<string, { readonly uid: string; readonly tokenDir: string }>()
  let installed: Promise<void> | undefined

  afterAll(async () => {
    await Promise.all([...running].map((agent) => agent.kill('SIGKILL')))
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
  })

  const folder = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), 'podmend-agent-'))
    folders.push(path)
    return path
  }

  const install = (): Promise<void> =>
    (installed ??= (async () => {
      await cluster.kubectl(['apply', '-f', join(ROOT, 'crds')])
      await cluster.kubectl(['create', 'namespace', NAMESPACE])
      const meta = { name: ACCOUNT, namespace: NAMESPACE }
      const subjects = [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }]
      const objects = [
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta },
        { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: meta, rules: RIGHTS },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'RoleBinding',
          metadata: meta,
          subjects,
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: ACCOUNT },
        },
      ]
      await cluster.applyYaml(objects.map((object) => JSON.stringify(object)).join('\n---\n'))
      await eventually(() => cluster.kubectl(['get', 'nodetasks', '-A']), { timeoutMs: 30_000, everyMs: 100 })
    })())

  const token = (name: string): Promise<string> =>
    cluster
      .kubectl([
        'create',
        'token',
        ACCOUNT,
        '-n',
        NAMESPACE,
        '--bound-object-kind=Pod',
        `--bound-object-name=agent-${name}`,
      ])
      .then((text) => text.trim())

  const node = async (name: string) => {
    const before = nodes.get(name)
    if (before) return before
    await install()
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `agent-${name}`, namespace: NAMESPACE },
      spec: { serviceAccountName: ACCOUNT, nodeName: name, containers: [{ name: 'agent', image: 'agent' }] },
    }
    await cluster.applyYaml(JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name } }))
    await cluster.applyYaml(JSON.stringify(pod))
    const tokenDir = await folder()
    await writeFile(join(tokenDir, 'token'), await token(name))
    await writeFile(join(tokenDir, 'namespace'), NAMESPACE)
    await writeFile(join(tokenDir, 'ca.crt'), await readFile(cluster.plane.caFile))
    const { metadata } = await cluster.get<{ metadata: { uid: string } }>('node', name)
    const made = { uid: metadata.uid, tokenDir }
    nodes.set(name, made)
    return made
  }

  const start = async (name: string, args: readonly string[] = []): Promise<Agent> => {
    const { tokenDir } = await node(name)
    const { hostname, port } = new URL(cluster.plane.url)
    const child = spawn(
      process.execPath,
      [
        '--import',
        join(ROOT, 'testbed/die-with-parent.ts'),
        join(ROOT, 'src/agent.ts'),
        `--service-account-dir=${tokenDir}`,
        '--start-jitter=0',
        ...args,
      ],
      {
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { PATH: process.env['PATH'], KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
      },
    )
    const logs: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => logs.push(line))
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const agent: Agent = {
      logs,
      kill: async (signal) => {
        child.kill(signal)
        running.delete(agent)
        return exited
      },
    }
    running.add(agent)
    await eventually(
      () => {
        if (!logs.some((line) => line.includes('"ready"') || line.includes(' ready'))) throw new Error(logs.join('\n'))
      },
      { timeoutMs: 60_000, everyMs: 50 },
    )
    return agent
  }

  const task = (name: string): Promise<NodeTask> => cluster.get<NodeTask>('nodetask', name, '-n', NAMESPACE)

  return {
    cluster,
    node,
    token,
    start,
    task,
    host: async (files) => {
      const root = await folder()
      for (const [path, text] of Object.entries(files)) {
        await mkdir(join(root, path, '..'), { recursive: true })
        await writeFile(join(root, path), text)
      }
      return root
    },
    order: async (name, spec) => {
      const body = {
        apiVersion: 'podmend.io/v1alpha1',
        kind: 'NodeTask',
        metadata: { name, namespace: NAMESPACE },
        spec,
      }
      await cluster.applyYaml(JSON.stringify(body))
    },
    answered: (name) =>
      eventually(
        async () => {
          const found = await task(name)
          if (found.status?.finishedAt === undefined) throw new Error(`not answered: ${JSON.stringify(found.status)}`)
          return found
        },
        { timeoutMs: 60_000, everyMs: 50 },
      ),
  }
}
