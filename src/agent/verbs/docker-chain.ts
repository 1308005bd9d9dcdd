import type { NodeInspection } from '../../api/node-task.ts'

/** Whether Docker's own chain stands where Docker needs it. `why` and `missing` are clauses for a person. */
export type DockerChain =
  | { readonly kind: 'There' }
  | { readonly kind: 'Missing'; readonly missing: string }
  | { readonly kind: 'Unknown'; readonly why: string }

const NAME = 'DOCKER'
const TABLES = ['filter', 'nat'] as const
const BACKENDS = ['nft', 'legacy'] as const
/** Of the schema: a list as long as this may go on. */
const LONGEST_LIST = 512

/**
 * Docker makes chain DOCKER in tables filter and nat of one backend: it is there where one has both. Where a part could
 * not be seen, it may be there, unless what was seen shows that Docker writes here: another chain of its own.
 */
export const findDockerChain = ({ known, why, list = [], partly }: NodeInspection['chains']): DockerChain => {
  if (!known) return { kind: 'Unknown', why: why ?? 'the firewall could not be seen' }
  const has = (backend: string, table: string) =>
    list.some((each) => each.backend === backend && each.table === table && each.name === NAME)
  if (BACKENDS.some((backend) => TABLES.every((table) => has(backend, table)))) return { kind: 'There' }
  if (list.length >= LONGEST_LIST) return { kind: 'Unknown', why: 'there are too many chains to see them all' }
  if (partly !== undefined && !list.some(({ name }) => name.startsWith(NAME))) {
    return { kind: 'Unknown', why: `could not be seen: ${partly}` }
  }
  const without = TABLES.filter((table) => !BACKENDS.some((backend) => has(backend, table)))
  return {
    kind: 'Missing',
    missing: `chain ${NAME} is missing from ${without.length === 1 ? `table ${without[0]}` : 'tables filter and nat'}`,
  }
}
