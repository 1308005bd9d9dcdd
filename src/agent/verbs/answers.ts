import type { NodeInspection } from '../../api/node-task.ts'
import type { TaskReason } from '../../api/node-verbs.ts'
import type { Answer } from './verb.ts'

/** Of the runtime's and of systemd's own words, as much as a person needs. */
const MAX_WORDS = 300

/** What an error and its causes say, in one line and shortened: it may come from outside. */
export const wordsOf = (error: unknown): string => {
  const parts: string[] = []
  for (let at = error; at instanceof Error && parts.length < 5; at = at.cause) parts.push(at.message)
  const line = (parts.join(': ') || String(error)).replaceAll(/\s+/g, ' ')
  return line.length <= MAX_WORDS ? line : `${line.slice(0, MAX_WORDS - 1)}…`
}

export const refused = (reason: TaskReason, message: string): Answer => ({ phase: 'Refused', reason, message })

export const failed = (reason: TaskReason, message: string, inspection?: NodeInspection): Answer => ({
  phase: 'Failed',
  reason,
  message,
  ...(inspection && { inspection }),
})

export const succeeded = (reason: 'Done' | 'AlreadyDone', message: string, inspection?: NodeInspection): Answer => ({
  phase: 'Succeeded',
  reason,
  message,
  ...(inspection && { inspection }),
})
