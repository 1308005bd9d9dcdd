/** A leader that is frozen loses the lease without knowing it, and is woken in the middle of what its successor does. */
import assert from 'node:assert/strict'
import { allReady, freezeOperator, leaderPod, wakeOperator, writesOfPod } from '../disturb.ts'
import { hasChain, loseChain, startingSlowly } from '../docker-chain.ts'
import {
  DOCKER,
  forgetting,
  invocations,
  nodePolicy,
  nodeRecord,
  ordersSince,
  podsOn,
  RUNS,
  restartedOnly,
  startsOf,
} from '../nodes.ts'
import { daemonSet } from '../objects.ts'
import { NAMESPACE } from '../operator.ts'
import { answered, FINAL } from '../orders.ts'
import type { Scenario, Stage } from '../scenario.ts'

const CAUSE = 'IptablesChainMissing'
const OFTEN = { everyMs: 100 }

/** The order to restart Docker, once there is one. */
const orderOf = (stage: Stage, node: string, since: number) =>
  stage.eventually(async () => {
    const [only] = await ordersSince(stage, node, 'RestartRuntime', since)
    assert.ok(only, 'no order yet')
    return only
  }, OFTEN)

/** Resolves once another pod than this one holds the lease. */
const anotherLeads = (stage: Stage, name: string): Promise<string> =>
  stage.eventually(async () => {
    const leader = await stage.operator.leader()
    assert.ok(leader !== undefined && leader !== name, `the lease says ${leader}`)
    return leader
  }, OFTEN)

interface Moment {
  readonly name: string
  readonly title: string
  readonly failingFor: string
  /** Seconds that Docker takes to start: the order must still be under way when the first leader wakes. */
  readonly startsIn: number
  /** Resolves when the leader is to be frozen. */
  readonly met: (stage: Stage, node: string, since: number) => Promise<unknown>
}

const MOMENTS: readonly Moment[] = [
  {
    name: 'waiting',
    title: 'before it gives the order',
    failingFor: '10s',
    startsIn: 12,
    met: (stage, node) => nodeRecord(stage, node, CAUSE, { reason: 'NotFailingLongEnough' }, OFTEN),
  },
  {
    name: 'ordered',
    title: 'when its order is under way',
    failingFor: '0s',
    // The lease is another's after fifteen seconds at the least, and eighteen at the most.
    startsIn: 30,
    met: async (stage, node, since) => {
      const { metadata } = await orderOf(stage, node, since)
      return answered(stage, metadata.name, ['Running'])
    },
  },
]

const frozen = ({ name, title, failingFor, startsIn, met }: Moment): Scenario => ({
  name: `b-two-controllers-${name}`,
  title: `a leader is frozen ${title} and wakes while another leads: Docker is restarted once, and the first writes nothing`,
  breaks: true,
  alone: true,
  timeoutMs: 240_000,
  run: async (stage) => {
    const { cluster, namespace, apply, running, kubectl, eventually, note } = stage
    const [node = ''] = cluster.workers
    await allReady(stage)
    await forgetting(stage, node, CAUSE)
    await startingSlowly(stage, node, startsIn)
    await apply(daemonSet(namespace, { image: RUNS }))
    await running(2, 'app=web')
    const units = await invocations(stage)
    const starts = await startsOf(stage, node, DOCKER)
    const first = await leaderPod(stage)
    await nodePolicy(stage, [CAUSE], [{ type: 'RestartRuntime' }], { match: { failingFor } })
    const began = Date.now()
    await loseChain(stage, node)
    for (const { metadata } of await podsOn(stage, node))
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace])

    await met(stage, node, began)
    await freezeOperator(stage, first)
    const slept = Date.now()
    const second = await anotherLeads(stage, first.metadata.name)
    const order = await orderOf(stage, node, began)
    await answered(stage, order.metadata.name, ['Running'])
    const woken = Date.now()
    await wakeOperator(stage, first)
    note(`woken after ${((woken - slept) / 1000).toFixed(1)} s, with the order under way`)
    await eventually(async () => {
      const since = `--since-time=${new Date(Math.floor(woken / 1000) * 1000).toISOString()}`
      const log = await kubectl(['logs', first.metadata.name, '-n', NAMESPACE, since])
      assert.match(log, /no longer leading/, 'the first finds out that it leads no more')
    })

    const { status } = await answered(stage, order.metadata.name, FINAL)
    note(`${status?.phase} ${status?.reason}`)
    await running(2, 'app=web')
    const { status: end } = await nodeRecord(stage, node, CAUSE, { phase: 'Succeeded', reason: 'Repaired' })
    assert.equal(end?.attempts?.length, 1, 'one attempt')
    assert.ok(await hasChain(stage, node), 'the chain is back')
    assert.equal((await ordersSince(stage, node, 'RestartRuntime', began)).length, 1, 'one order')
    await restartedOnly(stage, units, [`${node} ${DOCKER}`])
    assert.equal((await startsOf(stage, node, DOCKER)) - starts, 1, 'docker was started once')
    assert.equal(await stage.operator.leader(), second, 'the second still leads')
    assert.deepEqual(writesOfPod(stage, first, woken), [], 'what the first wrote after it woke')
    // That none is found means something only where those of the other are.
    const [other] = (await stage.operator.pods()).filter(({ metadata }) => metadata.name === second)
    assert.ok(other && writesOfPod(stage, other, woken).length > 0, 'the second wrote')
    await allReady(stage)
  },
})

export const scenarios: readonly Scenario[] = MOMENTS.map(frozen)
