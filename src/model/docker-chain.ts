/** Free of schemas: the agent looks by it before it acts, the controller decides by it. */
import type { NodeInspection } from '../api/node-task.ts'

/** Whether Docker's own chain stands where Docker needs it. `why` and `missing` are clauses for a person. */
export type DockerChain =
  | { readonly kind: 'There' }
  | { readonly kind: 'Missing'; readonly missing: string }
  | { readonly kind: 'Unknown'; readonly why: string }

const NAME = 'DOCKER'
/** DOCKER_OUTPUT and its like are of the resolver that Docker gives to containers, of which this node may be one. */
const OWN = /^DOCKER(-|$)/
const TABLES = ['filter', 'nat'] as const
const BACKENDS = ['nft', 'legacy'] as const
/** What of a list that was too long is said in `partly`: Docker's own come first in it, so these are others'. */
const CUT = /(^|; )\d+ further chains$/

/**
 * Docker makes chain DOCKER in tables filter and nat of one backend: it is there where one has both. Where a part could
 * not be seen, it may be there, unless what was seen shows that Docker writes here: another chain of its own.
 */
export const findDockerChain = ({ known, why, list = [], partly }: NodeInspection['chains']): DockerChain => {
  if (!known) return { kind: 'Unknown', why: why ?? 'the firewall could not be seen' }
  const has = (backend: string, table: string) =>
    list.some((each) => each.backend === backend && each.family !== 'ip6' && each.table === table && each.name === NAME)
  if (BACKENDS.some((backend) => TABLES.every((table) => has(backend, table)))) return { kind: 'There' }
  const isDockers = (chain: (typeof list)[number] | undefined) => OWN.test(chain?.name ?? '')
  const unseen = partly?.replace(CUT, '') ?? ''
  if (partly !== undefined && unseen !== partly && isDockers(list.at(-1)))
    return { kind: 'Unknown', why: 'Docker has more chains than fit' }
  if (unseen !== '' && !list.some(isDockers)) return { kind: 'Unknown', why: `could not be seen: ${unseen}` }
  const without = TABLES.filter((table) => !BACKENDS.some((backend) => has(backend, table)))
  return {
    kind: 'Missing',
    missing: `chain ${NAME} is missing from ${without.length === 1 ? `table ${without[0]}` : 'tables filter and nat'}`,
  }
}
