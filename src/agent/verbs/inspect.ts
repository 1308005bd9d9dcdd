import type { NodeInspection } from '../../api/node-task.ts'
import { succeeded, type Verb } from './verb.ts'

const PARTS = ['os', 'runtime', 'units', 'chains', 'mounts', 'docker'] as const

/** The parts of the node that could not be inspected, for the message of the task. */
const summaryOf = (inspection: NodeInspection): string => {
  const unseen = PARTS.filter((part) => !inspection[part].known)
  return unseen.length === 0 ? 'inspected every part of the node' : `inspected the node, except: ${unseen.join(', ')}`
}

/** Inspects the node without changing it, so it can be repeated at any time. */
export const createInspectVerb = (inspect: () => Promise<NodeInspection>): Verb => ({
  prepare: async () => ({}),
  run: async () => {
    const inspection = await inspect()
    return succeeded('Done', summaryOf(inspection), inspection)
  },
  recover: async () => 'again',
})
