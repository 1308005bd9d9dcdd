/** What the agents answered to the orders of a step. */
import type { NodeTask } from '../api/kinds.ts'
import type { NodeInspection } from '../api/node-task.ts'
import { parseTime } from '../model/duration.ts'

/** An agent that finished at the last moment needs one to say so. */
const GRACE_MS = 5_000

export type Answers =
  /** Some are not answered; until then they may be, ms since the epoch. */
  | { readonly kind: 'Open'; readonly says: string; readonly until: number }
  /** None was carried out, and none of what was wanted is said to be so already. `says` has the agent's words. */
  | { readonly kind: 'Failed'; readonly says: string }
  /** The agent found nothing to do. */
  | { readonly kind: 'NotNeeded'; readonly says: string }
  /** Carried out, at least in part; `at` when the last ended, ms since the epoch, `left` the words on the others. */
  | {
      readonly kind: 'Done'
      readonly at: number
      readonly left?: string
      readonly inspection?: NodeInspection
    }

const wordsOf = ({ metadata, spec, status }: NodeTask): string =>
  `the agent of node ${spec.nodeName} ${status?.phase === 'Refused' ? 'refused' : 'failed'} ${metadata.name} (${status?.reason ?? 'no reason'}): ${status?.message ?? 'no message'}`

const isFinal = ({ status }: NodeTask): boolean => status?.phase !== undefined && status.phase !== 'Running'

/** Nothing of it is so any more, or a container of the pod runs: what the remedy was for may be over. */
const foundNothing = ({ status }: NodeTask): boolean =>
  status?.phase === 'Refused' && (status.reason === 'NotNeeded' || status.reason === 'SandboxInUse')

const openOf = (open: readonly NodeTask[], now: number): Answers => {
  const until = Math.max(...open.map(({ spec }) => parseTime(spec.deadline) ?? 0)) + GRACE_MS
  const [first] = open
  const node = first?.spec.nodeName
  if (now < until) {
    const begun = open.some(({ status }) => status?.phase === 'Running')
    return { kind: 'Open', says: `the agent of node ${node} ${begun ? 'is at it' : 'has not answered yet'}`, until }
  }
  const late = open.find(({ status }) => status?.phase === 'Running')
  const says = late
    ? `the agent of node ${node} began ${late.metadata.name} and did not say what came of it by its deadline`
    : `the agent of node ${node} did not answer ${first?.metadata.name} by its deadline`
  return { kind: 'Failed', says }
}

/** `names` are those of all orders; `tasks` those that are there. */
export const answersOf = (names: readonly string[], tasks: readonly NodeTask[], now: number): Answers => {
  const missing = names.filter((name) => !tasks.some(({ metadata }) => metadata.name === name))
  const open = tasks.filter((task) => !isFinal(task))
  if (open.length > 0) return openOf(open, now)
  const done = tasks.filter(({ status }) => status?.phase === 'Succeeded')
  const bad = tasks.filter((task) => isFinal(task) && task.status?.phase !== 'Succeeded')
  const gone = missing.length > 0 ? `order ${missing[0]} is gone: somebody deleted it` : undefined
  const failed = bad.find((task) => !foundNothing(task))
  if (done.length === 0) {
    if (failed) return { kind: 'Failed', says: wordsOf(failed) }
    const [idle] = bad
    return idle ? { kind: 'NotNeeded', says: wordsOf(idle) } : { kind: 'Failed', says: gone ?? 'no order was given' }
  }
  const inspection = done.map(({ status }) => status?.inspection).find((seen) => seen !== undefined)
  const left = failed ? wordsOf(failed) : gone
  return {
    kind: 'Done',
    at: Math.max(...done.map(({ status }) => parseTime(status?.finishedAt) ?? 0)),
    ...(left !== undefined && { left }),
    ...(inspection && { inspection }),
  }
}
