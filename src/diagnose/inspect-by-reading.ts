import type { NodeInspection } from '../api/node-task.ts'
import type { NodeTask } from '../api/objects.ts'
import { notFound } from '../runtime/errors.ts'
import { pathOf } from '../runtime/paths.ts'
import { known, unknown } from './incident.ts'
import type { Inspect } from './inspect.ts'
import { type Reads, whyUnread } from './reads.ts'

export interface InspectByReadingDeps {
  readonly reads: Reads
  /** The operator's own, where orders lie. */
  readonly namespace: string
  readonly now: () => number
}

/** What an agent saw longer ago tells nothing of now. */
const MAX_AGE_MS = 10 * 60_000

const seenIn = ({ status }: NodeTask): { readonly at: number; readonly inspection: NodeInspection } | undefined => {
  const at = Date.parse(status?.inspection?.at ?? '')
  return status?.inspection && !Number.isNaN(at) ? { at, inspection: status.inspection } : undefined
}

/** For those who may write nothing: the newest that the agent on the node said within ten minutes. Never rejects. */
export const createInspectByReading =
  ({ reads, namespace, now }: InspectByReadingDeps): Inspect =>
  async ({ name, uid }) => {
    const path = pathOf({ kind: 'NodeTask', namespace })
    try {
      const { items } = await reads.list<NodeTask>(path, { fieldSelector: `spec.nodeName=${name}` })
      const seen = items
        .filter(({ spec }) => spec.nodeUid === uid)
        .flatMap((task) => seenIn(task) ?? [])
        .filter(({ at }) => now() - at <= MAX_AGE_MS)
        .toSorted((a, b) => b.at - a.at)[0]
      return seen
        ? known(seen.inspection)
        : unknown(`the agent on ${name} told nothing within the last ten minutes, and only the controller may ask it`)
    } catch (error) {
      return unknown(notFound(error) ? 'there are no NodeTasks in this cluster' : whyUnread(path, error))
    }
  }
