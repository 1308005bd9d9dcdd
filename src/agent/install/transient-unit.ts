import { type Value, variant } from '../dbus/codec.ts'
import type { Bus } from '../dbus/connection.ts'
import { loadUnit, type RunJob, unitProperty } from '../dbus/systemd-manager.ts'
import type { Command } from './package-managers.ts'

interface TransientUnit {
  /** Where one of that name is at work, systemd refuses another. */
  readonly name: string
  readonly description: string
  readonly commands: readonly Command[]
  readonly environment: readonly string[]
  readonly timeoutMs: number
  /** Exit statuses that are an answer, not a failure. */
  readonly answers: readonly number[]
}

/** What became of it. */
export interface TransientResult {
  /** The job's: done, failed, timeout, … */
  readonly job: string
  /** The service's: success, exit-code, timeout, oom-kill, …; empty where systemd did not say. */
  readonly result: string
  /** Exit status of the last program that ran. */
  readonly status: number
}

/** systemd may answer a little later than it gives up. */
const MARGIN_MS = 15_000

const propertiesOf = (unit: TransientUnit): readonly Value[] => [
  ['Description', variant('s', unit.description)],
  ['Type', variant('s', 'oneshot')],
  [
    'ExecStart',
    variant(
      'a(sasb)',
      unit.commands.map(({ argv, mayFail = false }) => [argv[0] ?? '', argv, mayFail]),
    ),
  ],
  ['Environment', variant('as', unit.environment)],
  // RuntimeMaxSec means nothing for a oneshot service, which is starting until it is done (systemd.service(5)).
  ['TimeoutStartUSec', variant('t', BigInt(unit.timeoutMs) * 1_000n)],
  ['SuccessExitStatus', variant('(aiai)', [unit.answers, []])],
  // Gone when it is done, but not before we have read how it ended.
  ['CollectMode', variant('s', 'inactive-or-failed')],
  ['AddRef', variant('b', true)],
]

/** Has systemd run programs on the host, one after the other, and waits for the end. Rejects where systemd refuses. */
export const runTransient = async (bus: Bus, runJob: RunJob, unit: TransientUnit): Promise<TransientResult> => {
  const call = {
    member: 'StartTransientUnit',
    signature: 'ssa(sv)a(sa(sv))',
    body: [unit.name, 'fail', propertiesOf(unit), []],
  }
  const job = await runJob(call, unit.timeoutMs + MARGIN_MS)
  const path = await loadUnit(bus, unit.name)
  const [result, status] = await Promise.all([
    unitProperty(bus, path, 'Result', 'Service'),
    unitProperty(bus, path, 'ExecMainStatus', 'Service'),
  ])
  return { job, result: typeof result === 'string' ? result : '', status: Number(status) }
}
