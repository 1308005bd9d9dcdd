/** Machines of the distributions that have rpm: their own dnf, yum and zypper, with repositories whose packages are signed. */
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { debianRoot } from '../image/debian-root.ts'
import { missing } from './debian-tools.ts'
import { createMachine, type Machine } from './machine.ts'

const PACKAGES = [
  'dnf',
  'zypper',
  'rpm',
  'createrepo-c',
  'gnupg',
  'bash',
  'coreutils',
  'dash',
  'sed',
  'findutils',
  'diffutils',
]
const KEY = '/etc/pki/rpm-gpg/RPM-GPG-KEY-vendor'
/** Where the repository lies on a machine. */
export const REPOSITORY = '/srv/repository'

interface Rpm {
  readonly name: string
  readonly spec?: string
  readonly files?: Readonly<Record<string, string>>
  readonly after?: string
}

/** Ends when a file is there: an installation that takes its time. */
export const AT_WORK = { name: 'at-work', begun: '/run/at-work', goOn: '/run/go-on' } as const

const HELPER = { '/usr/sbin/mount.nfs': '#!/bin/sh\n' }
const OFFERED: readonly Rpm[] = [
  { name: 'nfs-utils', files: HELPER },
  { name: 'nfs-client', files: HELPER, spec: 'Conflicts: nfs-utils' },
  // Brings no helper.
  { name: 'cifs-utils' },
  { name: AT_WORK.name, after: `touch ${AT_WORK.begun}; while [ ! -e ${AT_WORK.goOn} ]; do sleep 0.05; done` },
]

export const DISTRIBUTIONS = {
  rocky: 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
  fedora: 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=40\nVARIANT_ID=server\n',
  centos: 'NAME="CentOS Linux"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n',
  opensuse: 'NAME="openSUSE Leap"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n',
} as const
export type Distribution = keyof typeof DISTRIBUTIONS

/** As Red Hat's distributions have it: one repository that cannot be read is the end. */
const DNF_CONF =
  '[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True\nskip_if_unavailable=False\n'

const write = (root: string, path: string, text: string): void => {
  mkdirSync(join(root, dirname(path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** All distributions that have rpm keep their programs below /usr. */
const mergeUsr = (root: string): void => {
  for (const each of ['bin', 'sbin', 'lib', 'lib64']) {
    const folder = join(root, each)
    if (!existsSync(folder) || lstatSync(folder).isSymbolicLink()) continue
    cpSync(folder, join(root, 'usr', each), { recursive: true, verbatimSymlinks: true })
    rmSync(folder, { recursive: true })
    symlinkSync(`usr/${each}`, folder)
  }
}

const specOf = ({ name, spec = '', files = {}, after }: Rpm): string => `Name: ${name}
Version: 1
Release: 1
Summary: ${name}
License: MIT
BuildArch: noarch
AutoReqProv: no
${spec}
%description
%install
cp -a /build/files-of-${name}/. %{buildroot}
${after === undefined ? '' : `%post\n${after}`}
%files
${Object.keys(files).join('\n')}
`

/** The release package of a distribution, by which dnf knows its version; it stands for the packages of its shell, too. */
const releaseOf = (distribution: string, osRelease: string): Rpm => {
  const version = /VERSION_ID="?(?<version>[0-9.]+)/.exec(osRelease)?.groups?.['version']
  const provides = [`system-release = ${version}`, `system-release(releasever) = ${version}`, '/bin/sh']
  const spec = provides.map((each) => `Provides: ${each}`).join('\n')
  return { name: `${distribution}-release`, spec, files: { '/etc/os-release': osRelease } }
}

const BUILD = `
set -e
export HOME=/build PATH=/usr/sbin:/usr/bin LC_ALL=C
cd /build
gpg -q --batch --passphrase '' --quick-generate-key vendor@example.com rsa2048 sign never
mkdir -p ${dirname(KEY)}
gpg -q --export --armor >${KEY}
for spec in *.spec; do
  rpmbuild --quiet -bb --define '_topdir /build' --define '_build_id_links none' --define '__os_install_post %{nil}' "$spec"
done
rpmsign --define '__gpg /usr/bin/gpg' --define '_gpg_name vendor@example.com' --addsign RPMS/noarch/*.rpm
mkdir -p /srv/releases ${REPOSITORY}
mv RPMS/noarch/*-release-*.rpm /srv/releases
mv RPMS/noarch/*.rpm ${REPOSITORY}
createrepo_c -q ${REPOSITORY}
gpg -q --detach-sign --armor ${REPOSITORY}/repodata/repomd.xml
cp ${KEY} ${REPOSITORY}/repodata/repomd.xml.key
`

/** Builds the packages in the root itself, with its own rpmbuild, rpmsign and createrepo_c. */
const buildRepository = async (root: string): Promise<void> => {
  const releases = Object.entries(DISTRIBUTIONS).map(([name, osRelease]) => releaseOf(name, osRelease))
  for (const rpm of [...OFFERED, ...releases]) {
    const files = `/build/files-of-${rpm.name}`
    mkdirSync(join(root, files), { recursive: true })
    for (const [path, text] of Object.entries(rpm.files ?? {})) {
      write(root, join(files, path), text)
      chmodSync(join(root, files, path), 0o755)
    }
    write(root, `/build/${rpm.name}.spec`, specOf(rpm))
  }
  const builder = await createMachine(root)
  try {
    const { status, output } = await builder.run(['/bin/sh', '-c', BUILD])
    if (status !== 0) throw new Error(`building the packages:\n${output.slice(-2_000)}`)
    for (const each of ['srv', dirname(KEY)]) {
      cpSync(join(builder.root, each), join(root, each), { recursive: true })
    }
  } finally {
    await builder.remove()
  }
  rmSync(join(root, 'build'), { recursive: true })
}

const finish = async (root: string): Promise<void> => {
  mergeUsr(root)
  for (const each of ['doc', 'man', 'locale', 'perl', 'info', 'lintian', 'gdb']) {
    rmSync(join(root, 'usr/share', each), { recursive: true, force: true })
  }
  for (const each of ['etc/os-release', 'etc/debian_version']) rmSync(join(root, each), { force: true })
  for (const each of ['proc', 'dev', 'run', 'tmp', 'etc/products.d']) mkdirSync(join(root, each), { recursive: true })
  write(root, '/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')
  write(root, '/etc/group', 'root:x:0:\n')
  // Debian's rpm keeps its database in the home directory.
  write(root, '/etc/rpm/macros.podmend', '%_dbpath /var/lib/rpm\n')
  write(root, '/etc/dnf/dnf.conf', DNF_CONF)
  symlinkSync('dnf-3', join(root, 'usr/bin/yum'))
  await buildRepository(root)
}

let base: Promise<string> | undefined

const resolve = (packages: readonly string[]): Promise<readonly string[]> => missing(packages, '/dev/null')

const rpmRoot = (): Promise<string> => (base ??= debianRoot('rpm-machine', PACKAGES, { resolve, finish, version: '2' }))

/** Adds a repository to a machine, as a person would; `url` as both dnf and zypper take it. */
export const addRepository = (machine: Machine, name: string, url: string, more = ''): void => {
  const text = `[${name}]\nname=${name}\nenabled=1\nautorefresh=1\nbaseurl=${url}\ngpgkey=file://${KEY}\n${more}`
  for (const folder of ['/etc/yum.repos.d', '/etc/zypp/repos.d']) write(machine.root, `${folder}/${name}.repo`, text)
}

export const removeRepository = (machine: Machine, name: string): void => {
  for (const folder of ['etc/yum.repos.d', 'etc/zypp/repos.d']) rmSync(join(machine.root, folder, `${name}.repo`))
}

/** A machine of this distribution, whose one repository offers signed packages by a key that it knows. */
export const createRpmMachine = async (distribution: Distribution, size?: string): Promise<Machine> => {
  const machine = await createMachine(await rpmRoot(), size)
  const run = async (...argv: readonly string[]): Promise<void> => {
    const { status, output } = await machine.run(argv)
    if (status !== 0) throw new Error(`${argv.join(' ')}: ${output}`)
  }
  try {
    const release = readdirSync(join(machine.root, 'srv/releases')).find((each) => each.startsWith(distribution))
    await run('/usr/bin/rpm', '--import', KEY)
    await run('/usr/bin/rpm', '-i', `/srv/releases/${release}`)
    addRepository(machine, 'vendor', `file://${REPOSITORY}`)
    return machine
  } catch (cause) {
    await machine.remove()
    throw cause
  }
}
