/** Messages in what people have at hand: all of `kubectl get events -o json`, or a `kubectl describe pod`. Pure. */

export interface Said {
  readonly reason: string
  readonly message: string
}

export type Pasted = 'Json' | 'Describe'

/** What the first line tells: no line of JSON lines is a lone brace, and only a description begins with a name. */
export const pastedAs = (first: string): Pasted | undefined =>
  first.trim() === '{' ? 'Json' : /^Name: +\S/.test(first) ? 'Describe' : undefined

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

interface EventLike {
  readonly reason?: unknown
  readonly message?: unknown
  readonly note?: unknown
}

/** Reason and message of each object of a list, or of one; a message is a `note` in events.k8s.io. Throws on what is no JSON. */
export const saidInJson = (text: string): readonly Said[] => {
  const value = JSON.parse(text) as { readonly items?: unknown } | null
  const items = Array.isArray(value?.items)
    ? (value.items as readonly (EventLike | null)[])
    : [value as EventLike | null]
  return items.map((item) => ({ reason: textOf(item?.reason), message: textOf(item?.message ?? item?.note) }))
}

/** `  Warning  Failed  5m (x2 over 8m)  kubelet  Failed to pull …`: columns are two spaces or more apart. */
const ROW = /^ {2,}(?:Normal|Warning) +(?<reason>\S+) +\S.*?(?: {2,})\S.*?(?: {2,})(?<message>\S.*)$/
/** `      Reason:       OOMKilled`, in the state of a container. */
const STATE = /^ +(?<label>Reason|Message): +(?<text>\S.*)$/

/** What a description tells of its containers, then its Events; the lines of a longer message belong together. */
export const saidInDescription = (lines: readonly string[]): readonly Said[] => {
  const from = lines.findIndex((line) => line.startsWith('Events:'))
  const said: { reason: string; message: string }[] = []
  for (const line of from < 0 ? lines : lines.slice(0, from)) {
    const { label, text = '' } = STATE.exec(line)?.groups ?? {}
    if (label === 'Reason') said.push({ reason: text.trim(), message: '' })
    const last = said.at(-1)
    if (label === 'Message' && last?.message === '') last.message = text.trim()
  }
  const events: { reason: string; message: string }[] = []
  for (const line of from < 0 ? [] : lines.slice(from + 1)) {
    const { reason, message = '' } = ROW.exec(line)?.groups ?? {}
    const last = events.at(-1)
    if (reason !== undefined) events.push({ reason, message })
    else if (last && line.trim() !== '') last.message += `\n${line.trim()}`
  }
  return [...said, ...events]
}
