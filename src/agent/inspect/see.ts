import { readFile } from 'node:fs/promises'

/** Part of an inspection: seen, or unknown with the reason. Nothing is guessed. */
export type Seen<T extends object> = ({ readonly known: true } & T) | { readonly known: false; readonly why: string }

const MAX_WHY = 512

/** Why something could not be looked at, in one line. */
export const sayWhy = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException
  const text = code === 'ENOENT' ? 'it is not there' : code === 'EACCES' || code === 'EPERM' ? 'it may not be read' : ''
  const said = error instanceof Error ? message : String(error)
  return (text === '' ? said : `${text} (${said})`).split('\n', 1)[0]?.slice(0, MAX_WHY) ?? ''
}

/** Looks; what throws is unknown. Never rejects. */
export const see = async <T extends object>(what: string, look: () => Promise<T>): Promise<Seen<T>> => {
  try {
    return { known: true, ...(await look()) }
  } catch (error) {
    return { known: false, why: `${what}: ${sayWhy(error)}`.slice(0, MAX_WHY) }
  }
}

export const notAllowed = (what: string, flag: string): { readonly known: false; readonly why: string } => ({
  known: false,
  why: `${what} may not be looked at: ${flag} is not given`,
})

const MAX_FILE = 256 * 1024

/** A small file's text. Rejects where it cannot be read or is larger than any of its kind. */
export const readSmall = async (path: string): Promise<string> => {
  const text = await readFile(path, 'utf8')
  if (text.length > MAX_FILE) throw new Error(`${path} is larger than ${MAX_FILE} characters`)
  return text
}
