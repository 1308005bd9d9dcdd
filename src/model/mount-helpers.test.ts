import { describe, expect, test } from 'vitest'
import { type HostOs, mountHelperFor } from './mount-helpers.ts'

const rows: readonly (readonly [what: string, os: HostOs, fsType: string, expected: string])[] = [
  ['Debian', { id: 'debian', versionId: '12' }, 'nfs', 'apt-get install -y nfs-common'],
  ['what is like Ubuntu', { id: 'linuxmint', idLike: ['ubuntu', 'debian'] }, 'nfs4', 'apt-get install -y nfs-common'],
  ['Fedora', { id: 'fedora', versionId: '42' }, 'nfs', 'dnf install -y nfs-utils'],
  ['CentOS 7', { id: 'centos', idLike: ['rhel', 'fedora'], versionId: '7' }, 'nfs', 'yum install -y nfs-utils'],
  ['RHEL 9.4', { id: 'rhel', versionId: '9.4' }, 'cifs', 'dnf install -y cifs-utils'],
  ['Amazon Linux 2', { id: 'amzn', versionId: '2' }, 'nfs', 'yum install -y nfs-utils'],
  ['Amazon Linux 2023', { id: 'amzn', versionId: '2023' }, 'nfs', 'dnf install -y nfs-utils'],
  ['SLES', { id: 'sles', idLike: ['suse'] }, 'nfs', 'zypper --non-interactive install nfs-client'],
  ['GlusterFS on Debian', { id: 'debian' }, 'glusterfs', 'apt-get install -y glusterfs-client'],
  ['GlusterFS on Rocky', { id: 'rocky', versionId: '9' }, 'glusterfs', 'dnf install -y glusterfs-fuse'],
  ['Talos', { id: 'talos', name: 'Talos (v1.10)' }, 'nfs', 'Immutable'],
  ['Fedora CoreOS', { id: 'fedora', variantId: 'coreos' }, 'nfs', 'Immutable'],
  ['SLE Micro', { id: 'sle-micro', idLike: ['suse'] }, 'nfs', 'Immutable'],
  ['what the agent says is immutable', { id: 'debian', immutable: true }, 'nfs', 'Immutable'],
  ['FUSE types', { id: 'debian' }, 'fuse.sshfs', 'UnknownType'],
  ['names of object prototypes', { id: 'constructor' }, 'nfs', 'UnknownOs'],
  ['Alpine', { id: 'alpine' }, 'nfs', 'UnknownOs'],
  ['an unseen host', {}, 'nfs', 'UnknownOs'],
]

describe('the mount helper', () => {
  test.each(rows)('on %s', (_what, os, fsType, expected) => {
    const helper = mountHelperFor(os, fsType)
    expect(helper.kind === 'Installable' ? helper.command.join(' ') : helper.kind).toBe(expected)
  })
})
