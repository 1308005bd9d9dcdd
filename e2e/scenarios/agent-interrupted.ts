/** What happens to a restart when the agent, its node or the controller goes away in the middle of it. */
import assert from 'node:assert/strict'
import { allReady, killAgent, killOperator, leaderPod } from '../disturb.ts'
import { hasChain, loseChain, startingSlowly } from '../docker-chain.ts'
import { untilReady } from '../frozen.ts'
import { DOCKER, forgetting, nodePolicy, nodeRecord, ordersSince, podsOn, RUNS, startsOf } from '../nodes.ts'
import { daemonSet } from '../objects.ts'
import { answered, FINAL } from '../orders.ts'
import type { Scenario, Stage } from '../scenario.ts'

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
  readonly interrupt: (stage: Stage, node: string) => Promise<unknown>
}

const INTERRUPTIONS: readonly Interruption[] = [
  { name: 'agent-killed', who: 'the agent is killed', starts: 1, interrupt: killAgent },
  {
    name: 'controller-killed',
    who: 'the controller that leads is killed',
    alone: true,
    starts: 1,
    interrupt: async (stage) => {
      stage.onEnd(() => allReady(stage))
      await killOperator(stage, await leaderPod(stage))
    },
  },
  {
    name: 'node-rebooted',
    who: 'the node is rebooted',
    alone: true,
    starts: 1,
    // The boot starts Docker: where systemd gave up the restart, nobody else did anything.
    ends: ['Succeeded Repaired', 'Cancelled Recovered'],
    interrupt: async (stage, node) => {
      await stage.cluster.reboot(node)
      await untilReady(stage, node, 'True')
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
  title: `${who} while Docker is being restarted: it is not restarted twice, and the record tells the truth`,
  breaks: true,
  ...(alone === undefined ? { lane: 'first worker' } : { alone }),
  timeoutMs: 300_000,
  run: async (stage) => {
    const { cluster, namespace, apply, running, kubectl, eventually, note } = stage
    const [node = ''] = cluster.workers
    await forgetting(stage, node, CAUSE)
    await startingSlowly(stage, node, STARTS_IN)
    await apply(daemonSet(namespace, { image: RUNS }))
    await running(2, 'app=web')
    const before = await startsOf(stage, node, DOCKER)
    const began = Date.now()
    await nodePolicy(stage, [CAUSE], [{ type: 'RestartRuntime' }])
    await loseChain(stage, node)
    for (const { metadata } of await podsOn(stage, node))
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace])
    const order = await eventually(
      async () => {
        const [only] = await ordersSince(stage, node, 'RestartRuntime', began)
        assert.ok(only, 'no order yet')
        return only
      },
      { everyMs: 100 },
    )
    await answered(stage, order.metadata.name, ['Running'])
    await interrupt(stage, node)
    const { status } = await answered(stage, order.metadata.name, FINAL)
    note(`${status?.phase} ${status?.reason}: ${status?.message}`)
    await running(2, 'app=web')
    await eventually(async () => {
      const { status: end } = await nodeRecord(stage, node, CAUSE)
      const told = `${end?.phase} ${end?.reason}`
      assert.ok(ends.includes(told), `the record ends with ${told}: ${end?.message}`)
    })
    assert.ok(await hasChain(stage, node), 'the chain is back')
    assert.equal((await ordersSince(stage, node, 'RestartRuntime', began)).length, 1, 'one order')
    const restarts = (await startsOf(stage, node, DOCKER)) - before
    assert.ok(restarts <= starts, `docker was started ${restarts} times`)
  },
})

export const scenarios: readonly Scenario[] = INTERRUPTIONS.map(interrupted)
