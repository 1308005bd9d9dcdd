import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  dockerSettingsIn,
  filesystemsIn,
  helpersIn,
  managesChainsBy,
  parseOsRelease,
  withDockerUnit,
} from './host-files.ts'
import { readSmall } from './probe.ts'

test.each([
  ['ID=debian\nVERSION_ID="12"\n', { ID: 'debian', VERSION_ID: '12' }],
  ['ID=\'opensuse-leap\'\n# a comment\nID_LIKE="suse opensuse"', { ID: 'opensuse-leap', ID_LIKE: 'suse opensuse' }],
  ['PRETTY_NAME="A \\"quoted\\" \\$name"', { PRETTY_NAME: 'A "quoted" $name' }],
  ['id=lower\n=nothing\nID = spaced', {}],
  [`ID=${'a'.repeat(5_000)}`, { ID: 'a'.repeat(128) }],
])('reads %j as os-release', (text, expected) => {
  expect(parseOsRelease(text)).toEqual(expected)
})

test('a helper is what mount(8) would run', () => {
  expect(
    helpersIn(['mount.nfs', 'mount.nfs4', 'mount', 'mount.', 'umount.nfs', 'mount.fuse.sshfs', 'mount.../x']),
  ).toEqual(['nfs', 'nfs4', 'fuse.sshfs'])
})

test('the kernel lists file systems with and without a device', () => {
  expect(filesystemsIn('nodev\tsysfs\nnodev\tnfs4\n\text4\n\txfs\n\n')).toEqual(['sysfs', 'nfs4', 'ext4', 'xfs'])
})

test.each([
  ['{"live-restore": true}', true],
  ['{"live-restore": false}', false],
  ['{"live-restore": "true"}', false],
  ['{}', false],
])('in %s live-restore is %s', (text, expected) => {
  expect(dockerSettingsIn(text).liveRestore).toBe(expected)
})

test('of a file larger than any of its kind no more is read than tells so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'podmend-large-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'daemon.json')
  await writeFile(path, '{}')
  expect(await readSmall(path)).toBe('{}')
  await truncate(path, 2 ** 40)
  await expect(readSmall(path)).rejects.toThrow(`${path} is larger than 262144 bytes`)
  expect(await readSmall('/proc/filesystems')).toContain('proc')
})

test('settings that are none are no answer', () => {
  expect(() => dockerSettingsIn('[')).toThrow()
  expect(() => dockerSettingsIn('null')).toThrow('holds no object')
})

test.each([
  ['{"iptables": false}', false],
  ['{"iptables": true}', true],
  ['{"iptables": true, "firewall-backend": "nftables"}', false],
  ['{"firewall-backend": "iptables"}', undefined],
  ['{"iptables": "false"}', undefined],
  ['{}', undefined],
])('in %s it is %s whether Docker manages chains', (text, expected) => {
  expect(dockerSettingsIn(text).managesChains).toBe(expected)
})

test.each<[string, boolean | undefined]>([
  ['/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock', true],
  ['dockerd --iptables=true', true],
  ['/usr/sbin/dockerd --iptables=false', false],
  ['/usr/sbin/dockerd "--iptables=0" -H fd://', false],
  ['/usr/bin/dockerd --firewall-backend nftables', false],
  ['/usr/bin/dockerd --ip6tables=false', true],
  ['/usr/bin/dockerd --config-file /srv/docker.json', undefined],
  ['/usr/sbin/dockerd -H fd:// $DOCKER_OPTS', undefined],
  ['/usr/bin/docker-proxy -proto tcp', undefined],
])('by the command line %s it is %s', (command, expected) => {
  expect(managesChainsBy([`/usr/bin/docker-init`, command])).toBe(expected)
})

test('whether Docker manages chains is unknown where its file or its flags are', () => {
  const flags = { known: true, list: ['dockerd'] }
  const settings = { known: true, liveRestore: false }
  expect(withDockerUnit(settings, { load: 'loaded', commands: flags })).toMatchObject({ managesChains: true })
  const unseen = withDockerUnit(settings, { load: 'loaded', commands: { known: false, why: 'the bus is gone' } })
  expect(unseen).toEqual({ ...settings, installed: true, why: 'the bus is gone' })
  const unread = { known: false, why: '--docker-config is not set' }
  expect(withDockerUnit(unread, { load: 'loaded', commands: flags })).toEqual({ ...unread, installed: true })
  expect(withDockerUnit({ ...settings, managesChains: false }, { load: 'loaded', commands: flags })).toMatchObject({
    managesChains: false,
  })
})
