/** What the short-lived pod runs that puts a mount helper onto its node: it has the host's systemd run the package manager. */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { MOUNT_HELPER_TYPES, mountHelperFor } from '../../model/mount-helpers.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { type Bus, DBusError, openBus } from '../dbus/connection.ts'
import { type RunJob, subscribeToJobs } from '../dbus/systemd-manager.ts'
import { inspectOs } from '../inspect/host-files.ts'
import { shortError } from '../verbs/verb.ts'
import { ENVIRONMENT, hasHelperCommand, installCommands, INSTALLED, runTransient } from './transient-unit.ts'

const OPTIONS = {
  type: { type: 'string' },
  'system-bus': { type: 'string', default: '/run/dbus/system_bus_socket' },
  'os-release': { type: 'string', default: '/host/os-release' },
  'termination-log': { type: 'string', default: '/dev/termination-log' },
} as const

const HAS_HELPER_MS = 20_000
const INSTALL_MS = 10 * 60_000

/** How it ended, in one sentence. */
interface Outcome {
  readonly installed: boolean
  readonly sentence: string
}

const done = (sentence: string): Outcome => ({ installed: true, sentence })
const notInstalled = (sentence: string): Outcome => ({ installed: false, sentence })

interface Host {
  readonly bus: Bus
  readonly runJob: RunJob
  readonly fsType: string
}

/** Whether the host has the helper, by the host's own eyes: nothing of its file system is mounted here. */
const hasHelper = async ({ bus, runJob, fsType }: Host): Promise<boolean> => {
  const { job, status } = await runTransient(bus, runJob, {
    // A name of its own: two may look at once, though only one can install.
    name: `podmend-look-${randomUUID()}.service`,
    description: `podmend checks for mount.${fsType}`,
    commands: [hasHelperCommand(fsType)],
    environment: ENVIRONMENT,
    timeoutMs: HAS_HELPER_MS,
    answers: [1],
  })
  if (job !== 'done') throw new Error(`checking for mount.${fsType} on the host: systemd reports ${job}`)
  return status === 0
}

const installOn = async (host: Host, osRelease: string): Promise<Outcome> => {
  const { bus, runJob, fsType } = host
  const os = await inspectOs(osRelease)
  if (!os.known) return notInstalled(`mount.${fsType} is not installed: the distribution is unknown (${os.why})`)
  const helper = mountHelperFor(os, fsType)
  if (helper.kind !== 'Installable') return notInstalled(`mount.${fsType} is not installed: ${helper.why}`)
  if (await hasHelper(host)) return done(`mount.${fsType} already exists; nothing was installed`)

  const { manager, packageName } = helper
  const name = `podmend-install-${fsType}.service`
  const { job, result, status } = await runTransient(bus, runJob, {
    name,
    description: `podmend installs ${packageName} for mount.${fsType}`,
    commands: installCommands(manager, packageName),
    environment: ENVIRONMENT,
    timeoutMs: INSTALL_MS,
    answers: INSTALLED[manager],
  })
  if (job !== 'done') {
    const how = result === 'exit-code' ? `exit status ${status}` : result || job
    return notInstalled(
      `${manager} could not install ${packageName} (${how}); for details run journalctl -u ${name} on the node`,
    )
  }
  const remark = status === 0 ? '' : ` (exit status ${status})`
  if (await hasHelper(host)) return done(`installed ${packageName} with ${manager}${remark}; mount.${fsType} exists`)
  return notInstalled(
    `${packageName} was installed with ${manager}${remark}, but mount.${fsType} is still missing on the host`,
  )
}

/** What is left on the node goes on: a package manager that is stopped in the middle leaves worse than one that is not. */
const TERMINATED =
  'this pod was terminated; what systemd started on the node continues (see journalctl -u podmend-install-* on the node)'

const install = async (
  fsType: string,
  systemBus: string,
  osRelease: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<Outcome> => {
  let bus: Bus | undefined
  const end = (): void => bus?.close()
  signal.addEventListener('abort', end, { once: true })
  try {
    bus = await openBus({ path: systemBus, clock })
    signal.throwIfAborted()
    return await installOn({ bus, runJob: await subscribeToJobs(bus, clock), fsType }, osRelease)
  } catch (error) {
    if (signal.aborted) return notInstalled(`it is unknown whether mount.${fsType} was installed: ${TERMINATED}`)
    const atWork = error instanceof DBusError && error.errorName === 'org.freedesktop.systemd1.UnitExists'
    return notInstalled(
      `mount.${fsType} is not installed: ${atWork ? 'another installation is already running on this node' : shortError(error)}`,
    )
  } finally {
    signal.removeEventListener('abort', end)
    bus?.close()
  }
}

/**
 * Installs the helper that mounts `--type`, and leaves one sentence in the termination log and on standard output. Resolves
 * with the exit code: 0 where the helper is there in the end, 1 where not, 2 for flags that cannot be. Told to end, it says so.
 */
export const runInstall = async (argv: readonly string[], signal: AbortSignal): Promise<number> => {
  try {
    const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true })
    const fsType = values.type ?? ''
    // Closed: it becomes part of unit names and of paths on the host.
    if (!MOUNT_HELPER_TYPES.includes(fsType)) {
      throw new Error(`--type: found "${fsType.slice(0, 80)}", expected ${MOUNT_HELPER_TYPES.join(', ')}`)
    }
    const { installed, sentence } = await install(
      fsType,
      values['system-bus'],
      values['os-release'],
      systemClock,
      signal,
    )
    process.stdout.write(`${sentence}\n`)
    await writeFile(values['termination-log'], sentence).catch(() => undefined)
    return installed ? 0 : 1
  } catch (error) {
    process.stderr.write(`podmend-agent install-mount-helper: ${shortError(error)}\n`)
    return 2
  }
}
