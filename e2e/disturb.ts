/** Disturbs an operator (kills or stops it), and checks that it wrote nothing twice. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Pod } from '../src/model/kubernetes.ts'
import { writesIn } from '../testbed/audit.ts'
import { CONTROLLER_USER } from './operator.ts'
import type { Fixture } from './scenario.ts'

/** The operator's processes in a node, by the pod's uid, which is part of their cgroup's path in one of two spellings. */
const SIGNAL = `
for pid in $(pgrep -f /app/dist/controller.js); do
  if tr _ - </proc/$pid/cgroup | grep -q "$1"; then kill -"$2" "$pid" && sent=yes; fi
done
[ "$sent" = yes ]`

const signalOperator = async ({ cluster }: Fixture, { metadata, spec }: Pod, signal: string): Promise<void> => {
  await cluster.exec(spec?.nodeName ?? '', ['sh', '-c', SIGNAL, 'signal', metadata.uid, signal])
}

/** Ends the process of an operator's pod as a kernel would: at once. The kubelet starts it again. */
export const killOperator = (fixture: Fixture, pod: Pod): Promise<void> => signalOperator(fixture, pod, 'KILL')

export const wakeOperator = (fixture: Fixture, pod: Pod): Promise<void> => signalOperator(fixture, pod, 'CONT')

/** Stops the process of an operator's pod without ending it, as a machine that is paused does; it goes on after the scenario. */
export const freezeOperator = async (fixture: Fixture, pod: Pod): Promise<void> => {
  fixture.onEnd(() => wakeOperator(fixture, pod))
  await signalOperator(fixture, pod, 'STOP')
}

/** Ends the agent's process on a node at once. The kubelet starts it again. */
export const killAgent = async ({ cluster }: Fixture, node: string): Promise<void> => {
  await cluster.exec(node, ['pkill', '-KILL', '-f', '/app/dist/agent.js --namespace'])
}

export const leaderPod = ({ operator, eventually }: Fixture): Promise<Pod> =>
  eventually(async () => {
    const name = await operator.leader()
    const found = (await operator.pods()).find(({ metadata }) => metadata.name === name)
    if (!found) throw new Error(`no replica leads: the lease holds ${name}`)
    return found
  })

/** All replicas are ready again, so that the next scenario finds what it expects. */
export const allReady = ({ operator, eventually }: Fixture): Promise<void> =>
  eventually(async () => {
    const pods = await operator.pods()
    const ready = pods.filter(({ status }) =>
      (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    assert.equal(ready.length, 2, `${ready.length} of ${pods.length} replicas are ready`)
  })

/**
 * What one pod of the operator has written since a time (milliseconds since the epoch), by the name that the API server
 * itself reads from the pod's token; without its tries for the lease.
 */
export const writesOfPod = ({ cluster, auditedFrom }: Fixture, pod: Pod, since: number): readonly string[] => {
  const lines = readFileSync(cluster.auditLog).subarray(auditedFrom).toString().split('\n')
  const own = lines.filter((line) => {
    const received = /"requestReceivedTimestamp":"(?<at>[^"]+)"/.exec(line)?.groups?.['at'] ?? ''
    return line.includes(`pod-name":["${pod.metadata.name}"]`) && Date.parse(received) >= since
  })
  return writesIn(own.join('\n'), CONTROLLER_USER)
    .filter(({ dryRun, status, resource }) => !dryRun && status < 300 && !/^(leases|selfsubject)/.test(resource))
    .map(({ verb, resource, object }) => `${verb} ${resource} ${object}`)
}

/** What the operator wrote in the scenario's namespace to other than its own records, by the API server's audit log. */
export const writesOf = ({ cluster, namespace, auditedFrom }: Fixture): readonly string[] =>
  writesIn(readFileSync(cluster.auditLog).subarray(auditedFrom).toString(), CONTROLLER_USER)
    .filter(({ object, dryRun, status, resource }) => {
      const ours = /podmend\.io|^events/.test(resource)
      return object.startsWith(`${namespace}/`) && !dryRun && status < 300 && !ours
    })
    .map(({ verb, resource, object }) => `${verb} ${resource} ${object.slice(namespace.length + 1)}`)

/** Each of these once, and nothing else. */
export const wroteOnce = (fixture: Fixture, wanted: readonly string[]): void =>
  assert.deepEqual([...writesOf(fixture)].toSorted(), [...wanted].toSorted())
