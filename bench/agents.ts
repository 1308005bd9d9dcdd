/** P10: what idle node agents cost; each has a node, a pod and that pod's own token. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../src/kube/client.ts'
import { pathOf } from '../src/kube/paths.ts'
import { markAudit } from './audit.ts'
import type { BenchCluster } from './cluster.ts'
import { type Contender, type Launch, startContender } from './contenders.ts'
import { nodeAgent } from './launches.ts'
import { type Memory, memoryOf } from './memory.ts'
import type { P10 } from './results.ts'
import { quantile } from './statistics.ts'

const NAMESPACE = 'podmend-system'
const ACCOUNT = 'podmend-agent'
const USER = `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`
/** The unit in which Linux reports CPU time, whatever its timer frequency: time(7). */
const TICKS_PER_SECOND = 100

const RULES = [
  { apiGroups: ['podmend.io'], resources: ['nodetasks'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['podmend.io'], resources: ['nodetasks/status'], verbs: ['patch'] },
]

const makeRights = async (client: KubeClient): Promise<void> => {
  const metadata = { name: ACCOUNT, namespace: NAMESPACE }
  await client.create(pathOf({ kind: 'ServiceAccount', namespace: NAMESPACE }), { metadata })
  await client.create(pathOf({ kind: 'Role', namespace: NAMESPACE }), { metadata, rules: RULES })
  await client.create(pathOf({ kind: 'RoleBinding', namespace: NAMESPACE }), {
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: ACCOUNT },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }],
  })
}

/** Creates the folder that a kubelet would mount into an agent's pod on this node; returns its path. */
const makeAccountFolder = async ({ loader, plane }: BenchCluster, nodeName: string): Promise<string> => {
  const name = `agent-${nodeName}`
  await loader.create(pathOf({ kind: 'Pod', namespace: NAMESPACE }), {
    metadata: { name },
    spec: { serviceAccountName: ACCOUNT, nodeName, containers: [{ name: 'agent', image: 'agent' }] },
  })
  const path = pathOf({ kind: 'ServiceAccount', namespace: NAMESPACE, name: ACCOUNT, subresource: 'token' })
  const { status } = await loader.create<{ status: { token: string } }>(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3_600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name } },
  })
  const folder = join(plane.directory, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'token'), status.token, { mode: 0o600 })
  writeFileSync(join(folder, 'namespace'), NAMESPACE)
  writeFileSync(join(folder, 'ca.crt'), readFileSync(plane.caFile))
  return folder
}

/** CPU seconds since the start of the process, user and system. */
const cpuSecondsOf = async (pid: number): Promise<number> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name of the program, in parentheses, may contain spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

interface Rest {
  /** How many agents, each on a node of its own. */
  readonly count: number
  readonly stabilizationMs: number
  readonly restMs: number
}

/** Starts the agents, leaves them idle, and reads their memory, CPU time and requests. */
export const restOf = async (cluster: BenchCluster, { count, stabilizationMs, restMs }: Rest): Promise<P10> => {
  await makeRights(cluster.loader)
  const { hostname, port } = new URL(cluster.plane.url)
  const launches: Launch[] = []
  for (let index = 0; index < count; index += 1) {
    launches.push(
      nodeAgent({ accountFolder: await makeAccountFolder(cluster, cluster.nodeOf(index)), host: hostname, port }),
    )
  }
  const agents: Contender[] = []
  try {
    for (const launch of launches) agents.push(await startContender(launch))
    await sleep(stabilizationMs)
    const audit = await markAudit(cluster.plane.auditLog)
    const cpu = () => Promise.all(agents.map(({ pid }) => cpuSecondsOf(pid)))
    const [from, before] = [performance.now(), await cpu()]
    await sleep(restMs)
    const after = await cpu()
    const seconds = (performance.now() - from) / 1_000
    const memories = await Promise.all(agents.map(({ pid }) => memoryOf(pid)))
    const requests = await audit.requests([USER])
    const median = (pick: (memory: Memory) => number): number => quantile(memories.map(pick), 0.5)
    const hours = (agents.length * seconds) / 3_600
    return {
      agents: agents.length,
      seconds,
      memory: { resident: median((each) => each.resident), anonymous: median((each) => each.anonymous) },
      milliCpu: quantile(
        after.map((each, i) => ((each - (before[i] ?? 0)) / seconds) * 1_000),
        0.5,
      ),
      watchesAnHour: requests.filter(({ verb }) => verb === 'watch').length / hours,
      othersAnHour: requests.filter(({ verb }) => verb !== 'watch').length / hours,
    }
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()))
  }
}
