/** What the short-lived pod runs that puts a mount helper onto its node: it has the host's systemd run the package manager. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { MOUNT_HELPER_TYPES, mountHelperFor } from '../../model/mount-helpers.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { type Bus, DBusError, openBus } from '../dbus/connection.ts'
import { subscribeToJobs } from '../dbus/systemd-manager.ts'
import { inspectOs } from '../inspect/host-files.ts'
import { shortError } from '../verbs/verb.ts'
import { ask, type Host, reasonOf, runInstallation } from './attempt.ts'
import { hasHelper, installationOf, isWritable } from './package-managers.ts'

const OPTIONS = {
  type: { type: 'string' },
  'system-bus': { type: 'string', default: '/run/dbus/system_bus_socket' },
  'os-release': { type: 'string', default: '/host/os-release' },
  /** Seconds to wait for a lock that another package manager holds. */
  'lock-timeout': { type: 'string', default: '120' },
  'termination-log': { type: 'string', default: '/dev/termination-log' },
} as const

/** How it ended, in one sentence. */
interface Outcome {
  readonly installed: boolean
  readonly sentence: string
}

const done = (sentence: string): Outcome => ({ installed: true, sentence })
const notInstalled = (sentence: string): Outcome => ({ installed: false, sentence })

const isHelperThere = async (host: Host): Promise<boolean> => {
  const helper = `mount.${host.fsType}`
  const isThere = await ask(host, helper, hasHelper(host.fsType))
  if (isThere === undefined) throw new Error(`checking for ${helper} on the host: test could not be run there`)
  return isThere
}

/** Folders that a package manager writes to. */
const WRITTEN = ['/usr', '/var']

const installOn = async (host: Host): Promise<Outcome> => {
  const { fsType } = host
  const os = await inspectOs(host.osRelease)
  if (!os.known) return notInstalled(`mount.${fsType} is not installed: the distribution is unknown (${os.why})`)
  const helper = mountHelperFor(os, fsType)
  if (helper.kind !== 'Installable') return notInstalled(`mount.${fsType} is not installed: ${helper.why}`)
  if (await isHelperThere(host)) return done(`mount.${fsType} already exists; nothing was installed`)
  for (const folder of WRITTEN) {
    if ((await ask(host, folder, isWritable(folder))) === false) {
      return notInstalled(`mount.${fsType} is not installed: ${folder} of the node is read-only`)
    }
  }

  const { manager, packageName } = helper
  const installation = installationOf(manager, packageName, host.lockTimeoutS)
  const attempt = await runInstallation(host, installation, packageName)
  const { job, result, status, name } = attempt
  if (job !== 'done') {
    const how = result === 'exit-code' ? `exit status ${status}` : result || job
    const reason = await reasonOf(host, installation, attempt)
    const because = reason === undefined ? '' : `: ${reason}`
    return notInstalled(
      `${manager} could not install ${packageName} (${how})${because}; for details run journalctl -u ${name} on the node`,
    )
  }
  const remark = status === 0 ? '' : ` (exit status ${status})`
  if (await isHelperThere(host)) {
    return done(`installed ${packageName} with ${manager}${remark}; mount.${fsType} exists`)
  }
  return notInstalled(
    `${packageName} was installed with ${manager}${remark}, but mount.${fsType} is still missing on the host`,
  )
}

/** What is left on the node goes on: a package manager that is stopped in the middle leaves worse than one that is not. */
const TERMINATED =
  'this pod was terminated; what systemd started on the node continues (see journalctl -u podmend-install-* on the node)'

interface Options {
  readonly fsType: string
  readonly systemBus: string
  readonly osRelease: string
  readonly lockTimeoutS: number
}

const install = async ({ systemBus, ...what }: Options, clock: Clock, signal: AbortSignal): Promise<Outcome> => {
  const { fsType } = what
  let bus: Bus | undefined
  const end = (): void => bus?.close()
  signal.addEventListener('abort', end, { once: true })
  try {
    bus = await openBus({ path: systemBus, clock })
    signal.throwIfAborted()
    return await installOn({ ...what, bus, runJob: await subscribeToJobs(bus, clock), clock, signal })
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
    const lockTimeoutS = Number(values['lock-timeout'])
    if (!(lockTimeoutS >= 1 && lockTimeoutS <= 300)) {
      throw new Error(`--lock-timeout: found "${values['lock-timeout'].slice(0, 80)}", expected 1 to 300 seconds`)
    }
    const { installed, sentence } = await install(
      { fsType, systemBus: values['system-bus'], osRelease: values['os-release'], lockTimeoutS },
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
