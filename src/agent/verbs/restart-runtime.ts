import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import { RUNTIME_UNITS } from '../../api/node-verbs.ts'
import { sleep } from '../../runtime/clock.ts'
import type { Systemd, UnitState } from '../node.ts'
import { failed, refused, succeeded, wordsOf } from './answers.ts'
import { findDockerChain } from '../../api/docker-chain.ts'
import { ANSWERS_WITHIN_MS, type RestartNeedDeps, restartRefusal } from './restart-need.ts'
import type { Answer, TaskBefore, Verb } from './verb.ts'

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
  const missing = async ({ reason }: Order, unit: string): Promise<string | undefined> => {
    const { active } = await systemd.unit(unit)
    if (active !== 'active') return `${unit} is ${active}`
    if (reason === 'ChainMissing') {
      const chain = findDockerChain(await chains())
      return chain.kind === 'There' ? undefined : chain.kind === 'Missing' ? chain.missing : chain.why
    }
    await cri?.version(ANSWERS_WITHIN_MS)
    return undefined
  }

  /** Looks until all is there or time is up, once at least. */
  const settled = async (order: Order, unit: string, deadline: number): Promise<string | undefined> => {
    for (;;) {
      const still = await missing(order, unit).catch(wordsOf)
      if (still === undefined || clock.now() + POLL_MS > deadline - LAST_LOOK_MS) return still
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
        if (result !== 'done') {
          const why = `systemd says ${result} of the restart of ${unit}: see its journal on the node`
          return failed(result === 'timeout' ? 'TimedOut' : 'Error', why, await inspect())
        }
      } catch (error) {
        // The bus may have gone away in the middle: what counts is whether the unit was started anew.
        if (!(await startedAnew(unit, before).catch(() => false))) {
          return failed(clock.now() >= deadline ? 'TimedOut' : 'Error', wordsOf(error))
        }
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
