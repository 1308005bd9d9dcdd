/** One installation on the host, by its own systemd: what is asked before, what is run, and why it failed. */
import { randomUUID } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { type Clock, sleep } from '../../runtime/clock.ts'
import type { Bus } from '../dbus/connection.ts'
import type { RunJob } from '../dbus/systemd-manager.ts'
import { environmentFor, type Installation, type Question } from './package-managers.ts'
import { runTransient, type TransientResult } from './transient-unit.ts'

const ASK_MS = 20_000
/** To read what its repositories offer, a package manager may have to fetch it. */
const ASK_REPOSITORIES_MS = 120_000
const INSTALL_MS = 10 * 60_000
/** Between two attempts where another package manager holds the lock. */
const RETRY_MS = 5_000
const MIB = 2 ** 20
/** Package lists of a distribution alone take more. */
const TOO_LITTLE_MIB = 64

export interface Host {
  readonly bus: Bus
  readonly runJob: RunJob
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly fsType: string
  /** The host's os-release, the only file of it that is seen here. */
  readonly osRelease: string
  /** Seconds to wait for a lock that another package manager holds. */
  readonly lockTimeoutS: number
}

/** Asks on the host: nothing else of its file system is mounted here. Undefined where the exit status tells nothing. */
export const ask = async (
  { bus, runJob, lockTimeoutS }: Host,
  what: string,
  question: Question,
  timeoutMs = ASK_MS,
): Promise<boolean | undefined> => {
  const { job, status } = await runTransient(bus, runJob, {
    // A name of its own: two may ask at once, though only one can install.
    name: `podmend-look-${randomUUID()}.service`,
    description: `podmend checks for ${what}`,
    commands: [question.command],
    environment: environmentFor(lockTimeoutS),
    timeoutMs,
    answers: question.no,
  })
  return job === 'done' ? status === 0 : undefined
}

export interface Attempt extends TransientResult {
  /** The unit's name. */
  readonly name: string
}

const isLocked = ({ job, result, status }: TransientResult, { locked }: Installation): boolean =>
  job !== 'done' && result === 'exit-code' && locked.includes(status)

/**
 * Runs the installation, again where another package manager holds the lock, until `lockTimeoutS` is over. systemd keeps the
 * first unit's name for as long as this connection lasts, so each attempt has its own, and no second installer begins meanwhile.
 */
export const runInstallation = async (
  { bus, runJob, clock, signal, fsType, lockTimeoutS }: Host,
  installation: Installation,
  packageName: string,
): Promise<Attempt> => {
  const began = clock.monotonic()
  for (let attempt = 1; ; attempt++) {
    const name = `podmend-install-${fsType}${attempt === 1 ? '' : `-${attempt}`}.service`
    const result = await runTransient(bus, runJob, {
      name,
      description: `podmend installs ${packageName} for mount.${fsType}`,
      commands: installation.commands,
      environment: environmentFor(lockTimeoutS),
      timeoutMs: INSTALL_MS,
      answers: installation.installed,
    })
    const remainingMs = lockTimeoutS * 1_000 - (clock.monotonic() - began)
    if (!isLocked(result, installation) || remainingMs <= 0) return { ...result, name }
    await sleep(clock, Math.min(RETRY_MS, remainingMs), signal)
    signal.throwIfAborted()
  }
}

/** Why an attempt failed, a clause; undefined where the host does not say. */
export const reasonOf = async (
  host: Host,
  installation: Installation,
  attempt: Attempt,
): Promise<string | undefined> => {
  if (attempt.result !== 'exit-code') return undefined
  if (isLocked(attempt, installation)) {
    return `another package manager has held the lock for ${host.lockTimeoutS} seconds`
  }
  const what = "the package in the node's repositories"
  try {
    const { bavail, bsize } = await statfs(host.osRelease)
    const free = Math.floor((bavail * bsize) / MIB)
    if (free < TOO_LITTLE_MIB) return `the file system of /etc/os-release has only ${free} MiB free`
    if ((await ask(host, what, installation.isAvailable, ASK_REPOSITORIES_MS)) !== false) return undefined
    return (await ask(host, what, installation.areReadable, ASK_REPOSITORIES_MS)) === false
      ? 'a repository of the node cannot be read, and the others do not have the package'
      : 'no repository of the node has the package'
  } catch {
    // The failure itself is known; it is reported without its reason.
    return undefined
  }
}
