import type { NodeInspection } from '../../api/node-task.ts'
import { succeeded, type Verb } from './verb.ts'

const PARTS = ['os', 'runtime', 'units', 'chains', 'mounts', 'docker'] as const

/** Which parts of the node could not be seen, for whoever reads the task and not the whole of its answer. */
const summaryOf = (inspection: NodeInspection): string => {
  const unseen = PARTS.filter((part) => !inspection[part].known)
  return unseen.length === 0 ? 'inspected every part of the node' : `inspected the node, except: ${unseen.join(', ')}`
}

/** Looks at the node and changes nothing, so that it can be done again at any time. */
export const createInspectVerb = (inspect: () => Promise<NodeInspection>): Verb => ({
  prepare: async () => ({}),
  run: async () => {
    const inspection = await inspect()
    return succeeded('Done', summaryOf(inspection), inspection)
  },
  recover: async () => 'again',
})
