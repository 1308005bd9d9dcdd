/**
 * The package that provides the mount helper of a file system type, by distribution. Without schemas: the controller, the
 * agent and the installer share this table.
 */

import type { VolumeSource } from './kubernetes.ts'

/** The fields of os-release that determine the package. */
export interface HostOs {
  readonly id?: string | undefined
  readonly idLike?: readonly string[] | undefined
  readonly versionId?: string | undefined
  readonly variantId?: string | undefined
  /** PRETTY_NAME, for a person. */
  readonly name?: string | undefined
  /** The agent reports that nothing can be installed. */
  readonly immutable?: boolean | undefined
}

export const PACKAGE_MANAGERS = ['apt', 'dnf', 'yum', 'zypper'] as const
export type PackageManager = (typeof PACKAGE_MANAGERS)[number]

/** Hosts whose file system is an image: what is installed there is gone with the next boot, or refused. */
const IMMUTABLE_IDS: ReadonlySet<string> = new Set([
  'talos',
  'bottlerocket',
  'cos',
  'flatcar',
  'rhcos',
  'sle-micro',
  'sl-micro',
  'sle-micro-rancher',
  'opensuse-microos',
  'opensuse-leap-micro',
  'leap-micro',
  'nixos',
  'ubuntu-core',
])
/** Editions of Fedora and RHEL that are images. */
const IMMUTABLE_VARIANTS: ReadonlySet<string> = new Set(['coreos', 'iot', 'silverblue', 'kinoite'])

/** Whether packages cannot be installed permanently. */
export const isImmutable = ({ id = '', variantId = '', immutable }: HostOs): boolean =>
  immutable === true || IMMUTABLE_IDS.has(id) || IMMUTABLE_VARIANTS.has(variantId)

const FAMILIES: readonly (readonly [manager: PackageManager, ids: readonly string[]])[] = [
  ['apt', ['debian', 'ubuntu']],
  ['dnf', ['fedora', 'rhel', 'centos', 'rocky', 'almalinux', 'ol', 'amzn']],
  ['zypper', ['suse', 'opensuse', 'sles', 'opensuse-leap', 'opensuse-tumbleweed']],
]

/** The last of these releases that have no dnf. */
const WITHOUT_DNF: Readonly<Record<string, number>> = { rhel: 7, centos: 7, ol: 7, amzn: 2 }

const hasNoDnf = ({ id = '', versionId = '' }: HostOs): boolean => {
  const last = Object.hasOwn(WITHOUT_DNF, id) ? WITHOUT_DNF[id] : undefined
  const major = Number(versionId.split('.')[0])
  // Amazon Linux counts releases by year since its third.
  return last !== undefined && versionId !== '' && major <= last
}

/** The package manager of a distribution, by ID first, then by ID_LIKE. */
export const packageManagerOf = (os: HostOs): PackageManager | undefined => {
  for (const name of [os.id ?? '', ...(os.idLike ?? [])]) {
    const family = FAMILIES.find(([, ids]) => ids.includes(name))
    if (family) return family[0] === 'dnf' && hasNoDnf(os) ? 'yum' : family[0]
  }
  return undefined
}

type Packages = Readonly<Record<PackageManager, string>>

const NFS: Packages = { apt: 'nfs-common', dnf: 'nfs-utils', yum: 'nfs-utils', zypper: 'nfs-client' }
const CIFS: Packages = { apt: 'cifs-utils', dnf: 'cifs-utils', yum: 'cifs-utils', zypper: 'cifs-utils' }
const CEPH: Packages = { apt: 'ceph-common', dnf: 'ceph-common', yum: 'ceph-common', zypper: 'ceph-common' }
const GLUSTERFS: Packages = {
  apt: 'glusterfs-client',
  dnf: 'glusterfs-fuse',
  yum: 'glusterfs-fuse',
  zypper: 'glusterfs',
}

const PACKAGES: ReadonlyMap<string, Packages> = new Map([
  ['nfs', NFS],
  ['nfs4', NFS],
  ['cifs', CIFS],
  ['smb3', CIFS],
  ['ceph', CEPH],
  ['glusterfs', GLUSTERFS],
])

/** File system types whose helper can be named. */
export const MOUNT_HELPER_TYPES: readonly string[] = [...PACKAGES.keys()]

/** Whether the same program mounts both types: mount.nfs4 and mount.smb3 come with the others. */
export const sameHelper = (a: string, b: string): boolean =>
  a === b || (PACKAGES.get(a) !== undefined && PACKAGES.get(a) === PACKAGES.get(b))

/** The file system type whose helper mounts a volume of this source on the node; undefined if none does. */
export const helperTypeOf = ({ nfs, cephfs, glusterfs, flexVolume }: VolumeSource): string | undefined => {
  if (nfs) return 'nfs'
  if (cephfs) return 'ceph'
  if (glusterfs) return 'glusterfs'
  const { driver = '', fsType = '' } = flexVolume ?? {}
  if (PACKAGES.has(fsType)) return fsType
  return /(?:^|\/)(?:cifs|smb)$/.test(driver) ? 'cifs' : undefined
}

const COMMANDS: Readonly<Record<PackageManager, readonly string[]>> = {
  apt: ['apt-get', 'install', '-y'],
  dnf: ['dnf', 'install', '-y'],
  yum: ['yum', 'install', '-y'],
  zypper: ['zypper', '--non-interactive', 'install'],
}

/** The package that brings `/sbin/mount.TYPE`; undefined where the table has none. */
export const packageOf = (fsType: string, manager: PackageManager): string | undefined =>
  PACKAGES.get(fsType)?.[manager]

export type MountHelper =
  | {
      readonly kind: 'Installable'
      readonly manager: PackageManager
      readonly packageName: string
      /** Program and arguments, without a shell. */
      readonly command: readonly string[]
    }
  /** `why` is a clause, e.g. `Talos is immutable: nothing can be installed on it`. */
  | { readonly kind: 'Immutable' | 'UnknownType' | 'UnknownOs'; readonly why: string }

/** How the helper of a file system type comes onto a host. */
export const mountHelperFor = (os: HostOs, fsType: string): MountHelper => {
  const named = os.name ?? os.id ?? 'this operating system'
  if (!PACKAGES.has(fsType)) return { kind: 'UnknownType', why: `no package is known for file system type ${fsType}` }
  if (isImmutable(os)) return { kind: 'Immutable', why: `${named} is immutable: nothing can be installed on it` }
  const manager = packageManagerOf(os)
  const packageName = manager && packageOf(fsType, manager)
  if (!manager || !packageName) return { kind: 'UnknownOs', why: `the package manager of ${named} is not known` }
  return { kind: 'Installable', manager, packageName, command: [...COMMANDS[manager], packageName] }
}
