/** The command was called in a way that it does not understand; the sentence names the argument, what was found and expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Nothing is wrong with the command: the answer is no. The sentence says why. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** Exit status of a command that did what was asked, of one that could not or found something bad, of one called wrongly. */
export const EXIT = { done: 0, failed: 1, misused: 2 } as const
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

const MAX_CAUSES = 4

/** An error and what caused it, on one line. A cause whose words the error already quotes is left out. */
export const sentenceOf = (error: unknown): string => {
  const parts: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth += 1) {
    const said = at.message || at.name
    if (!parts.some((part) => part.includes(said))) parts.push(said)
  }
  if (parts.length === 0) parts.push(typeof error === 'string' ? error : 'an unknown error')
  return parts.join(': ').replace(/\s*\n\s*/g, ' ')
}
