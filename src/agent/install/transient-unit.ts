import type { PackageManager } from '../../model/mount-helpers.ts'
import { type Value, variant } from '../dbus/codec.ts'
import type { Bus } from '../dbus/connection.ts'
import { loadUnit, type RunJob, unitProperty } from '../dbus/systemd-manager.ts'

interface TransientUnit {
  /** Where one of that name is at work, systemd refuses another. */
  readonly name: string
  readonly description: string
  readonly commands: readonly Command[]
  readonly environment: readonly string[]
  readonly timeoutMs: number
  /** Exit status that is an answer, not a failure. */
  readonly answers?: readonly number[]
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
  ['SuccessExitStatus', variant('(aiai)', [unit.answers ?? [], []])],
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

/** A program with its arguments, run by systemd without a shell. */
export interface Command {
  /** The first is the program, by its whole path. */
  readonly argv: readonly string[]
  /** Whether what comes after it is run even when it failed. */
  readonly mayFail?: boolean
}

/**
 * No questions; nothing restarted on the side, as needrestart would do it. apt and dnf wait for a package manager that is at
 * work, apt by an option below, zypper for so many seconds.
 */
export const ENVIRONMENT: readonly string[] = [
  'DEBIAN_FRONTEND=noninteractive',
  'NEEDRESTART_SUSPEND=1',
  'ZYPP_LOCK_TIMEOUT=120',
  'LC_ALL=C',
]

/**
 * Exit statuses beside 0 with which a package manager has installed what it was asked to; whether the helper is there is
 * looked for in any case. zypper(8), EXIT CODES: 102 a reboot is needed, 103 zypper itself was replaced, 106 a repository was
 * left out, 107 a script of a package failed after it was unpacked. Not 104 (no such package) and 105 (ended by a signal).
 * dnf(8) and yum(8) know 0 alone (1, 3 and 200 are errors; 100 is of check-update), apt-get(8) too.
 */
export const INSTALLED: Readonly<Record<PackageManager, readonly number[]>> = {
  apt: [],
  dnf: [],
  yum: [],
  zypper: [102, 103, 106, 107],
}

/** Programs that install, with what keeps them from changing more than is asked: the closed list. */
const INSTALL: Readonly<Record<PackageManager, (name: string) => readonly Command[]>> = {
  apt: (name) => [
    // One source that does not answer leaves the lists of the others, and those of before.
    { argv: ['/usr/bin/apt-get', '-qq', 'update'], mayFail: true },
    {
      argv: [
        '/usr/bin/apt-get',
        '-qq',
        '-o',
        'DPkg::Lock::Timeout=120',
        '-o',
        'Dpkg::Options::=--force-confold',
        'install',
        '--yes',
        '--no-install-recommends',
        '--no-upgrade',
        '--no-remove',
        name,
      ],
    },
  ],
  dnf: (name) => [{ argv: ['/usr/bin/dnf', '-y', '--setopt=install_weak_deps=False', 'install', name] }],
  yum: (name) => [{ argv: ['/usr/bin/yum', '-y', 'install', name] }],
  zypper: (name) => [{ argv: ['/usr/bin/zypper', '--non-interactive', 'install', '--no-recommends', name] }],
}

/** What installs a package of the table of mount helpers. */
export const installCommands = (manager: PackageManager, packageName: string): readonly Command[] =>
  INSTALL[manager](packageName)

/** Ends with 0 where the host has the helper, with 1 where it has not. */
export const hasHelperCommand = (fsType: string): Command => ({
  argv: ['/usr/bin/test', '-x', `/sbin/mount.${fsType}`, '-o', '-x', `/usr/sbin/mount.${fsType}`],
})
