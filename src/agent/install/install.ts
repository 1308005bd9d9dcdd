/** What the short-lived pod runs that puts a mount helper onto its node: it has the host's systemd run the package manager. */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { MOUNT_HELPER_TYPES, mountHelperFor } from '../../model/mount-helpers.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { type Bus, DBusError, openBus } from '../dbus/connection.ts'
import { type RunJob, subscribeToJobs } from '../dbus/systemd-manager.ts'
import { lookAtOs } from '../inspect/host-files.ts'
import { wordsOf } from '../verbs/verb.ts'
import { ENVIRONMENT, installCommands, INSTALLED, lookCommand, runTransient } from './transient-unit.ts'

const OPTIONS = {
  type: { type: 'string' },
  'system-bus': { type: 'string', default: '/run/dbus/system_bus_socket' },
  'os-release': { type: 'string', default: '/host/os-release' },
  'termination-log': { type: 'string', default: '/dev/termination-log' },
} as const

const LOOK_MS = 20_000
const INSTALL_MS = 10 * 60_000

/** How it ended, in one sentence. */
interface Outcome {
  readonly installed: boolean
  readonly sentence: string
}

const done = (sentence: string): Outcome => ({ installed: true, sentence })
const not = (sentence: string): Outcome => ({ installed: false, sentence })

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
    description: `podmend looks for mount.${fsType}`,
    commands: [lookCommand(fsType)],
    environment: ENVIRONMENT,
    timeoutMs: LOOK_MS,
    answers: [1],
  })
  if (job !== 'done') throw new Error(`looking for mount.${fsType} on the host: systemd says ${job}`)
  return status === 0
}

const installOn = async (host: Host, osRelease: string): Promise<Outcome> => {
  const { bus, runJob, fsType } = host
  const os = await lookAtOs(osRelease)
  if (!os.known) return not(`mount.${fsType} is not installed: which distribution this is cannot be seen (${os.why})`)
  const helper = mountHelperFor(os, fsType)
  if (helper.kind !== 'Installable') return not(`mount.${fsType} is not installed: ${helper.why}`)
  if (await hasHelper(host)) return done(`mount.${fsType} is there already: nothing was installed`)

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
    return not(`${manager} could not install ${packageName} (${how}): journalctl -u ${name} on the node tells more`)
  }
  const remark = status === 0 ? '' : ` (exit status ${status})`
  if (await hasHelper(host)) return done(`installed ${packageName} with ${manager}${remark}: mount.${fsType} is there`)
  return not(`${packageName} was installed with ${manager}${remark}, yet there is no mount.${fsType} on the host`)
}

/** What is left on the node goes on: a package manager that is stopped in the middle leaves worse than one that is not. */
const ENDED =
  'this pod was told to end; what systemd had begun on the node goes on (journalctl -u podmend-install-* there)'

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
    if (signal.aborted) return not(`whether mount.${fsType} was installed is not known: ${ENDED}`)
    const atWork = error instanceof DBusError && error.errorName === 'org.freedesktop.systemd1.UnitExists'
    return not(
      `mount.${fsType} is not installed: ${atWork ? 'an installation is at work on this node' : wordsOf(error)}`,
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
    process.stderr.write(`podmend-agent install-mount-helper: ${wordsOf(error)}\n`)
    return 2
  }
}
