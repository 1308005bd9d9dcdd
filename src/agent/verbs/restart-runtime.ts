import type { NodeInspection, NodeTaskSpec } from '../../api/node-task.ts'
import { findDockerChain } from '../../model/firewall.ts'
import { RUNTIME_UNITS } from '../../model/node-tasks.ts'
import { sleep } from '../../runtime/clock.ts'
import type { Systemd, UnitState } from '../host/host.ts'
import { ANSWERS_WITHIN_MS, type RestartPreconditionDeps, restartRefusal } from './restart-preconditions.ts'
import { type Answer, failed, refused, shortError, succeeded, type TaskBefore, type Verb } from './verb.ts'

interface RestartRuntimeDeps extends RestartPreconditionDeps {
  readonly systemd: Systemd
  readonly inspect: () => Promise<NodeInspection>
  /** Of the kernel; another one after each boot. */
  readonly bootId: () => Promise<string | undefined>
}

type RestartOptions = NonNullable<NodeTaskSpec['restartRuntime']>

const POLL_MS = 500
/** Time reserved before the deadline for a last inspection, which may have to wait for a silent runtime. */
const LAST_CHECK_MS = 8_000

/** A runtime may report ready and then crash: it counts as started after running this long. */
const STABLE_MS = 2_000

/** What `systemctl is-enabled` says of units that start by themselves or with others. */
const STARTS_BY_ITSELF: ReadonlySet<string> = new Set([
  'enabled',
  'enabled-runtime',
  'static',
  'alias',
  'linked',
  'generated',
  'indirect',
])

const restartOptionsOf = (spec: NodeTaskSpec): RestartOptions => {
  if (spec.restartRuntime === undefined) throw new Error('the task does not name a runtime')
  return spec.restartRuntime
}

/** Transitional states: a restart is in progress, ours or another one. */
const TRANSITIONAL: ReadonlySet<string> = new Set(['activating', 'deactivating', 'reloading', 'refreshing'])

const unitRefusal = ({ name, load, active, enabled }: UnitState): Answer | undefined => {
  if (load !== 'loaded') return refused('UnitMissing', `${name} is ${load} on this node`)
  // During it, chains are missing and the runtime does not respond; another restart would only start over.
  if (TRANSITIONAL.has(active)) return refused('NotNeeded', `${name} is ${active}: systemd is already working on it`)
  if (active !== 'active' && !STARTS_BY_ITSELF.has(enabled)) {
    return refused('UnitMissing', `${name} is ${active} and ${enabled || 'not enabled'}, so it is not expected to run`)
  }
  return undefined
}

/** Restarts the container runtime if the reason of the task applies, and waits until it has recovered. */
export const createRestartRuntime = (deps: RestartRuntimeDeps): Verb => {
  const { systemd, cri, chains, inspect, bootId, clock } = deps

  /** What is still missing after the restart; undefined where all is there. */
  const missing = async ({ reason }: RestartOptions): Promise<string | undefined> => {
    if (reason === 'ChainMissing') {
      const chain = findDockerChain(await chains())
      return chain.kind === 'There' ? undefined : chain.kind === 'Missing' ? chain.missing : chain.why
    }
    await cri?.version(ANSWERS_WITHIN_MS)
    return undefined
  }

  /** What is wrong with the unit and what it serves; else by which invocation it runs. */
  const checkOnce = async (
    options: RestartOptions,
    unit: string,
  ): Promise<{ readonly still?: string; readonly by?: string }> => {
    try {
      const { active, invocationId } = await systemd.unit(unit)
      const still = active === 'active' ? await missing(options) : `${unit} is ${active}`
      return { ...(still !== undefined && { still }), ...(invocationId !== undefined && { by: invocationId }) }
    } catch (error) {
      return { still: shortError(error) }
    }
  }

  /** Looks until all is there and stays so, in the same invocation, or time is up; once at least. */
  const untilStable = async (options: RestartOptions, unit: string, deadline: number): Promise<string | undefined> => {
    let first: { readonly by: string | undefined; readonly at: number } | undefined
    const invocations = new Set<string>()
    for (;;) {
      const { still, by } = await checkOnce(options, unit)
      if (by !== undefined) invocations.add(by)
      if (still !== undefined) first = undefined
      else if (first === undefined || first.by !== by) first = { by, at: clock.monotonic() }
      else if (clock.monotonic() - first.at >= STABLE_MS) return undefined
      if (clock.now() + POLL_MS > deadline - LAST_CHECK_MS) {
        return still ?? (invocations.size > 1 ? `${unit} does not stay active` : undefined)
      }
      await sleep(clock, POLL_MS)
    }
  }

  const finish = async (options: RestartOptions, unit: string, deadline: number, done: string): Promise<Answer> => {
    const still = await untilStable(options, unit, deadline)
    const inspection = await inspect()
    if (still !== undefined) return failed('TimedOut', `${done}, but ${still}`, inspection)
    const back = options.reason === 'ChainMissing' ? 'chain DOCKER exists' : 'the runtime responds'
    return succeeded('Done', `${done}; it is active and ${back}`, inspection)
  }

  /** Waits for what systemd is at, e.g. the very restart that the agent died over. */
  const untilJobEnds = async (unit: string, deadline: number): Promise<void> => {
    while (clock.now() + POLL_MS < deadline - LAST_CHECK_MS && TRANSITIONAL.has((await systemd.unit(unit)).active)) {
      await sleep(clock, POLL_MS)
    }
  }

  /** Whether the unit has restarted since, from its invocation ID, which is unique to each start. */
  const wasRestarted = async (unit: string, before: TaskBefore): Promise<boolean> => {
    const { invocationId } = await systemd.unit(unit)
    return invocationId !== undefined && invocationId !== before.invocationId
  }

  /** The same without a job result: waits for a restart in progress, and retries while the bus is away. */
  const wasRestartedAfterAll = async (unit: string, before: TaskBefore, deadline: number): Promise<boolean> => {
    for (;;) {
      try {
        await untilJobEnds(unit, deadline)
        return await wasRestarted(unit, before)
      } catch (error) {
        if (clock.now() + POLL_MS > deadline - LAST_CHECK_MS) throw error
      }
      await sleep(clock, POLL_MS)
    }
  }

  /** The failed job result of systemd. Undefined if the unit restarted nevertheless. */
  const failureOf = async (unit: string, result: string, before: TaskBefore, deadline: number) => {
    const why = `systemd reports ${result} for the restart of ${unit}`
    if (result !== 'canceled') {
      return failed(
        result === 'timeout' ? 'TimedOut' : 'Error',
        `${why}: check its journal on the node`,
        await inspect(),
      )
    }
    // Another job replaced it: a start or stop by someone else, or the shutdown of the node.
    if (await wasRestartedAfterAll(unit, before, deadline)) return undefined
    const cut = `${why}: another job replaced it, for example a shutdown of the node`
    return failed('Interrupted', `${cut}; the unit had not been restarted by then`, await inspect())
  }

  return {
    prepare: async (spec) => {
      const options = restartOptionsOf(spec)
      const unit = await systemd.unit(RUNTIME_UNITS[options.runtime])
      const no = unitRefusal(unit) ?? (await restartRefusal(deps, options, unit))
      if (no) return no
      const boot = await bootId()
      return {
        ...(boot !== undefined && { bootId: boot }),
        ...(unit.invocationId !== undefined && { invocationId: unit.invocationId }),
      }
    },

    run: async (spec, before, deadline) => {
      const options = restartOptionsOf(spec)
      const unit = RUNTIME_UNITS[options.runtime]
      const from = clock.monotonic()
      try {
        const left = deadline - clock.now()
        if (left <= 0) return failed('TimedOut', `the deadline passed before ${unit} was restarted; nothing was done`)
        const result = await systemd.restart(unit, left)
        const no = result === 'done' ? undefined : await failureOf(unit, result, before, deadline)
        if (no) return no
      } catch (error) {
        // The bus may have disconnected: what matters is whether the unit restarted.
        const started = await wasRestartedAfterAll(unit, before, deadline).catch(() => undefined)
        const late = clock.now() >= deadline ? 'TimedOut' : 'Error'
        if (started === undefined) return failed(late, `its result is unknown: ${shortError(error)}`)
        if (!started) return failed(late, shortError(error))
      }
      const seconds = ((clock.monotonic() - from) / 1_000).toFixed(1)
      return finish(options, unit, deadline, `restarted ${unit} in ${seconds} s`)
    },

    recover: async (spec, before) => {
      const options = restartOptionsOf(spec)
      const unit = RUNTIME_UNITS[options.runtime]
      const deadline = Date.parse(spec.deadline)
      await untilJobEnds(unit, deadline)
      if (!(await wasRestarted(unit, before))) return 'again'
      const boot = await bootId()
      const rebooted = before.bootId !== undefined && boot !== undefined && boot !== before.bootId
      const how = rebooted ? 'the node rebooted' : 'detected after the agent restarted'
      return finish(options, unit, deadline, `${unit} has been restarted since the task started (${how})`)
    },
  }
}
