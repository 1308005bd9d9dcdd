/**
 * Reads what excludes a workload right before each write to it: its namespace and the workload itself. No watch reports
 * them, and what was read for the decision may be seconds old. Costs two requests for each write.
 */
import { readOwnerAt } from '../diagnose/owner/owner-chain.ts'
import type { Reads } from '../diagnose/reads.ts'
import { isNodeCause } from '../model/causes.ts'
import type { Facts, Incident } from '../model/incident.ts'
import { excludes } from '../model/safety-switches.ts'
import type { Gather } from './evaluate.ts'

/**
 * The facts with the namespace as it is now; undefined if the workload is excluded or gone. Actions on nodes read their
 * node themselves. Rejects if the workload cannot be read.
 */
export const readExclusions = async (
  { incident, facts }: { readonly incident: Incident; readonly facts: Facts },
  { reads, gather }: { readonly reads: Reads; readonly gather: Gather },
): Promise<Facts | undefined> => {
  const { area, owner, pods } = incident
  if (isNodeCause(area)) return facts
  const [now, current] = await Promise.all([
    gather(incident, [{ fact: 'namespace' }], facts),
    readOwnerAt(owner.ref, pods[0]?.pod, reads),
  ])
  return current === undefined || excludes(current) ? undefined : now
}
