/** What happens to a restart when the agent, its node or the controller goes away in the middle of it. */
import assert from 'node:assert/strict'
import { allReady, killAgent, killOperator, leaderPod } from '../disturb.ts'
import { hasChain, loseChain, startingSlowly } from '../docker-chain.ts'
import { untilReady } from '../frozen.ts'
import { FINAL, finishedTask } from '../node-tasks.ts'
import { DOCKER, forgetting, nodePolicy, nodeRecord, podsOn, RUNS, startsOf, tasksSince } from '../nodes.ts'
import { daemonSet } from '../objects.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const CAUSE = 'IptablesChainMissing'
/** Long enough to be met in the middle. */
const STARTS_IN = 8

interface Interruption {
  readonly name: string
  readonly who: string
  readonly alone?: boolean
  /** How often Docker has been started since, at most; a boot starts it too. */
  readonly starts: number
  /** What the record may end with; default that it was repaired. */
  readonly ends?: readonly string[]
  readonly interrupt: (fixture: Fixture, node: string) => Promise<unknown>
}

const INTERRUPTIONS: readonly Interruption[] = [
  { name: 'agent-killed', who: 'the agent is killed', starts: 1, interrupt: killAgent },
  {
    name: 'controller-killed',
    who: 'the controller that leads is killed',
    alone: true,
    starts: 1,
    interrupt: async (fixture) => {
      fixture.onEnd(() => allReady(fixture))
      await killOperator(fixture, await leaderPod(fixture))
    },
  },
  {
    name: 'node-rebooted',
    who: 'the node is rebooted',
    alone: true,
    starts: 1,
    // The boot starts Docker: if systemd gave up the restart, nothing else ran.
    ends: ['Succeeded Repaired', 'Cancelled Recovered'],
    interrupt: async (fixture, node) => {
      await fixture.cluster.reboot(node)
      await untilReady(fixture, node, 'True')
    },
  },
]

const interrupted = ({
  name,
  who,
  alone,
  starts,
  ends = ['Succeeded Repaired'],
  interrupt,
}: Interruption): Scenario => ({
  name: `b-${name}`,
  title: `${who} while Docker restarts: Docker is not restarted twice, and the record is correct`,
  breaks: true,
  ...(alone === undefined ? { lane: 'first worker' } : { alone }),
  timeoutMs: 300_000,
  run: async (fixture) => {
    const { cluster, namespace, apply, running, kubectl, eventually, note } = fixture
    const [node = ''] = cluster.workers
    await forgetting(fixture, node, CAUSE)
    await startingSlowly(fixture, node, STARTS_IN)
    await apply(daemonSet(namespace, { image: RUNS }))
    await running(2, 'app=web')
    const before = await startsOf(fixture, node, DOCKER)
    const began = Date.now()
    await nodePolicy(fixture, [CAUSE], [{ type: 'RestartRuntime' }])
    await loseChain(fixture, node)
    for (const { metadata } of await podsOn(fixture, node))
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace])
    const task = await eventually(
      async () => {
        const [only] = await tasksSince(fixture, node, 'RestartRuntime', began)
        assert.ok(only, 'no task yet')
        return only
      },
      { everyMs: 100 },
    )
    await finishedTask(fixture, task.metadata.name, ['Running'])
    await interrupt(fixture, node)
    const { status } = await finishedTask(fixture, task.metadata.name, FINAL)
    note(`${status?.phase} ${status?.reason}: ${status?.message}`)
    await running(2, 'app=web')
    await eventually(async () => {
      const { status: end } = await nodeRecord(fixture, node, CAUSE)
      const told = `${end?.phase} ${end?.reason}`
      assert.ok(ends.includes(told), `the record ends with ${told}: ${end?.message}`)
    })
    assert.ok(await hasChain(fixture, node), 'the chain is back')
    assert.equal((await tasksSince(fixture, node, 'RestartRuntime', began)).length, 1, 'one task')
    const restarts = (await startsOf(fixture, node, DOCKER)) - before
    assert.ok(restarts <= starts, `docker was started ${restarts} times`)
  },
})

export const scenarios: readonly Scenario[] = INTERRUPTIONS.map(interrupted)
