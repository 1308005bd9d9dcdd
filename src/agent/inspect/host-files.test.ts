import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { filesystemsIn, helpersIn, liveRestoreIn, parseOsRelease } from './host-files.ts'
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
  expect(liveRestoreIn(text)).toBe(expected)
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
  expect(() => liveRestoreIn('[')).toThrow()
  expect(() => liveRestoreIn('null')).toThrow('holds no object')
})
