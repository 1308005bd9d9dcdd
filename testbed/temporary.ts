import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory {
  readonly path: string
  readonly remove: () => void
}

/** Waits until standard input ends, which it does however the parent ends. Twice, as another program may still be writing. */
const GUARD = 'read -r _; rm -rf -- "$0" || { sleep 1; rm -rf -- "$0"; }'

/**
 * A directory, by default in the system's folder for temporary files, that is gone after this process, however that ends: a guard of its
 * own session removes it, also after SIGKILL. For scripts that run for long; a test removes its directory itself.
 */
export const temporaryDirectory = (prefix: string, parent = tmpdir()): TemporaryDirectory => {
  const path = mkdtempSync(join(parent, prefix))
  const guard = spawn('/bin/sh', ['-c', GUARD, path], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  // Without a shell there is no guard, and `remove` is what removes it.
  guard.once('error', () => undefined)
  guard.stdin.once('error', () => undefined)
  guard.unref()
  // Typed as a plain stream; it is a socket, and must not keep this process running.
  ;(guard.stdin as unknown as { unref?: () => void }).unref?.()
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true })
      guard.stdin.end()
    },
  }
}
