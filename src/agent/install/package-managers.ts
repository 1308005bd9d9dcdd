import type { PackageManager } from '../../model/mount-helpers.ts'

/** A program with its arguments, run by systemd without a shell. */
export interface Command {
  /** The first is the program, by its whole path. */
  readonly argv: readonly string[]
  /** Whether what comes after it is run even when it failed. */
  readonly mayFail?: boolean
}

/** A command that changes no package, whose exit status answers a question: 0 is yes, those of `no` are no, others tell nothing. */
export interface Question {
  readonly command: Command
  readonly no: readonly number[]
}

/** How one package is installed with one package manager. */
export interface Installation {
  readonly commands: readonly Command[]
  /** Exit statuses beside 0 with which it has installed what it was asked to; the helper is checked for in any case. */
  readonly installed: readonly number[]
  /** Exit statuses with which it gave way to another package manager that holds the lock. */
  readonly locked: readonly number[]
  /** Whether a repository of the host that can be read has the package. */
  readonly isAvailable: Question
  /** Whether all repositories of the host can be read. */
  readonly areReadable: Question
}

/** No questions; nothing restarted on the side, as needrestart would do it. zypper waits so many seconds for a lock. */
export const environmentFor = (lockTimeoutS: number): readonly string[] => [
  'DEBIAN_FRONTEND=noninteractive',
  'NEEDRESTART_SUSPEND=1',
  `ZYPP_LOCK_TIMEOUT=${lockTimeoutS}`,
  'LC_ALL=C',
]

const apt = (name: string, lockTimeoutS: number): Installation => {
  const get = ['/usr/bin/apt-get', '-qq']
  return {
    commands: [
      // One source that does not answer leaves the lists of the others, and those of before.
      { argv: [...get, 'update'], mayFail: true },
      {
        argv: [
          ...get,
          '-o',
          `DPkg::Lock::Timeout=${lockTimeoutS}`,
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
    // apt-get(8) knows 0 and 100 alone.
    installed: [],
    locked: [],
    isAvailable: { command: { argv: ['/usr/bin/apt-cache', '-q', 'show', name] }, no: [100] },
    areReadable: { command: { argv: [...get, '-o', 'APT::Update::Error-Mode=any', 'update'] }, no: [100] },
  }
}

/** One repository that cannot be read leaves the others, as with apt and zypper; by default it is the end of dnf. */
const SKIPPED = '--setopt=*.skip_if_unavailable=True'
const NOT_SKIPPED = '--setopt=*.skip_if_unavailable=False'

/**
 * dnf(8): 0 is success; 1 and 3 are errors, 200 is a lock that another holds, 100 is of check-update. yum(8) knows 0 alone.
 * yum of before dnf waits for a lock by itself; what it returns if it is told not to is not documented.
 */
const dnf = (program: string, options: readonly string[], locked: readonly number[]) => {
  const quiet = (...args: readonly string[]): Command => ({ argv: [program, '-q', '-y', ...args] })
  return (name: string): Installation => ({
    commands: [{ argv: [program, '-y', ...options, SKIPPED, 'install', name] }],
    installed: [],
    locked,
    isAvailable: { command: quiet(SKIPPED, 'list', name), no: [1] },
    areReadable: { command: quiet(NOT_SKIPPED, 'makecache'), no: [1] },
  })
}

/**
 * zypper(8), EXIT CODES: 102 a reboot is needed, 103 zypper itself was replaced, 106 a repository was left out, 107 a script
 * of a package failed after it was unpacked; 7 a lock that another holds, 104 no such package, 4 an error of libzypp.
 */
const zypper = (name: string): Installation => {
  const run = (...args: readonly string[]): Command => ({ argv: ['/usr/bin/zypper', '--non-interactive', ...args] })
  return {
    commands: [run('install', '--no-recommends', name)],
    installed: [102, 103, 106, 107],
    locked: [7],
    isAvailable: { command: run('--no-refresh', 'search', '--match-exact', '--provides', name), no: [104] },
    areReadable: { command: run('refresh'), no: [4] },
  }
}

/** Programs that install, with what keeps them from changing more than is asked: the closed list. */
const INSTALLATIONS: Readonly<Record<PackageManager, (name: string, lockTimeoutS: number) => Installation>> = {
  apt,
  dnf: dnf('/usr/bin/dnf', ['--setopt=install_weak_deps=False', '--setopt=exit_on_lock=True'], [200]),
  yum: dnf('/usr/bin/yum', [], []),
  zypper,
}

/** How a package of the table of mount helpers is installed; apt waits `lockTimeoutS` seconds for another's lock. */
export const installationOf = (manager: PackageManager, packageName: string, lockTimeoutS: number): Installation =>
  INSTALLATIONS[manager](packageName, lockTimeoutS)

/** Whether the host has the helper. */
export const hasHelper = (fsType: string): Question => ({
  command: { argv: ['/usr/bin/test', '-x', `/sbin/mount.${fsType}`, '-o', '-x', `/usr/sbin/mount.${fsType}`] },
  no: [1],
})

/** Whether root can write a folder of the host: not where its file system is mounted read-only. */
export const isWritable = (folder: string): Question => ({
  command: { argv: ['/usr/bin/test', '-w', folder] },
  no: [1],
})
