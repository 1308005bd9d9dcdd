/** The installer of mount helpers on machines with the real dnf, yum and zypper. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTestBus, type TestBus } from '../../src/agent/dbus/testing.ts'
import { runInstall } from '../../src/agent/install/install.ts'
import { eventually } from '../../testbed/eventually.ts'
import type { Machine } from '../../testbed/machine/machine.ts'
import {
  addRepository,
  AT_WORK,
  createRpmMachine,
  type Distribution,
  removeRepository,
} from '../../testbed/machine/rpm-machine.ts'
import { type MachineSystemd, serveSystemd } from './machine-systemd.ts'

interface Host {
  readonly machine: Machine
  readonly systemd: MachineSystemd
  readonly bus: TestBus
}

/** Where the packages are not in the cache, they are fetched once. */
const FETCHING_MS = 600_000

const hosts: Host[] = []
const servers: Server[] = []
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'podmend-install-hosts-'))
  await (await createRpmMachine('rocky')).remove()
  return () => rmSync(folder, { recursive: true, force: true })
}, FETCHING_MS)
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  for (const { systemd, bus, machine } of hosts.splice(0)) {
    systemd.close()
    await bus.remove()
    await machine.remove()
  }
})

const host = async (distribution: Distribution, size?: string): Promise<Host> => {
  const machine = await createRpmMachine(distribution, size)
  const bus = await createTestBus()
  await bus.start()
  const made = { machine, bus, systemd: await serveSystemd(bus.socket, machine) }
  hosts.push(made)
  return made
}

const install = async ({ machine, bus, systemd }: Host, fsType = 'nfs', lockTimeoutS = 60) => {
  const log = join(folder, 'termination-log')
  writeFileSync(log, '')
  const before = systemd.units.length
  const flags = [
    `--type=${fsType}`,
    `--system-bus=${bus.socket}`,
    `--os-release=${join(machine.root, 'etc/os-release')}`,
    `--lock-timeout=${lockTimeoutS}`,
    `--termination-log=${log}`,
  ]
  const code = await runInstall(flags, new AbortController().signal)
  const attempts = systemd.units.slice(before).filter(({ name }) => name.startsWith('podmend-install-'))
  return { code, message: readFileSync(log, 'utf8'), attempts, output: attempts.map((each) => each.output).join('') }
}

const hasHelper = ({ machine }: Host): boolean => existsSync(join(machine.root, 'usr/sbin/mount.nfs'))

/** An installation of somebody else, which goes on until it is told to end. */
const otherInstallation = async ({ machine }: Host, argv: readonly string[]) => {
  const running = machine.run([...argv, AT_WORK.name])
  await eventually(() => expect(existsSync(join(machine.root, AT_WORK.begun))).toBe(true), { timeoutMs: 30_000 })
  return async () => {
    writeFileSync(join(machine.root, AT_WORK.goOn), '')
    expect(await running).toMatchObject({ status: 0 })
  }
}

/** A repository that answers, with nothing of use. */
const brokenRepository = async (): Promise<string> => {
  const server = createServer((_, response) => response.writeHead(404).end('gone'))
  servers.push(server.listen(0, '127.0.0.1'))
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

interface Case {
  readonly distribution: Distribution
  readonly manager: string
  readonly packageName: string
  /** How somebody else installs on it. */
  readonly byHand: readonly string[]
}
const DNF: Case = {
  distribution: 'rocky',
  manager: 'dnf',
  packageName: 'nfs-utils',
  byHand: ['/usr/bin/dnf', '-y', 'install'],
}
const ZYPPER: Case = {
  distribution: 'opensuse',
  manager: 'zypper',
  packageName: 'nfs-client',
  byHand: ['/usr/bin/zypper', '-n', 'install'],
}
const FEDORA: Case = { ...DNF, distribution: 'fedora' }
/** yum 4 is dnf by another name, and is told what yum 3 understands as well. */
const YUM: Case = { ...DNF, distribution: 'centos', manager: 'yum', byHand: ['/usr/bin/yum', '-y', 'install'] }

describe.each([DNF, FEDORA, YUM, ZYPPER])('on $distribution, $manager', ({ distribution, manager, packageName }) => {
  test('installs the signed package of the repository, once', async () => {
    const on = await host(distribution)
    const { code, message, output } = await install(on)
    expect({ code, message }, output).toEqual({
      code: 0,
      message: `installed ${packageName} with ${manager}; mount.nfs exists`,
    })
    expect(hasHelper(on)).toBe(true)
    expect((await on.machine.run(['/usr/bin/rpm', '-q', packageName])).output).toContain(`${packageName}-1-1.noarch`)
    const again = await install(on)
    expect(again).toMatchObject({ code: 0, message: 'mount.nfs already exists; nothing was installed', attempts: [] })
  })
})

describe.each([DNF, YUM, ZYPPER])('on $distribution, $manager', ({ distribution, manager, packageName, byHand }) => {
  test('waits for another installation to end', async () => {
    const on = await host(distribution)
    const end = await otherInstallation(on, byHand)
    const installing = install(on)
    // dnf gives way and is run again; the others wait by themselves.
    const attempt = () => on.systemd.units.find(({ name }) => name === 'podmend-install-nfs.service')
    await eventually(() => expect(attempt()?.status).toBe(manager === 'dnf' ? 200 : 0), { timeoutMs: 30_000 })
    if (manager !== 'dnf') await sleep(3_000)
    expect(hasHelper(on)).toBe(false)
    await end()
    const { code, message, output } = await installing
    expect({ code, message }, output).toEqual({
      code: 0,
      message: `installed ${packageName} with ${manager}; mount.nfs exists`,
    })
  })

  test('leaves out a repository that cannot be read, where another has the package', async () => {
    const on = await host(distribution)
    addRepository(on.machine, 'broken', await brokenRepository())
    const { code, message, output } = await install(on)
    expect({ code, message }, output).toEqual({
      code: 0,
      message: `installed ${packageName} with ${manager}${manager === 'zypper' ? ' (exit status 106)' : ''}; mount.nfs exists`,
    })
  })

  test('fails where the only repository cannot be read', async () => {
    const on = await host(distribution)
    addRepository(on.machine, 'broken', await brokenRepository())
    removeRepository(on.machine, 'vendor')
    const { code, message, output } = await install(on)
    expect({ code, message }, output).toEqual({
      code: 1,
      message: expect.stringMatching(
        new RegExp(
          `^${manager} could not install ${packageName} \\(exit status \\d+\\): a repository of the node cannot be read, ` +
            'and the others do not have the package; for details run journalctl -u podmend-install-nfs.service on the node$',
        ),
      ),
    })
    expect(hasHelper(on)).toBe(false)
  })

  test('fails where no repository has the package', async () => {
    const { code, message, output } = await install(await host(distribution), 'ceph')
    expect({ code, message }, output).toEqual({
      code: 1,
      message: expect.stringMatching(
        new RegExp(
          `^${manager} could not install ceph-common \\(exit status (1|104)\\): no repository of the node has the package; ` +
            'for details run journalctl -u podmend-install-ceph.service on the node$',
        ),
      ),
    })
  })
})

describe.each([DNF, ZYPPER])('on $distribution, $manager', ({ distribution, manager, packageName }) => {
  test('installs a package that brings no helper, and that is told', async () => {
    const { code, message } = await install(await host(distribution), 'cifs')
    expect({ code, message }).toEqual({
      code: 1,
      message: `cifs-utils was installed with ${manager}, but mount.cifs is still missing on the host`,
    })
  })

  test('installs nothing that is signed by a key the node does not know', async () => {
    const on = await host(distribution)
    const keys = (await on.machine.run(['/usr/bin/rpm', '-q', 'gpg-pubkey'])).output
    const [key = ''] = /gpg-pubkey\S+/.exec(keys) ?? []
    expect((await on.machine.run(['/usr/bin/rpm', '-e', key])).status).toBe(0)
    rmSync(join(on.machine.root, 'etc/pki/rpm-gpg'), { recursive: true })
    const { code, message, output } = await install(on)
    expect({ code, message }, output).toEqual({
      code: 1,
      message: expect.stringMatching(new RegExp(`^${manager} could not install ${packageName} \\(exit status \\d+\\)`)),
    })
    expect(hasHelper(on)).toBe(false)
  })

  test('is not run where the root is read-only', async () => {
    const on = await host(distribution)
    await on.machine.makeReadOnly()
    const { code, message, attempts } = await install(on)
    expect({ code, message, attempts }).toEqual({
      code: 1,
      message: 'mount.nfs is not installed: /usr of the node is read-only',
      attempts: [],
    })
  })

  test('fails where the disk is full', async () => {
    const on = await host(distribution, '40m')
    await on.machine.run(['/bin/sh', '-c', 'cat /dev/zero >/srv/fills-the-disk'])
    const { code, message, output } = await install(on)
    expect({ code, message }, output).toEqual({
      code: 1,
      message: expect.stringMatching(
        new RegExp(
          `^${manager} could not install ${packageName} \\(exit status \\d+\\): the file system of /etc/os-release has only 0 MiB free;`,
        ),
      ),
    })
    expect(hasHelper(on)).toBe(false)
  })
})

test.each([DNF, ZYPPER])('$manager gives way to another installation that does not end', async (each) => {
  const on = await host(each.distribution)
  const end = await otherInstallation(on, each.byHand)
  const { code, message, attempts, output } = await install(on, 'nfs', 2)
  expect({ code, message }, output).toEqual({
    code: 1,
    message: expect.stringMatching(
      new RegExp(
        `^${each.manager} could not install ${each.packageName} \\(exit status ${each === DNF ? 200 : 7}\\): another package ` +
          'manager has held the lock for 2 seconds; for details run journalctl -u podmend-install-nfs(-\\d+)?.service on the node$',
      ),
    ),
  })
  expect(attempts.length).toBeLessThan(4)
  await end()
  expect((await install(on)).code).toBe(0)
})
