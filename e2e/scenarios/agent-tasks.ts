/** Tasks that agents must refuse, and tasks during which they are killed. */
import assert from 'node:assert/strict'
import { killAgent } from '../disturb.ts'
import { freezeRuntime, thawRuntime } from '../frozen.ts'
import { createTask, FINAL, finishedTask, type TaskParts } from '../node-tasks.ts'
import { invocations, onNode, podEvent, restartedOnly, RUNS } from '../nodes.ts'
import { barePod } from '../objects.ts'
import { killSandboxes } from '../sandboxes.ts'
import type { Scenario } from '../scenario.ts'

const refuses: Scenario = {
  name: 'agent-refuses',
  title:
    'an agent refuses a task that is late, for an earlier node of the same name, unnecessary, or harmful to a healthy pod',
  core: true,
  breaks: true,
  lane: 'second worker',
  run: async (fixture) => {
    const { cluster, namespace, apply, running, note } = fixture
    const node = cluster.workers[1] ?? ''
    await apply(barePod(namespace, { image: RUNS, podSpec: { nodeName: node } }))
    const [pod] = await running(1, 'app=web')
    const units = await invocations(fixture, [node])
    const restart = (runtime: string, reason: string): Partial<TaskParts> => ({
      verb: 'RestartRuntime',
      restartRuntime: { runtime, reason },
    })
    const wanted: Readonly<Record<string, readonly [Partial<TaskParts>, reason: string]>> = {
      late: [{ deadline: new Date(Date.now() - 1000) }, 'DeadlinePassed'],
      other: [{ nodeUid: '00000000-0000-0000-0000-000000000000' }, 'OtherNode'],
      chain: [restart('docker', 'ChainMissing'), 'NotNeeded'],
      silent: [restart('containerd', 'Unresponsive'), 'NotNeeded'],
      absent: [restart('crio', 'Unresponsive'), 'UnitMissing'],
      healthy: [{ verb: 'RecycleSandbox', recycleSandbox: { podUid: pod?.metadata.uid } }, 'SandboxInUse'],
    }
    for (const [name, [parts]] of Object.entries(wanted)) {
      await createTask(fixture, { verb: 'Inspect', ...parts, name: `${namespace}-${name}`, node })
    }
    const found: Record<string, string> = {}
    for (const name of Object.keys(wanted)) {
      const { status } = await finishedTask(fixture, `${namespace}-${name}`, FINAL)
      found[name] = `${status?.phase} ${status?.reason}`
      note(`${name}: ${status?.reason}`)
    }
    assert.deepEqual(
      found,
      Object.fromEntries(Object.entries(wanted).map(([name, [, reason]]) => [name, `Refused ${reason}`])),
    )
    await restartedOnly(fixture, units, [])
    const [after] = await running(1, 'app=web')
    assert.equal(after?.status?.containerStatuses?.[0]?.restartCount, 0)
  },
}

const inspect: Scenario = {
  name: 'agent-killed-inspect',
  title: 'an agent that is killed during an inspection repeats it after its restart',
  lane: 'second worker',
  run: async (fixture) => {
    const node = fixture.cluster.workers[1] ?? ''
    const name = fixture.namespace
    // A runtime that does not answer makes looking take its time.
    await freezeRuntime(fixture, node)
    await createTask(fixture, { name, node, verb: 'Inspect' })
    await finishedTask(fixture, name, ['Running'])
    await killAgent(fixture, node)
    await thawRuntime(fixture, node)
    const { status } = await finishedTask(fixture, name, FINAL)
    fixture.note(`${status?.phase} ${status?.reason}: ${status?.message}`)
    assert.equal(status?.phase, 'Succeeded')
    assert.equal(status?.inspection?.runtime.answers, true)
  },
}

const recycle: Scenario = {
  name: 'sandbox-agent-killed',
  title:
    'an agent that is killed while it removes a sandbox finishes that after its restart, and touches no other sandbox',
  breaks: true,
  lane: 'second worker',
  run: async (fixture) => {
    const { cluster, namespace, apply, running, onEnd, note } = fixture
    const node = cluster.workers[1] ?? ''
    for (const name of ['web', 'bystander']) {
      await apply(barePod(namespace, { name, image: RUNS, podSpec: { nodeName: node } }))
    }
    const stuck = await running(1, 'app=web')
    const [bystander] = await running(1, 'app=bystander')
    await killSandboxes(fixture, node, stuck)
    await podEvent(fixture, 'FailedCreatePodSandBox', 'failed to Statfs')
    onEnd(() => onNode(fixture, node, 'rm -f /run/remove-slowly'))
    await onNode(fixture, node, 'touch /run/remove-slowly')
    const podUid = stuck[0]?.metadata.uid
    await createTask(fixture, { name: namespace, node, verb: 'RecycleSandbox', recycleSandbox: { podUid } })
    await finishedTask(fixture, namespace, ['Running'])
    await killAgent(fixture, node)
    const { status } = await finishedTask(fixture, namespace, FINAL)
    note(`${status?.phase} ${status?.reason}: ${status?.message}`)
    assert.equal(status?.phase, 'Succeeded')
    await running(1, 'app=web')
    const [same] = await running(1, 'app=bystander')
    assert.equal(
      same?.status?.containerStatuses?.[0]?.containerID,
      bystander?.status?.containerStatuses?.[0]?.containerID,
    )
  },
}

export const scenarios: readonly Scenario[] = [refuses, inspect, recycle]
