import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PACKAGE_MANAGERS } from '../../model/mount-helpers.ts'
import { asVariant, type Value, variant } from '../dbus/codec.ts'
import type { Message } from '../dbus/message.ts'
import { createTestBus, serve, type Service, type ServiceAnswer, type TestBus } from '../dbus/testing.ts'
import { runInstall } from './install.ts'
import { installationOf } from './package-managers.ts'

const SYSTEMD = 'org.freedesktop.systemd1'
const MANAGER = { path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager` }

const DEBIAN = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n'
const SUSE = 'ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.6"\n'
const ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
const CENTOS7 = 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n'
const TALOS = 'ID=talos\nPRETTY_NAME="Talos (v1.12)"\n'

/** What a transient unit was asked to be. */
interface Started {
  readonly name: string
  readonly programs: readonly string[]
  readonly properties: ReadonlyMap<string, Value>
}

const startedBy = ({ body: [name, , list] }: Message): Started => {
  const entries = (Array.isArray(list) ? list : []).map((each): [string, Value] => {
    const [key, value]: readonly Value[] = Array.isArray(each) ? each : []
    return [typeof key === 'string' ? key : '', asVariant(value, 'property').value]
  })
  const properties = new Map(entries)
  const commands = properties.get('ExecStart')
  const programs = (Array.isArray(commands) ? commands : []).map((each) =>
    Array.isArray(each) ? JSON.stringify(each) : '',
  )
  return { name: typeof name === 'string' ? name : '', programs, properties }
}

/** How a unit ends: result of its job, of its service, exit status of its last program. */
interface End {
  /** `done` or `failed` by the status, where it is left out. */
  readonly job?: string
  readonly result?: string
  readonly status?: number
}

/** Where the machine has no dbus-daemon, its package is fetched once. */
const FETCHING_MS = 120_000

let bus: TestBus
let folder: string
let service: Service | undefined
let started: Started[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'podmend-install-'))
  started = []
  bus = await createTestBus()
  await bus.start()
}, FETCHING_MS)
afterEach(async () => {
  service?.close()
  service = undefined
  await bus.remove()
  rmSync(folder, { recursive: true, force: true })
})

interface Scene {
  helper: boolean
  /** How an installation ends; of several, one after the other. */
  readonly install?: End | string | readonly End[]
  /** Whether the helper is there after an installation that succeeded; by default it is. */
  readonly brings?: boolean
  readonly readOnly?: string
  /** Exit statuses of what asks whether a repository has the package, and whether all can be read. */
  readonly available?: number
  readonly readable?: number
}

/** systemd of a host: questions end as the host is, an installation as `install` says, after which the helper is there or not. */
const host = async (scene: Scene) => {
  let last: End = {}
  let installations = 0
  const statusOf = ({ programs: [program = ''] }: Started): number => {
    if (program.includes('"-w"')) return program.includes(`"${scene.readOnly}"`) ? 1 : 0
    if (program.includes('"-x"')) return scene.helper ? 0 : 1
    return (/"(makecache|refresh|update)"/.test(program) ? scene.readable : scene.available) ?? 0
  }
  const end = (unit: Started): End | string => {
    if (unit.name.startsWith('podmend-look-')) return { status: statusOf(unit) }
    const { install } = scene
    const how = (Array.isArray(install) ? (install as readonly End[])[installations] : (install as End | string)) ?? {}
    installations += 1
    const isLast = !Array.isArray(install) || installations === install.length
    if ((scene.brings ?? true) && isLast) scene.helper = true
    return how
  }
  service = await serve(bus.socket, SYSTEMD, (call, self): ServiceAnswer => {
    switch (call.member) {
      case 'Subscribe':
        return { signature: '', body: [] }
      case 'LoadUnit':
        return { signature: 'o', body: ['/unit'] }
      case 'Get':
        return call.body[1] === 'Result'
          ? { signature: 'v', body: [variant('s', last.result ?? 'success')] }
          : { signature: 'v', body: [variant('i', last.status ?? 0)] }
      case 'StartTransientUnit': {
        const unit = startedBy(call)
        if (started.some(({ name }) => name === unit.name)) {
          return { errorName: `${SYSTEMD}.UnitExists`, text: `Unit ${unit.name} was already loaded` }
        }
        started.push(unit)
        const how = end(unit)
        if (how === 'never') return { signature: 'o', body: ['/job/never'] }
        if (typeof how === 'string') return { errorName: how, text: `Unit ${unit.name} was already loaded` }
        // As systemd does with SuccessExitStatus=.
        const [succeeds] = (unit.properties.get('SuccessExitStatus') ?? []) as readonly Value[]
        const hasFailed = how.status !== undefined && how.status !== 0 && !(succeeds as number[]).includes(how.status)
        last = hasFailed && how.job === undefined ? { ...how, job: 'failed', result: 'exit-code' } : how
        const job = `/job/${started.length}`
        const body = [started.length, job, unit.name, last.job ?? 'done']
        setTimeout(() => self.signal({ ...MANAGER, member: 'JobRemoved', signature: 'uoss', body }), 5)
        return { signature: 'o', body: [job] }
      }
      default:
        return { errorName: `${SYSTEMD}.Unknown`, text: 'unknown' }
    }
  })
}

const install = async (
  fsType: string,
  osRelease = DEBIAN,
  signal = new AbortController().signal,
  more: readonly string[] = [],
) => {
  const [os, log] = [join(folder, 'os-release'), join(folder, 'log')]
  writeFileSync(os, osRelease)
  writeFileSync(log, '')
  const flags = [
    '--type',
    fsType,
    `--system-bus=${bus.socket}`,
    `--os-release=${os}`,
    `--termination-log=${log}`,
    ...more,
  ]
  const code = await runInstall(flags, signal)
  return { code, says: readFileSync(log, 'utf8'), installed: started.filter(({ name }) => name.includes('install')) }
}

describe('a mount helper', () => {
  test('that is missing is installed by the host itself, looked for before and after', async () => {
    await host({ helper: false })
    const { code, says, installed } = await install('nfs')
    expect({ code, says }).toEqual({ code: 0, says: 'installed nfs-common with apt; mount.nfs exists' })
    expect(started.map(({ name }) => name.replace(/-[0-9a-f-]{36}/, ''))).toEqual([
      'podmend-look.service',
      'podmend-look.service',
      'podmend-look.service',
      'podmend-install-nfs.service',
      'podmend-look.service',
    ])
    const properties = installed[0]?.properties
    expect(properties?.get('Type')).toBe('oneshot')
    expect(properties?.get('TimeoutStartUSec')).toBe(600_000_000n)
    expect(properties?.get('CollectMode')).toBe('inactive-or-failed')
    expect(properties?.get('Environment')).toContain('DEBIAN_FRONTEND=noninteractive')
    expect(installed[0]?.programs).toEqual([
      '["/usr/bin/apt-get",["/usr/bin/apt-get","-qq","update"],true]',
      expect.stringMatching(/^\["\/usr\/bin\/apt-get",.*"--no-upgrade","--no-remove","nfs-common"\],false\]$/),
    ])
  })

  test.each<[string, string, number, number, string]>([
    // zypper(8): what it says by the way of an installation.
    ['zypper', SUSE, 102, 0, 'installed nfs-client with zypper (exit status 102); mount.nfs exists'],
    ['zypper', SUSE, 103, 0, 'installed nfs-client with zypper (exit status 103)'],
    ['zypper', SUSE, 106, 0, 'installed nfs-client with zypper (exit status 106)'],
    ['zypper', SUSE, 107, 0, 'installed nfs-client with zypper (exit status 107)'],
    ['zypper', SUSE, 104, 1, 'zypper could not install nfs-client (exit status 104)'],
    ['zypper', SUSE, 105, 1, 'zypper could not install nfs-client (exit status 105)'],
    ['zypper', SUSE, 7, 1, 'zypper could not install nfs-client (exit status 7)'],
    ['zypper', SUSE, 8, 1, 'zypper could not install nfs-client (exit status 8)'],
    ['dnf', ROCKY, 0, 0, 'installed nfs-utils with dnf; mount.nfs exists'],
    ['dnf', ROCKY, 1, 1, 'dnf could not install nfs-utils (exit status 1)'],
    ['dnf', ROCKY, 100, 1, 'dnf could not install nfs-utils (exit status 100)'],
    ['dnf', ROCKY, 200, 1, 'dnf could not install nfs-utils (exit status 200)'],
    ['yum', CENTOS7, 0, 0, 'installed nfs-utils with yum; mount.nfs exists'],
    ['yum', CENTOS7, 1, 1, 'yum could not install nfs-utils (exit status 1)'],
    ['apt', DEBIAN, 100, 1, 'apt could not install nfs-common (exit status 100)'],
  ])('for which %s (%j) ends with %i', async (_, os, status, expected, words) => {
    await host({ helper: false, brings: expected === 0, install: { status } })
    const { code, says } = await install('nfs', os, undefined, ['--lock-timeout=1'])
    expect({ code, says }).toEqual({ code: expected, says: expect.stringContaining(words) })
  })

  test('for which a repository was left out, and with it the helper, is not there', async () => {
    await host({ helper: false, brings: false, install: { status: 106 } })
    const { code, says } = await install('nfs', SUSE)
    expect(code).toBe(1)
    expect(says).toBe(
      'nfs-client was installed with zypper (exit status 106), but mount.nfs is still missing on the host',
    )
  })

  test('that is being installed as the pod is told to end leaves a sentence, and the host to finish', async () => {
    const told = new AbortController()
    await host({ helper: false, install: 'never' })
    const installing = install('nfs', DEBIAN, told.signal)
    while (!started.some(({ name }) => name.includes('install'))) await sleep(5)
    told.abort()
    const { code, says } = await installing
    expect(code).toBe(1)
    expect(says).toMatch(/^it is unknown whether mount\.nfs was installed: this pod was terminated/)
    expect(service?.calls).not.toContain('StopUnit')
  })

  test('that is there already leaves the host as it is', async () => {
    await host({ helper: true })
    const { code, says, installed } = await install('nfs4')
    expect({ code, says, installed }).toEqual({
      code: 0,
      says: 'mount.nfs4 already exists; nothing was installed',
      installed: [],
    })
  })

  test.each<[string, string, Parameters<typeof host>[0], string]>([
    [
      'whose package is not to be had',
      DEBIAN,
      { helper: false, brings: false, install: { job: 'failed', result: 'exit-code', status: 100 } },
      'apt could not install nfs-common (exit status 100); for details run journalctl -u podmend-install-nfs.service on the node',
    ],
    [
      'whose installation takes too long',
      DEBIAN,
      { helper: false, brings: false, install: { job: 'failed', result: 'timeout', status: 15 } },
      'apt could not install nfs-common (timeout)',
    ],
    [
      'that the package does not bring',
      DEBIAN,
      { helper: false, brings: false },
      'nfs-common was installed with apt, but mount.nfs is still missing on the host',
    ],
    [
      'that somebody else is installing',
      DEBIAN,
      { helper: false, install: `${SYSTEMD}.UnitExists` },
      'another installation is already running on this node',
    ],
    [
      'that systemd will not install',
      DEBIAN,
      { helper: false, install: 'org.freedesktop.DBus.Error.AccessDenied' },
      'AccessDenied',
    ],
  ])('%s is not there, and why is told', async (_, os, scene, words) => {
    await host(scene)
    const { code, says } = await install('nfs', os)
    expect(code).toBe(1)
    expect(says).toContain(words)
    expect(says).not.toContain('\n')
  })

  test.each<[string, string, string, string]>([
    ['on an immutable host', 'nfs', TALOS, 'Talos (v1.12) is immutable: nothing can be installed on it'],
    ['on a host without a known package manager', 'nfs', 'ID=plan9\n', 'the package manager of plan9 is not known'],
    ['on a host that says nothing of itself', 'nfs', '', 'the distribution is unknown'],
  ])('%s is refused before anything is run', async (_, fsType, os, words) => {
    await host({ helper: false })
    const { code, says } = await install(fsType, os)
    expect(code).toBe(1)
    expect(says).toContain(words)
    expect(started).toEqual([])
  })

  test.each(['ext4', '', '../nfs', 'nfs nfs-kernel-server', 'NFS'])(
    'of type %j is none, and nothing is sent',
    async (fsType) => {
      await host({ helper: false })
      expect((await install(fsType)).code).toBe(2)
      expect(service?.calls).toEqual([])
    },
  )

  test('is not installed where the bus is not there', async () => {
    await bus.stop()
    const { code, says } = await install('cifs')
    expect(code).toBe(1)
    expect(says).toContain('mount.cifs is not installed: connecting to the message bus')
  })
})

describe('an installation that failed', () => {
  const WHERE = 'for details run journalctl -u podmend-install-nfs.service on the node'
  test.each<[string, string, Scene, string]>([
    [
      'dnf, no package',
      ROCKY,
      { helper: false, install: { status: 1 }, available: 1 },
      ': no repository of the node has the package',
    ],
    [
      'apt, no package',
      DEBIAN,
      { helper: false, install: { status: 100 }, available: 100 },
      ': no repository of the node has the package',
    ],
    [
      'zypper, no package',
      SUSE,
      { helper: false, install: { status: 104 }, available: 104 },
      ': no repository of the node has the package',
    ],
    [
      'yum, a broken repository',
      CENTOS7,
      { helper: false, install: { status: 1 }, available: 1, readable: 1 },
      ': a repository of the node cannot be read, and the others do not have the package',
    ],
    [
      'apt, a broken source',
      DEBIAN,
      { helper: false, install: { status: 100 }, available: 100, readable: 100 },
      ': a repository of the node cannot be read, and the others do not have the package',
    ],
    ['dnf, another fault', ROCKY, { helper: false, install: { status: 1 }, readable: 1 }, ''],
    ['dnf, a question without an answer', ROCKY, { helper: false, install: { status: 1 }, available: 200 }, ''],
  ])('is told with its reason: %s', async (_, os, scene, reason) => {
    await host(scene)
    const { code, says } = await install('nfs', os)
    expect(code).toBe(1)
    expect(says).toMatch(/^(apt|dnf|yum|zypper) could not install nfs-(common|utils|client) \(exit status \d+\)/)
    expect(says.replace(/^[^)]*\)/, '')).toBe(`${reason}; ${WHERE}`)
  })

  test('since another holds the lock is tried again, as a unit of another name', async () => {
    await host({ helper: false, install: [{ status: 200 }, { status: 0 }] })
    const { code, says, installed } = await install('nfs', ROCKY)
    expect({ code, says }).toEqual({ code: 0, says: 'installed nfs-utils with dnf; mount.nfs exists' })
    expect(installed.map(({ name }) => name)).toEqual(['podmend-install-nfs.service', 'podmend-install-nfs-2.service'])
  })

  test.each([
    [ROCKY, 200, 'dnf', 'nfs-utils'],
    [SUSE, 7, 'zypper', 'nfs-client'],
  ])('since another holds the lock is given up in the end', async (os, status, manager, packageName) => {
    await host({ helper: false, install: [{ status }, { status }, { status }] })
    const { says } = await install('nfs', os, undefined, ['--lock-timeout=1'])
    expect(says).toMatch(
      new RegExp(
        `^${manager} could not install ${packageName} \\(exit status ${status}\\): another package manager has held the lock for 1 ` +
          'seconds; for details run journalctl -u podmend-install-nfs-2.service on the node$',
      ),
    )
  })

  test('that runs too long is no lock and no missing package', async () => {
    await host({
      helper: false,
      install: { job: 'failed', result: 'timeout', status: 200 },
      available: 1,
      brings: false,
    })
    expect((await install('nfs', ROCKY)).says).toBe(`dnf could not install nfs-utils (timeout); ${WHERE}`)
    expect(started.filter(({ programs: [program = ''] }) => program.includes('list'))).toEqual([])
  })
})

test.each(['/usr', '/var'])('a host whose %s is read-only is left as it is', async (readOnly) => {
  await host({ helper: false, readOnly })
  const { code, says, installed } = await install('nfs', ROCKY)
  expect({ code, says, installed }).toEqual({
    code: 1,
    says: `mount.nfs is not installed: ${readOnly} of the node is read-only`,
    installed: [],
  })
})

test.each(['0', '301', 'soon', ''])('a lock is not waited for %j seconds', async (seconds) => {
  await host({ helper: false })
  expect((await install('nfs', ROCKY, undefined, [`--lock-timeout=${seconds}`])).code).toBe(2)
  expect(service?.calls).toEqual([])
})

test.each(PACKAGE_MANAGERS)(
  '%s is run by its whole path, asks nothing, and is given one package as its last word',
  (manager) => {
    const { commands, isAvailable } = installationOf(manager, 'the-package', 60)
    const last = commands.at(-1)?.argv ?? []
    expect(last[0]).toMatch(/^\/usr\/bin\//)
    expect(last.at(-1)).toBe('the-package')
    expect(last.some((each) => ['-y', '--yes', '--non-interactive'].includes(each))).toBe(true)
    expect(isAvailable.command.argv.at(-1)).toBe('the-package')
  },
)
