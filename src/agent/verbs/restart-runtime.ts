import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import { findDockerChain } from '../../model/firewall.ts'
import { RUNTIME_UNITS } from '../../model/node-tasks.ts'
import { sleep } from '../../runtime/clock.ts'
import type { Systemd, UnitState } from '../host/host.ts'
import { ANSWERS_WITHIN_MS, type RestartNeedDeps, restartRefusal } from './restart-preconditions.ts'
import { type Answer, failed, refused, succeeded, type TaskBefore, type Verb, wordsOf } from './verb.ts'

interface RestartRuntimeDeps extends RestartNeedDeps {
  readonly systemd: Systemd
  readonly inspect: () => Promise<NodeInspection>
  /** Of the kernel; another one after each boot. */
  readonly bootId: () => Promise<string | undefined>
}

type Order = NonNullable<NodeTaskSpec['restartRuntime']>

const POLL_MS = 500
/** Kept of the time to the deadline for a last look, which may meet a silent runtime. */
const LAST_LOOK_MS = 8_000

/** A runtime may come up, say that it is ready, and fall over what it meets then: it counts once it stood so long. */
const STANDS_MS = 2_000

/** What `systemctl is-enabled` says of units that start by themselves or with others. */
const MEANT_TO_RUN: ReadonlySet<string> = new Set([
  'enabled',
  'enabled-runtime',
  'static',
  'alias',
  'linked',
  'generated',
  'indirect',
])

const orderOf = (spec: NodeTaskSpec): Order => {
  if (spec.restartRuntime === undefined) throw new Error('the order does not say which runtime')
  return spec.restartRuntime
}

/** States on the way to another: a restart is under way, ours or somebody else's. */
const ON_THE_WAY: ReadonlySet<string> = new Set(['activating', 'deactivating', 'reloading', 'refreshing'])

const unitRefusal = ({ name, load, active, enabled }: UnitState): Answer | undefined => {
  if (load !== 'loaded') return refused('UnitMissing', `${name} is ${load} on this node`)
  // Meanwhile chains are missing and nobody answers; another restart would only begin it anew.
  if (ON_THE_WAY.has(active)) return refused('NotNeeded', `${name} is ${active}: systemd is at it already`)
  if (active !== 'active' && !MEANT_TO_RUN.has(enabled)) {
    return refused('UnitMissing', `${name} is ${active} and ${enabled || 'not enabled'}: it is not meant to run`)
  }
  return undefined
}

/** Restarts the container runtime where it is as the order says, and waits until what was missing is there again. */
export const createRestartRuntime = (deps: RestartRuntimeDeps): Verb => {
  const { systemd, cri, chains, inspect, bootId, clock } = deps

  /** What is still missing after the restart; undefined where all is there. */
  const missing = async ({ reason }: Order): Promise<string | undefined> => {
    if (reason === 'ChainMissing') {
      const chain = findDockerChain(await chains())
      return chain.kind === 'There' ? undefined : chain.kind === 'Missing' ? chain.missing : chain.why
    }
    await cri?.version(ANSWERS_WITHIN_MS)
    return undefined
  }

  /** What is wrong with the unit and what it serves; else by which invocation it runs. */
  const look = async (order: Order, unit: string): Promise<{ readonly still?: string; readonly by?: string }> => {
    try {
      const { active, invocationId } = await systemd.unit(unit)
      const still = active === 'active' ? await missing(order) : `${unit} is ${active}`
      return { ...(still !== undefined && { still }), ...(invocationId !== undefined && { by: invocationId }) }
    } catch (error) {
      return { still: wordsOf(error) }
    }
  }

  /** Looks until all is there and stays so, in the same invocation, or time is up; once at least. */
  const settled = async (order: Order, unit: string, deadline: number): Promise<string | undefined> => {
    let first: { readonly by: string | undefined; readonly at: number } | undefined
    const invocations = new Set<string>()
    for (;;) {
      const { still, by } = await look(order, unit)
      if (by !== undefined) invocations.add(by)
      if (still !== undefined) first = undefined
      else if (first === undefined || first.by !== by) first = { by, at: clock.monotonic() }
      else if (clock.monotonic() - first.at >= STANDS_MS) return undefined
      if (clock.now() + POLL_MS > deadline - LAST_LOOK_MS) {
        return still ?? (invocations.size > 1 ? `${unit} does not stay up` : undefined)
      }
      await sleep(clock, POLL_MS)
    }
  }

  const finish = async (order: Order, unit: string, deadline: number, done: string): Promise<Answer> => {
    const still = await settled(order, unit, deadline)
    const inspection = await inspect()
    if (still !== undefined) return failed('TimedOut', `${done}, but ${still}`, inspection)
    const back = order.reason === 'ChainMissing' ? 'chain DOCKER is there' : 'the runtime answers'
    return succeeded('Done', `${done}; it is active and ${back}`, inspection)
  }

  /** Waits for what systemd is at, e.g. the very restart that the agent died over. */
  const arrived = async (unit: string, deadline: number): Promise<void> => {
    while (clock.now() + POLL_MS < deadline - LAST_LOOK_MS && ON_THE_WAY.has((await systemd.unit(unit)).active)) {
      await sleep(clock, POLL_MS)
    }
  }

  /** Whether the unit was started anew since; by its invocation, which no other start has. */
  const startedAnew = async (unit: string, before: TaskBefore): Promise<boolean> => {
    const { invocationId } = await systemd.unit(unit)
    return invocationId !== undefined && invocationId !== before.invocationId
  }

  /** The same where the job told nothing: what is under way is waited for, and a bus that is away is asked again. */
  const startedAfterAll = async (unit: string, before: TaskBefore, deadline: number): Promise<boolean> => {
    for (;;) {
      try {
        await arrived(unit, deadline)
        return await startedAnew(unit, before)
      } catch (error) {
        if (clock.now() + POLL_MS > deadline - LAST_LOOK_MS) throw error
      }
      await sleep(clock, POLL_MS)
    }
  }

  /** What systemd said of the job, where that is no success. Undefined where the unit was started anew even so. */
  const notDone = async (unit: string, result: string, before: TaskBefore, deadline: number) => {
    const why = `systemd says ${result} of the restart of ${unit}`
    if (result !== 'canceled') {
      return failed(result === 'timeout' ? 'TimedOut' : 'Error', `${why}: see its journal on the node`, await inspect())
    }
    // Another job took its place: somebody's start or stop, or that of everything as the node goes down.
    if (await startedAfterAll(unit, before, deadline)) return undefined
    const cut = `${why}: another job took its place, as when the node is shut down`
    return failed('Interrupted', `${cut}; it was not started anew by then`, await inspect())
  }

  return {
    before: async (spec) => {
      const order = orderOf(spec)
      const unit = await systemd.unit(RUNTIME_UNITS[order.runtime])
      const no = unitRefusal(unit) ?? (await restartRefusal(deps, order, unit))
      if (no) return no
      const boot = await bootId()
      return {
        ...(boot !== undefined && { bootId: boot }),
        ...(unit.invocationId !== undefined && { invocationId: unit.invocationId }),
      }
    },

    run: async (spec, before, deadline) => {
      const order = orderOf(spec)
      const unit = RUNTIME_UNITS[order.runtime]
      const from = clock.monotonic()
      try {
        const left = deadline - clock.now()
        if (left <= 0) return failed('TimedOut', `the deadline passed before ${unit} was restarted: not done`)
        const result = await systemd.restart(unit, left)
        const no = result === 'done' ? undefined : await notDone(unit, result, before, deadline)
        if (no) return no
      } catch (error) {
        // The bus may have gone away in the middle: what counts is whether the unit was started anew.
        const started = await startedAfterAll(unit, before, deadline).catch(() => undefined)
        const late = clock.now() >= deadline ? 'TimedOut' : 'Error'
        if (started === undefined) return failed(late, `what became of it cannot be told: ${wordsOf(error)}`)
        if (!started) return failed(late, wordsOf(error))
      }
      const seconds = ((clock.monotonic() - from) / 1_000).toFixed(1)
      return finish(order, unit, deadline, `restarted ${unit} in ${seconds} s`)
    },

    found: async (spec, before) => {
      const order = orderOf(spec)
      const unit = RUNTIME_UNITS[order.runtime]
      const deadline = Date.parse(spec.deadline)
      await arrived(unit, deadline)
      if (!(await startedAnew(unit, before))) return 'again'
      const boot = await bootId()
      const rebooted = before.bootId !== undefined && boot !== undefined && boot !== before.bootId
      const how = rebooted ? 'the node was rebooted' : 'found out after a restart of the agent'
      return finish(order, unit, deadline, `${unit} was started anew since the order was begun (${how})`)
    },
  }
}
