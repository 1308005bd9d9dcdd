import type { PolicyInForce } from '../decide/case.ts'
import type { Facts, Incident } from '../diagnose/incident.ts'
import { unknown } from '../diagnose/incident.ts'
import { normalImage } from '../api/image-reference.ts'
import { type SettleDeps, type Settled, settle } from '../pipeline/settle.ts'
import type { World } from '../pipeline/world.ts'

export interface Judged extends Settled {
  /** Of a policy that observes: the verdict if it acted. */
  readonly ifEnforced?: Settled['verdict']
}

const enforcing = (policies: readonly PolicyInForce[], name: string): readonly PolicyInForce[] =>
  policies.map((policy) =>
    policy.name === name ? { ...policy, spec: { ...policy.spec, mode: 'Enforce' as const } } : policy,
  )

/** Settles from facts that are at hand: what was read once is not read again, what is new is. */
export const startingFrom = (facts: Facts, deps: SettleDeps): SettleDeps => {
  let first = true
  return {
    ...deps,
    gather: (incident, names, have) => {
      if (!first) return deps.gather(incident, names, have)
      first = false
      return Promise.resolve(facts)
    },
  }
}

/** The verdict as it is now, and, where a policy merely observes, as it would be if that policy acted. */
export const judge = async (incident: Incident, world: World, deps: SettleDeps): Promise<Judged> => {
  const settled = await settle(incident, world, deps)
  const { verdict, facts } = settled
  if (verdict.kind !== 'Hold' || verdict.reason !== 'ObserveOnly') return settled
  const acting = { ...world, policies: enforcing(world.policies, verdict.policy.name) }
  const { verdict: ifEnforced } = await settle(incident, acting, startingFrom(facts, deps))
  return { ...settled, ifEnforced }
}

/** Answers for the registry without asking it: everything it might say is unknown. */
export const withoutRegistry = (deps: SettleDeps): SettleDeps => ({
  ...deps,
  gather: async (incident, names, have): Promise<Facts> => {
    const images = names.flatMap((name) => (name.fact === 'registry' ? [normalImage(name.image)] : []))
    const others = names.filter(({ fact }) => fact !== 'registry')
    const facts = others.length > 0 ? await deps.gather(incident, others, have) : have
    const refused = images.map((image) => [image, unknown('--ask-registry=false forbids it')] as const)
    return { ...facts, registry: { ...facts.registry, ...Object.fromEntries(refused) } }
  },
})
