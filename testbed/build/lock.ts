import { randomUUID } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const HEARTBEAT_MS = 2000
/** A holder that has not shown itself for so long was killed. Long, because a busy machine delays heartbeats. */
const STALE_MS = 30_000
const LOOK_MS = 250

const take = (path: string): boolean => {
  try {
    closeSync(openSync(path, 'wx'))
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new Error(`taking the lock ${path}`, { cause })
  }
}

const removeIfStale = (path: string): void => {
  try {
    if (Date.now() - statSync(path).mtimeMs < STALE_MS) return
    // Renaming first: of several that find it stale, one removes it.
    const aside = `${path}.${randomUUID()}`
    renameSync(path, aside)
    rmSync(aside)
  } catch {
    // Someone else was quicker.
  }
}

/**
 * Runs `work` while holding a lock file that other processes see, and waits for those that hold it now.
 * A heartbeat (the file's time of change) tells the living from the killed, also between containers that share a cache.
 */
export const withLock = async <T>(path: string, onWait: () => void, work: () => Promise<T>): Promise<T> => {
  let waiting = false
  while (!take(path)) {
    if (!waiting) onWait()
    waiting = true
    await sleep(LOOK_MS)
    removeIfStale(path)
  }
  const heartbeat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date())
    } catch {
      // The next holder's file; nothing to keep alive.
    }
  }, HEARTBEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    rmSync(path, { force: true })
  }
}
