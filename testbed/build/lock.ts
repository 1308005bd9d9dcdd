import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const HEARTBEAT_MS = 2000
/** A holder that has not shown itself for so long was killed. Long, because a busy machine delays heartbeats. */
const STALE_MS = 30_000
const LOOK_MS = 250

const take = (path: string): boolean => {
  try {
    const file = openSync(path, 'wx')
    writeSync(file, `${hostname()} ${process.pid}`)
    closeSync(file)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new Error(`taking the lock ${path}`, { cause })
  }
}

/** Whether the holder is a process of this machine that is gone. */
const isAbandoned = (path: string): boolean => {
  const [host, pid] = readFileSync(path, 'utf8').split(' ')
  if (host !== hostname() || !pid) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

const removeIfStale = (path: string): void => {
  try {
    if (Date.now() - statSync(path).mtimeMs < STALE_MS && !isAbandoned(path)) return
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
 * A heartbeat (the file's time of change) tells the living from the killed, also between machines that share a cache.
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
