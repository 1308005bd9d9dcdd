import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from './programs.ts'

export interface ProgramStatus {
  readonly name: string
  /** Absent between its end and its next start. */
  readonly pid?: number
  /** How often it ended and was started again. */
  readonly exits: number
}

type Request =
  | { do: 'status' }
  | { do: 'start' | 'restart'; program: string }
  | { do: 'certificate'; user: string; groups: readonly string[] }
  | { do: 'stop' }

interface Answer {
  programs?: ProgramStatus[]
  exits?: number
  certificate?: string
  key?: string
}

const PREFIX = 'podmend-'
const ASK_TIMEOUT_MS = 10_000

/** Asks the supervisor whose directory it is. Throws when none answers. */
export const askSupervisor = (directory: string, request: Request): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const socket = connect(join(directory, 'control.sock'))
    const fail = (cause: Error): void => {
      socket.destroy()
      reject(new Error(`asking the supervisor of ${directory} to ${request.do}`, { cause }))
    }
    socket.setTimeout(ASK_TIMEOUT_MS, () => fail(new Error('no answer')))
    socket.once('error', fail)
    const lines = createInterface(socket)
    // It gives its input's errors a second time, and one without a listener ends the process.
    lines.once('error', fail)
    lines.once('line', (line) => {
      socket.end()
      const answer = JSON.parse(line) as Answer & { error?: string }
      if (answer.error === undefined) resolve(answer)
      else fail(new Error(answer.error))
    })
    socket.once('end', () => fail(new Error('it ended')))
    socket.write(`${JSON.stringify(request)}\n`)
  })

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Whether a server answers at the socket: its file is there before the first caller is let in. */
const answers = (directory: string): Promise<boolean> =>
  askSupervisor(directory, { do: 'status' }).then(
    () => true,
    () => false,
  )

/** Removes what supervisors left that were killed outright; each of the others removes its own directory. */
const sweep = (): void => {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue
    const directory = join(tmpdir(), name)
    try {
      const pid = Number(readFileSync(join(directory, 'supervisor.pid'), 'utf8'))
      if (pid > 0 && !isAlive(pid)) rmSync(directory, { recursive: true, force: true })
    } catch {
      // Just being made, or another user's.
    }
  }
}

/** A new directory for a supervisor and its programs. Short, because the path of a Unix socket is limited to 104 bytes. */
export const newDirectory = (): string => {
  sweep()
  return mkdtempSync(join(tmpdir(), PREFIX))
}

export interface Supervised {
  /** Kills everything and removes the directory; resolves when it is gone. */
  readonly stop: () => Promise<void>
}

/**
 * Starts `supervise` from the folder of binaries. Unless detached, it ends when this process does, however that
 * happens: its standard input is a pipe that only this process holds.
 */
export const startSupervisor = async (
  binaries: string,
  { directory, programs, detached }: { directory: string; programs: readonly Program[]; detached: boolean },
): Promise<Supervised> => {
  const order = join(directory, 'order.json')
  writeFileSync(order, JSON.stringify({ directory, detached, programs }))
  const log = openSync(join(directory, 'supervise.log'), 'a')
  const child = spawn(join(binaries, 'supervise'), [order], {
    stdio: [detached ? 'ignore' : 'pipe', log, log],
    // A session of its own, so that Ctrl-C reaches it through its parent only.
    detached: true,
  })
  closeSync(log)
  child.unref()
  // Typed as a plain stream; it is a socket, and must not keep this process running.
  ;(child.stdin as unknown as { unref?: () => void } | null)?.unref?.()
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let failure: Error | undefined
  child.once('error', (cause) => {
    failure = cause
  })

  while (!existsSync(join(directory, 'control.sock')) || !(await answers(directory))) {
    if (failure || child.exitCode !== null) {
      throw new Error(`starting the supervisor: ${failureOf(directory, 'supervise')}`, { cause: failure })
    }
    await sleep(10)
  }
  return {
    stop: async () => {
      child.ref()
      child.stdin?.destroy()
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await ended
      }
    },
  }
}

/** The last lines that a program wrote, for an error's text. */
export const failureOf = (directory: string, program: string): string => {
  try {
    return readFileSync(join(directory, `${program}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-8)
      .join('\n')
  } catch {
    return 'it left no log'
  }
}
