/** Whether a run that a person stepped into is over, and whether its end is explained. Pure. */
import type { End, EndedRecord } from './end.ts'

/** What the step of a person makes of ends that would else be faults. */
export interface Excuse {
  /** The reason with which a record names the step as what stopped it. */
  readonly stops?: string | undefined
  /** The person deleted a record whose step had begun: what replaces it knows nothing of that step. */
  readonly forgotten?: boolean | undefined
}

/** Guardrails that let an undo wait; meanwhile the remedy stays in verification. */
const UNDO_WAITS = new Set(['OperatorPaused', 'PolicySuspended'])

/** Whether someone is still to continue it. Only the step that the person took excuses an undo that waits. */
export const goesOn = ({ phase, reason }: EndedRecord, { stops }: Excuse): boolean =>
  phase === 'Running' || (phase === 'Verifying' && !(reason === stops && UNDO_WAITS.has(reason)))

const WRITTEN = /^RewriteImage (Done|Succeeded|Ineffective)$/
const BEGUN = 'RewriteImage Intended'

/** Nothing explains these ends: work that no one continues, and records that contradict their workload. */
export const unexplained = ({ records, images = [], original }: End, excuse: Excuse = {}): readonly string[] => {
  const complaints = records
    .filter((record) => goesOn(record, excuse))
    .map(({ phase, reason }) => `a record stays ${phase} ${reason}`)
  const isRewritten = original !== undefined
  // A step that the person stopped in the middle stays begun, until it is allowed again.
  const didIt = ({ steps, phase, reason }: EndedRecord): boolean =>
    steps.some((step) => WRITTEN.test(step)) || (steps.at(-1) === BEGUN && phase === 'Held' && reason === excuse.stops)
  if (isRewritten && !excuse.forgotten && !records.some(didIt)) {
    const steps = records.flatMap((record) => record.steps)
    complaints.push(`the workload has ${images.join()}, and no record has a step that did it: ${steps.join()}`)
  }
  return complaints
}

/** After a step of a person the end is not known before: it is one if nothing begins for so long. */
export const SETTLED_MS = 5_000

/** Given each look at a run, oldest first, with its time: whether nothing was in progress since `SETTLED_MS`. */
export const createSettled = () => {
  let since: number | undefined
  return (isQuiet: boolean, at: number): boolean => {
    if (!isQuiet) since = undefined
    else since ??= at
    return since !== undefined && at - since >= SETTLED_MS
  }
}
