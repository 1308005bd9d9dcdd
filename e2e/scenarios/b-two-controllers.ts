/** A leader that is frozen loses the lease without knowing it, and is woken in the middle of what its successor does. */
import assert from 'node:assert/strict'
import { allReady, freezeOperator, leaderPod, wakeOperator, writesOfPod } from '../disturb.ts'
import { hasChain, loseChain, startingSlowly } from '../docker-chain.ts'
import { FINAL, finishedTask } from '../node-tasks.ts'
import {
  DOCKER,
  forgetting,
  invocations,
  nodePolicy,
  nodeRecord,
  podsOn,
  restartedOnly,
  RUNS,
  startsOf,
  tasksSince,
} from '../nodes.ts'
import { daemonSet } from '../objects.ts'
import { NAMESPACE } from '../operator.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const CAUSE = 'IptablesChainMissing'
const OFTEN = { everyMs: 100 }

/** The task to restart Docker, once there is one. */
const taskOf = (fixture: Fixture, node: string, since: number) =>
  fixture.eventually(async () => {
    const [only] = await tasksSince(fixture, node, 'RestartRuntime', since)
    assert.ok(only, 'no task yet')
    return only
  }, OFTEN)

/** Resolves once another pod than this one holds the lease. */
const anotherLeads = (fixture: Fixture, name: string): Promise<string> =>
  fixture.eventually(async () => {
    const leader = await fixture.operator.leader()
    assert.ok(leader !== undefined && leader !== name, `the lease says ${leader}`)
    return leader
  }, OFTEN)

interface Moment {
  readonly name: string
  readonly title: string
  readonly failingFor: string
  /** Seconds that Docker takes to start: the task must still be in progress when the first leader resumes. */
  readonly startsIn: number
  /** Resolves when the leader is to be frozen. */
  readonly met: (fixture: Fixture, node: string, since: number) => Promise<unknown>
}

const MOMENTS: readonly Moment[] = [
  {
    name: 'waiting',
    title: 'before it creates the task',
    failingFor: '10s',
    startsIn: 12,
    met: (fixture, node) => nodeRecord(fixture, node, CAUSE, { reason: 'NotFailingLongEnough' }, OFTEN),
  },
  {
    name: 'ordered',
    title: 'while its task is in progress',
    failingFor: '0s',
    // The lease is another's after fifteen seconds at the least, and eighteen at the most.
    startsIn: 30,
    met: async (fixture, node, since) => {
      const { metadata } = await taskOf(fixture, node, since)
      return finishedTask(fixture, metadata.name, ['Running'])
    },
  },
]

const frozen = ({ name, title, failingFor, startsIn, met }: Moment): Scenario => ({
  name: `b-two-controllers-${name}`,
  title: `a leader is stopped ${title} and resumes while another leads: Docker is restarted once, and the first writes nothing`,
  breaks: true,
  alone: true,
  timeoutMs: 240_000,
  run: async (fixture) => {
    const { cluster, namespace, apply, running, kubectl, eventually, note } = fixture
    const [node = ''] = cluster.workers
    await allReady(fixture)
    await forgetting(fixture, node, CAUSE)
    await startingSlowly(fixture, node, startsIn)
    await apply(daemonSet(namespace, { image: RUNS }))
    await running(2, 'app=web')
    const units = await invocations(fixture)
    const starts = await startsOf(fixture, node, DOCKER)
    const first = await leaderPod(fixture)
    await nodePolicy(fixture, [CAUSE], [{ type: 'RestartRuntime' }], { match: { failingFor } })
    const began = Date.now()
    await loseChain(fixture, node)
    for (const { metadata } of await podsOn(fixture, node))
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace])

    await met(fixture, node, began)
    await freezeOperator(fixture, first)
    const slept = Date.now()
    const second = await anotherLeads(fixture, first.metadata.name)
    const task = await taskOf(fixture, node, began)
    await finishedTask(fixture, task.metadata.name, ['Running'])
    const woken = Date.now()
    await wakeOperator(fixture, first)
    note(`resumed after ${((woken - slept) / 1000).toFixed(1)} s, with the task in progress`)
    await eventually(async () => {
      const since = `--since-time=${new Date(Math.floor(woken / 1000) * 1000).toISOString()}`
      const log = await kubectl(['logs', first.metadata.name, '-n', NAMESPACE, since])
      assert.match(log, /no longer leading/, 'the first notices that it no longer leads')
    })

    const { status } = await finishedTask(fixture, task.metadata.name, FINAL)
    note(`${status?.phase} ${status?.reason}`)
    await running(2, 'app=web')
    const { status: end } = await nodeRecord(fixture, node, CAUSE, { phase: 'Succeeded', reason: 'Repaired' })
    assert.equal(end?.attempts?.length, 1, 'one attempt')
    assert.ok(await hasChain(fixture, node), 'the chain is back')
    assert.equal((await tasksSince(fixture, node, 'RestartRuntime', began)).length, 1, 'one task')
    await restartedOnly(fixture, units, [`${node} ${DOCKER}`])
    assert.equal((await startsOf(fixture, node, DOCKER)) - starts, 1, 'docker was started once')
    assert.equal(await fixture.operator.leader(), second, 'the second still leads')
    assert.deepEqual(writesOfPod(fixture, first, woken), [], 'what the first wrote after it woke')
    // That none is found means something only where those of the other are.
    const [other] = (await fixture.operator.pods()).filter(({ metadata }) => metadata.name === second)
    assert.ok(other && writesOfPod(fixture, other, woken).length > 0, 'the second wrote')
    await allReady(fixture)
  },
})

export const scenarios: readonly Scenario[] = MOMENTS.map(frozen)
