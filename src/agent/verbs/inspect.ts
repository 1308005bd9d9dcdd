import type { NodeInspection } from '../../api/node-task.ts'
import type { Verb } from './verb.ts'

/** Looks at the node and changes nothing, so that it can be done again at any time. */
export const createInspectVerb = (inspect: () => Promise<NodeInspection>): Verb => ({
  before: async () => ({}),
  run: async () => ({ phase: 'Succeeded', reason: 'Done', message: 'looked', inspection: await inspect() }),
  found: async () => 'again',
})
