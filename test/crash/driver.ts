/** Plays one incident again and again, and kills the controller at another of its writes each time. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Remediation } from '../../src/api/kinds.ts'
import { type CountedWrite, type Proxy, startProxy } from '../../testbed/api-proxy.ts'
import type { Controller } from '../../testbed/controller.ts'
import { eventually } from '../../testbed/fixture.ts'
import { type Fixture, PATIENTLY } from '../repair/fixture.ts'

export interface CrashScenario {
  /** Makes the incident and its policy. */
  readonly begin: (namespace: string) => Promise<void>
  /** Throws as long as the end is not reached. */
  readonly ended: (namespace: string) => Promise<Remediation>
  /** Throws where something was done twice, or not as it must. */
  readonly check: (namespace: string, record: Remediation) => Promise<void>
}

/** More than any incident takes; a play that never ends without a crash is a fault. */
const MAX_WRITES = 40
/** Each takes a time-out; more tell nothing new. */
const MAX_FAILURES = 2
const QUIET_MS = 400
/** The status of policies is written last, and late. */
const ALL_WRITTEN_MS = 2_000

/** Resolves when the controller has written nothing for a while. */
const quiet = async (proxy: Proxy, ms: number): Promise<void> => {
  for (let before = -1; before !== proxy.writes.length; ) {
    before = proxy.writes.length
    await sleep(ms)
  }
}

interface CrashRun {
  readonly proxy: Proxy
  readonly at: number
  readonly when: 'before' | 'after'
  readonly controller: Controller
  readonly matching?: RegExp
}

/** Two lives an incident: the first ends at the write, the second begins with empty memory and kills the next one's. */
const runOnce = async (
  fixture: Fixture,
  scenario: CrashScenario,
  { proxy, at, when, controller, matching }: CrashRun,
): Promise<{ readonly next: Controller; readonly crashedAt?: string }> => {
  const namespace = await fixture.cluster.namespace('crash')
  await quiet(proxy, QUIET_MS)
  const life = { crashed: false }
  proxy.arm({
    at,
    when,
    matching,
    crash: () => {
      life.crashed = true
      process.kill(controller.pid, 'SIGKILL')
    },
  })
  await scenario.begin(namespace)
  const ending = await Promise.race([controller.exited, eventually(() => scenario.ended(namespace), PATIENTLY)])
  if ('signal' in ending && !life.crashed) {
    const last = controller.logs.slice(-5).map((line) => JSON.stringify(line))
    throw new Error([`the controller ended by itself: ${ending.code} ${ending.signal}`, ...last].join('\n'))
  }
  if (!life.crashed) await quiet(proxy, ALL_WRITTEN_MS)
  const { crashed } = life
  const { method, path } =
    (crashed ? proxy.writes.findLast((write) => !matching || matching.test(named(write))) : undefined) ?? {}
  if (!crashed) proxy.arm()
  const next = crashed ? await startAgain(fixture, proxy) : controller
  const where = `killed ${when} write ${matching ? String(matching) : at}, ${method} ${path}`
  try {
    const record = await eventually(() => scenario.ended(namespace), PATIENTLY)
    await scenario.check(namespace, record)
  } catch (cause) {
    const lines = next.logs.map((line) => JSON.stringify(line)).filter((line) => line.includes(namespace))
    throw new Error([`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, ...lines].join('\n'), {
      cause,
    })
  }
  return { next, ...(crashed && { crashedAt: where }) }
}

const named = ({ method, path }: CountedWrite): string => `${method} ${path}`

/** Under the same name: its lease need not run out first. */
const startAgain = (fixture: Fixture, { kubeconfig }: Proxy): Promise<Controller> =>
  fixture.start({ kubeconfig, args: ['--identity', 'crashes', '--max-actions-per-hour', '1000'] })

/**
 * For the first write, the second, … until an incident passes without a crash; then for the writes that must `surely` be
 * among them and by chance were not. Answers where it crashed.
 */
export const crashAtEveryWrite = async (
  fixture: Fixture,
  when: 'before' | 'after',
  scenario: CrashScenario,
  { from = 1, surely = [] }: { readonly from?: number; readonly surely?: readonly RegExp[] } = {},
): Promise<string[]> => {
  const proxy = await startProxy(fixture.kubeconfig)
  const places: string[] = []
  const failures: string[] = []
  try {
    let controller = await startAgain(fixture, proxy)
    for (let at = from; at <= MAX_WRITES; at += 1) {
      try {
        const { next, crashedAt } = await runOnce(fixture, scenario, { proxy, at, when, controller })
        controller = next
        if (crashedAt === undefined) break
        places.push(crashedAt)
      } catch (cause) {
        failures.push(cause instanceof Error ? cause.message : String(cause))
        await controller.kill('SIGKILL')
        await fixture.controller.kill('SIGKILL')
        controller = await startAgain(fixture, proxy)
        if (failures.length === MAX_FAILURES) break
      }
    }
    for (const matching of surely) {
      if (failures.length > 0 || places.some((place) => matching.test(place))) continue
      const { next, crashedAt } = await runOnce(fixture, scenario, { proxy, at: 1, when, controller, matching })
      controller = next
      if (crashedAt !== undefined) places.push(crashedAt)
    }
    await controller.kill('SIGKILL')
  } finally {
    await proxy.close()
  }
  if (failures.length > 0) throw new Error(failures.join('\n'))
  return places
}
