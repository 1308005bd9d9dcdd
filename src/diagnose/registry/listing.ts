/** The names that a registry lists: tags of a repository, repositories of its catalog. Many list neither. */
import { type Fact, known, unknown } from '../incident.ts'
import type { Session } from './session.ts'

export type Listed = 'tags' | 'repositories'

/** Of a registry with more, the first so many are compared. */
const MAX_NAMES = 1_000
const MAX_ANSWER = 1_048_576
const LONGEST_NAME = 256

const readNames = (body: Buffer, what: Listed): readonly string[] | undefined => {
  try {
    const names = (JSON.parse(body.toString('utf8')) as Record<string, unknown> | null)?.[what]
    // GitLab and distribution say null of a repository whose tags were all deleted.
    if (names === null) return []
    if (!Array.isArray(names)) return undefined
    return names.filter((name) => typeof name === 'string' && name.length <= LONGEST_NAME).slice(0, MAX_NAMES)
  } catch {
    return undefined
  }
}

/** One request, and no further page. Rejects as the session does. */
export const listNames = async (
  session: Session,
  what: Listed,
  repository: string,
): Promise<Fact<readonly string[]>> => {
  const path = what === 'tags' ? `/${repository}/tags/list?n=${MAX_NAMES}` : `/_catalog?n=${MAX_NAMES}`
  const { status, body, cut } = await session.ask({
    method: 'GET',
    path,
    accept: 'application/json',
    maxBytes: MAX_ANSWER,
  })
  if (status !== 200) return unknown(`the registry answers ${status} when it is asked for its ${what}`)
  if (cut) return unknown(`the registry's list of ${what} is longer than ${MAX_ANSWER} bytes`)
  const names = readNames(body, what)
  return names ? known(names) : unknown(`what the registry answers is no list of ${what}`)
}
