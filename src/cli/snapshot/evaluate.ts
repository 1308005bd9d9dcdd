import { evaluate, type Evaluation, type Snapshot } from '../../controller/evaluate.ts'
import { conclude } from '../../diagnose/conclude.ts'
import { createGather, type Gather } from '../../diagnose/gather.ts'
import { createInspectByReading } from '../../diagnose/node/inspection.ts'
import type { Registry } from '../../diagnose/registry/registry.ts'
import type { Reads } from '../../kube/client.ts'
import type { PolicyInForce } from '../../model/decision-input.ts'
import { normalImage } from '../../model/image-reference.ts'
import { type Diagnosis, type Facts, type Incident, unknown } from '../../model/incident.ts'

export interface Evaluated extends Evaluation {
  /** The diagnosis with facts that no decision needs. */
  readonly refined?: Diagnosis
  /** Of a policy that observes: the verdict if it acted. */
  readonly ifEnforced?: Evaluation['verdict']
}

const enforcing = (policies: readonly PolicyInForce[], name: string): readonly PolicyInForce[] =>
  policies.map((policy) =>
    policy.name === name ? { ...policy, spec: { ...policy.spec, mode: 'Enforce' as const } } : policy,
  )

/** Gathers only missing facts, so that nothing is read twice. */
export const startingFrom = (facts: Facts, gather: Gather): Gather => {
  let first = true
  return (incident, names, have) => {
    if (!first) return gather(incident, names, have)
    first = false
    return Promise.resolve(facts)
  }
}

/** The verdict as it is now, and, where a policy merely observes, as it would be if that policy acted. */
export const evaluateIncident = async (incident: Incident, snapshot: Snapshot, gather: Gather): Promise<Evaluated> => {
  const evaluation = await evaluate(incident, snapshot, gather)
  const { verdict, facts } = evaluation
  if (verdict.kind !== 'Hold' || verdict.reason !== 'ObserveOnly') return evaluation
  const acting = { ...snapshot, policies: enforcing(snapshot.policies, verdict.policy.name) }
  const { verdict: ifEnforced } = await evaluate(incident, acting, startingFrom(facts, gather))
  return { ...evaluation, ifEnforced }
}

/** More rounds than there are kinds of facts indicate a bug. */
const MAX_ROUNDS = 8

/** A remedy is planned or in progress: the cause is understood well enough. */
const hasRemedy = ({ kind, ...verdict }: Evaluation['verdict']): boolean =>
  kind === 'Act' || kind === 'Verify' || ('plan' in verdict && verdict.plan !== undefined)

/**
 * Reads facts that no decision needs, because a person asked: about the cause only where no remedy is known, about the
 * permanent fix always.
 */
export const refineDiagnosis = async (incident: Incident, evaluated: Evaluated, gather: Gather): Promise<Evaluated> => {
  const remedy = hasRemedy(evaluated.verdict)
  let { diagnosis, facts } = evaluated
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const names = [...((!remedy && diagnosis.detailFacts) || []), ...(diagnosis.fixLocationFacts ?? [])]
    if (names.length === 0) break
    facts = await gather(incident, names, facts)
    diagnosis = conclude(incident, facts)
  }
  if (diagnosis === evaluated.diagnosis) return evaluated
  const { verdict } = evaluated
  // Only the verdict knows that policies tie.
  const ties = ('diagnosis' in verdict ? (verdict.diagnosis?.evidence ?? []) : []).filter(
    ({ fact }) => fact === 'Policy',
  )
  return { ...evaluated, refined: { ...diagnosis, evidence: [...diagnosis.evidence, ...ties] } }
}

/** Does not query registries: everything that they would answer is unknown. */
const withoutRegistry =
  (gather: Gather): Gather =>
  async (incident, names, have) => {
    const others = names.filter((name) => !('image' in name))
    let facts = others.length > 0 ? await gather(incident, others, have) : have
    const refused = unknown('disabled by --ask-registry=false')
    for (const name of names) {
      if (!('image' in name)) continue
      facts = { ...facts, [name.fact]: { ...facts[name.fact], [normalImage(name.image)]: refused } }
    }
    return facts
  }

/**
 * Reads facts with the user's permissions. Inspections of nodes come only from recent NodeTasks of the controller in
 * `operatorNamespace`, because only the controller may create NodeTasks.
 */
export const createReadingGather = (
  reads: Reads,
  registry: Pick<Registry, 'ask' | 'list'>,
  { operatorNamespace, asksRegistry }: { readonly operatorNamespace: string; readonly asksRegistry: boolean },
): Gather => {
  const gather = createGather({
    reads,
    registry,
    readsReleases: true,
    agents: {
      namespace: operatorNamespace,
      inspect: createInspectByReading({ reads, namespace: operatorNamespace, now: () => Date.now() }),
    },
  })
  return asksRegistry ? gather : withoutRegistry(gather)
}
