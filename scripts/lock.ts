/**
 * Renews package-lock.json, then makes it independent of the registry it was written against:
 * addresses are removed (integrity hashes stay), and optional platform packages that this registry
 * does not carry are pinned by version all the same, or `npm ci` calls the lock file out of sync.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

interface LockEntry {
  version?: string
  resolved?: string
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const OS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32', 'aix']
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

/** os, cpu and libc as the platform package's name states them (`…-linux-arm64-musl`). */
const platformOf = (name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> => {
  const words = name.replace(/^@[^/]+\//, '').split(/[-/]/)
  const os = OS.filter((o) => words.includes(o))
  const cpu = CPU.filter((c) => words.includes(c))
  const libc = words.some((w) => w.startsWith('musl'))
    ? ['musl']
    : words.some((w) => w.startsWith('gnu'))
      ? ['glibc']
      : []
  return { ...(os.length > 0 && { os }), ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }) }
}

const npm = spawnSync('npm', ['install', ...process.argv.slice(2)], { stdio: 'inherit' })
if (npm.status !== 0) process.exit(npm.status ?? 1)

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockEntry> }
for (const entry of Object.values(lock.packages)) {
  delete entry.resolved
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`
    if (lock.packages[path] || /[\^~*x ]/.test(version)) continue
    lock.packages[path] = { version, optional: true, ...platformOf(name) }
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
writeFileSync('package-lock.json', `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
