/** P10: what idle node agents cost; each has a node, a pod and that pod's own token. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../src/kube/client.ts'
import { pathOf } from '../src/kube/paths.ts'
import { markAudit, meanAskedSeconds } from './audit.ts'
import type { BenchCluster } from './cluster.ts'
import { type Contender, type Launch, startContender } from './contenders.ts'
import { nodeAgent } from './launches.ts'
import { type Memory, memoryOf } from './memory.ts'
import type { P10 } from './results.ts'
import { makeAccountFolder } from './service-account.ts'
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
    const nodeName = cluster.nodeOf(index)
    const pod = { name: `agent-${nodeName}`, namespace: NAMESPACE, serviceAccount: ACCOUNT, nodeName }
    const accountFolder = await makeAccountFolder({ client: cluster.loader, plane: cluster.plane }, pod)
    launches.push(nodeAgent({ accountFolder, host: hostname, port }))
  }
  const sinceStart = await markAudit(cluster.plane.auditLog)
  const agents: Contender[] = []
  try {
    for (const launch of launches) agents.push(await startContender(launch))
    await sleep(stabilizationMs)
    const cpu = () => Promise.all(agents.map(({ pid }) => cpuSecondsOf(pid)))
    const atRest = await markAudit(cluster.plane.auditLog)
    const [from, before] = [performance.now(), await cpu()]
    await sleep(restMs)
    const after = await cpu()
    const seconds = (performance.now() - from) / 1_000
    const memories = await Promise.all(agents.map(({ pid }) => memoryOf(pid)))
    const requests = await atRest.requests([USER])
    // The audit log has a watch when it has ended.
    await Promise.all(agents.map((agent) => agent.stop()))
    await sleep(1_000)
    const watches = (await sinceStart.requests([USER])).filter(({ verb }) => verb === 'watch')
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
      watchesAnHour: 3_600 / meanAskedSeconds(watches),
      othersAnHour: requests.filter(({ verb }) => verb !== 'watch').length / hours,
    }
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()))
  }
}
