/** The firewall of a node: Docker's chains in it, and the services that may wipe them. Without schemas, because the agent must stay small. */
import type { NodeInspection } from '../api/node-task.ts'

/** Whether Docker's own chain exists where Docker needs it. `why` and `missing` are clauses for a person. */
export type DockerChain =
  | { readonly kind: 'There' }
  | { readonly kind: 'Missing'; readonly missing: string }
  | { readonly kind: 'Unknown'; readonly why: string }

const NAME = 'DOCKER'
/** DOCKER_OUTPUT and its like belong to the resolver that Docker gives to containers, of which this node may be one. */
const OWN = /^DOCKER(-[A-Z0-9-]+)?$/
const TABLES = ['filter', 'nat'] as const
const BACKENDS = ['nft', 'legacy'] as const

/** Whether a chain is one that Docker creates when it starts, by its name. */
export const isDockersChain = (name: string): boolean => OWN.test(name)

/**
 * Docker makes chain DOCKER in tables filter and nat of one backend: it is there where one has both. Where a part could
 * not be seen, it may be there, unless what was seen shows that Docker writes here: another chain of its own.
 */
export const findDockerChain = ({
  known,
  why,
  list = [],
  partly = '',
  omitted = 0,
}: NodeInspection['chains']): DockerChain => {
  if (!known) return { kind: 'Unknown', why: why ?? 'the firewall could not be seen' }
  const has = (backend: string, table: string) =>
    list.some((each) => each.backend === backend && each.family !== 'ip6' && each.table === table && each.name === NAME)
  if (BACKENDS.some((backend) => TABLES.every((table) => has(backend, table)))) return { kind: 'There' }
  const isDockers = (chain: (typeof list)[number] | undefined) => isDockersChain(chain?.name ?? '')
  // Docker's own come first in the list: what was left out is its own only if the list holds nothing else.
  if (omitted > 0 && isDockers(list.at(-1))) return { kind: 'Unknown', why: 'Docker has more chains than fit' }
  if (partly !== '' && !list.some(isDockers)) return { kind: 'Unknown', why: `could not be seen: ${partly}` }
  const without = TABLES.filter((table) => !BACKENDS.some((backend) => has(backend, table)))
  return {
    kind: 'Missing',
    missing: `chain ${NAME} is missing from ${without.length === 1 ? `table ${without[0]}` : 'tables filter and nat'}`,
  }
}

/** Services that load a whole rule set when they start, and so may wipe the chains of others. ufw does with MANAGE_BUILTINS=yes. */
export const FIREWALL_UNITS: readonly string[] = [
  'firewalld.service',
  'nftables.service',
  'netfilter-persistent.service',
  'iptables.service',
  'ufw.service',
]

/** Firewall services that are active on a node, as far as the agent sees its units. */
export const activeFirewallUnits = ({ units }: Pick<NodeInspection, 'units'>): readonly string[] =>
  (units.list ?? [])
    .filter(({ name, active }) => FIREWALL_UNITS.includes(name) && active === 'active')
    .map(({ name }) => name)
