import type { NodeInspection } from '../../api/node-task.ts'
import { succeeded, type Verb } from './verb.ts'

const PARTS = ['os', 'runtime', 'units', 'chains', 'mounts', 'docker'] as const

/** Which parts of the node could not be seen, for whoever reads the task and not the whole of its answer. */
const told = (inspection: NodeInspection): string => {
  const unseen = PARTS.filter((part) => !inspection[part].known)
  return unseen.length === 0 ? 'looked, and saw everything' : `looked, and could not see: ${unseen.join(', ')}`
}

/** Looks at the node and changes nothing, so that it can be done again at any time. */
export const createInspectVerb = (inspect: () => Promise<NodeInspection>): Verb => ({
  before: async () => ({}),
  run: async () => {
    const inspection = await inspect()
    return succeeded('Done', told(inspection), inspection)
  },
  found: async () => 'again',
})
