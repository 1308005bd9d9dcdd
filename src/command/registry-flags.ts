import type { Options } from './flags.ts'

/** How the controller is told of registries; the same flags and variables. */
export const REGISTRY_OPTIONS = {
  'registry-hosts-dir': {
    type: 'string',
    value: 'DIR',
    help: "registry hosts, mirrors and CAs in containerd's certs.d form; else PODMEND_REGISTRY_HOSTS_DIR",
  },
  'allow-registry-address': {
    type: 'string',
    value: 'CIDR',
    multiple: true,
    help: 'addresses at which a registry may be, although such are refused; else PODMEND_ALLOW_REGISTRY_ADDRESS',
  },
} as const satisfies Options

type Environment = Readonly<Record<string, string | undefined>>

/** Directory of registry hosts: the flag, else the variable. */
export const hostsDirOf = (flag: string | undefined, environment: Environment): string | undefined =>
  flag ?? (environment['PODMEND_REGISTRY_HOSTS_DIR'] || undefined)

/** Allowed addresses: the flags, else the variable, which separates them by commas. */
export const addressesOf = (flags: readonly string[] | undefined, environment: Environment): readonly string[] =>
  flags ??
  (environment['PODMEND_ALLOW_REGISTRY_ADDRESS'] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter(Boolean)
