import { createReadStream } from 'node:fs'
import type { Clock } from '../../runtime/clock.ts'

/** Part of an inspection: seen, or unknown with the reason. Nothing is guessed. */
export type Probed<T extends object> = ({ readonly known: true } & T) | { readonly known: false; readonly why: string }

const MAX_WHY = 512

/** The code of a system call that failed, at the bottom of an error or of what caused it. */
export const codeOf = (error: unknown): string | undefined => {
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth += 1) {
    const { code } = at as NodeJS.ErrnoException
    // Node's own codes (ERR_…) say where it was noticed, not why.
    if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code
  }
  return undefined
}

const messagesOf = (error: unknown): string => {
  const said: string[] = []
  for (let at = error; at instanceof Error && said.length < 6; at = at.cause) said.push(at.message)
  return said.length === 0 ? String(error) : said.join(': ')
}

/** Why something could not be inspected, in one line. */
export const reasonOf = (error: unknown): string => {
  const code = codeOf(error)
  const text = code === 'ENOENT' ? 'not found' : code === 'EACCES' || code === 'EPERM' ? 'permission denied' : ''
  const said = messagesOf(error)
  return (text === '' ? said : `${text} (${said})`).split('\n', 1)[0]?.slice(0, MAX_WHY) ?? ''
}

/** Runs a probe; an error makes the result unknown. Never rejects. */
export const probe = async <T extends object>(what: string, look: () => Promise<T>): Promise<Probed<T>> => {
  try {
    return { known: true, ...(await look()) }
  } catch (error) {
    return { known: false, why: `${what}: ${reasonOf(error)}`.slice(0, MAX_WHY) }
  }
}

/** The result of a probe; unknown if it takes too long, because a disk or a socket may hang. */
export const inTime = async <Part>(
  clock: Clock,
  ms: number,
  look: Promise<Part>,
): Promise<Part | { readonly known: false; readonly why: string }> => {
  const { promise: late, resolve } = Promise.withResolvers<{ readonly known: false; readonly why: string }>()
  const cancel = clock.setTimeout(() => resolve({ known: false, why: `timed out after ${ms / 1_000} s` }), ms)
  return Promise.race([look, late]).finally(cancel)
}

/**
 * Looks once at a time: while a look hangs, whoever asks next waits for that one. A file system that hangs holds one of
 * the few threads that read files, the agent's own token among them, and not one more with each order to look.
 */
export const oneAtATime = <Part>(look: () => Promise<Part>): (() => Promise<Part>) => {
  let under: Promise<Part> | undefined
  return () => {
    under ??= look().finally(() => {
      under = undefined
    })
    return under
  }
}

export const notAllowed = (what: string, flag: string): { readonly known: false; readonly why: string } => ({
  known: false,
  why: `${what} cannot be inspected: ${flag} is not set`,
})

const MAX_FILE = 256 * 1024

/** A small file's text. Rejects where it cannot be read or is larger than any of its kind; no more than that is read. */
export const readSmall = async (path: string): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  // One byte more than is taken tells that there is more.
  for await (const chunk of createReadStream(path, { end: MAX_FILE })) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
  }
  if (size > MAX_FILE) throw new Error(`${path} is larger than ${MAX_FILE} bytes`)
  return Buffer.concat(chunks).toString('utf8')
}
