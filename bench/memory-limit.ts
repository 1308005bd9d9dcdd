/** A memory limit by a control group of this machine, of version 1 or 2. */
import { accessSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Launch } from './contenders.ts'

export interface MemoryLimit {
  readonly limited: (launch: Launch) => Launch
  readonly remove: () => void
}

/** Where groups are made, the file of the limit, and the one that switches the controller on for them. */
const VERSIONS = [
  { root: '/sys/fs/cgroup/memory', file: 'memory.limit_in_bytes' },
  { root: '/sys/fs/cgroup', file: 'memory.max', enable: 'cgroup.subtree_control' },
] as const

const JOIN = 'echo $$ > "$1" && shift && exec "$@"'

/** Undefined if no group with a limit can be made here. */
export const makeMemoryLimit = (name: string, bytes: number): MemoryLimit | undefined => {
  for (const { root, file, ...version } of VERSIONS) {
    const directory = join(root, `podmend-bench-${process.pid}-${name}`)
    try {
      if ('enable' in version) writeFileSync(join(root, version.enable), '+memory')
      mkdirSync(directory)
      accessSync(join(directory, file))
      writeFileSync(join(directory, file), String(bytes))
      return {
        limited: (launch) => ({
          ...launch,
          program: '/bin/sh',
          args: ['-c', JOIN, 'sh', join(directory, 'cgroup.procs'), launch.program, ...launch.args],
        }),
        remove: () => rmdirSync(directory),
      }
    } catch {
      if (existsSync(directory)) rmdirSync(directory)
    }
  }
  return undefined
}
