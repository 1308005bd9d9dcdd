import { classify } from '../../catalogue/classify.ts'
import { refinements } from '../../catalogue/refinements.ts'
import { settle, type Settled, type SettleDeps, type World } from '../../controller/evaluate.ts'
import { decide } from '../../decide/decide.ts'
import { conclude } from '../../diagnose/conclude.ts'
import { createGather } from '../../diagnose/gather.ts'
import { assembleIncident, type Parts } from '../../diagnose/incident.ts'
import { readNodeRef, readOwnerNode } from '../../diagnose/node/facts.ts'
import { createInspectByReading } from '../../diagnose/node/inspect.ts'
import { readOwner } from '../../diagnose/owner/resolve.ts'
import { examinePod } from '../../diagnose/pod/findings.ts'
import type { Knowledge } from '../../diagnose/pod/pod-wide.ts'
import type { Reads } from '../../diagnose/read.ts'
import type { Registry } from '../../diagnose/registry/registry.ts'
import type { PolicyInForce } from '../../model/decision-input.ts'
import { normalImage } from '../../model/image-reference.ts'
import {
  type Diagnosis,
  type Facts,
  type FailingPod,
  type Incident,
  type Owner,
  unknown,
} from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import type { Word } from '../../watch/pod-cache.ts'

export interface Judged extends Settled {
  /** What a closer look made of it, which no decision waited for. */
  readonly closer?: Diagnosis
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

/** More rounds than there are kinds of facts would be a fault of ours. */
const MAX_ROUNDS = 8

/** A remedy is planned or under way: what is the matter is understood well enough. */
const hasRemedy = ({ kind, ...verdict }: Settled['verdict']): boolean =>
  kind === 'Act' || kind === 'Prove' || ('plan' in verdict && verdict.plan !== undefined)

/**
 * Reads what would tell more, although no decision waits for it: a person asked. Of why only where no remedy is known, of
 * where to mend it for good always.
 */
export const lookCloser = async (incident: Incident, judged: Judged, deps: SettleDeps): Promise<Judged> => {
  const remedy = hasRemedy(judged.verdict)
  let { diagnosis, facts } = judged
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const names = [...((!remedy && diagnosis.closer) || []), ...(diagnosis.place ?? [])]
    if (names.length === 0) break
    facts = await deps.gather(incident, names, facts)
    diagnosis = deps.conclude(incident, facts)
  }
  if (diagnosis === judged.diagnosis) return judged
  const { verdict } = judged
  // Only the verdict knows that policies tie.
  const ties = ('diagnosis' in verdict ? (verdict.diagnosis?.evidence ?? []) : []).filter(
    ({ fact }) => fact === 'Policy',
  )
  return { ...judged, closer: { ...diagnosis, evidence: [...diagnosis.evidence, ...ties] } }
}

/** Answers for the registry without asking it: everything it might say is unknown. */
export const withoutRegistry = (deps: SettleDeps): SettleDeps => ({
  ...deps,
  gather: async (incident, names, have): Promise<Facts> => {
    const others = names.filter((name) => !('image' in name))
    let facts = others.length > 0 ? await deps.gather(incident, others, have) : have
    const refused = unknown('--ask-registry=false forbids it')
    for (const name of names) {
      if (!('image' in name)) continue
      facts = { ...facts, [name.fact]: { ...facts[name.fact], [normalImage(name.image)]: refused } }
    }
    return facts
  },
})

// The reading half of the pipeline, wired once: the very functions that the controller runs.

export interface ReadingStages {
  readonly examine: (pod: Pod, words: readonly Word[], now: number) => FailingPod
  /** The owner of a pod, as the API server has it now. */
  readonly readOwner: (pod: Pod) => Promise<Owner>
  /** The node that what lies with it is filed under; undefined where it is gone. */
  readonly readNode: (name: string) => Promise<Owner | undefined>
  readonly assemble: (parts: Parts) => Incident
  readonly settle: SettleDeps
}

const knowledge: Knowledge = { classify, refinements }

/**
 * `reads` may be a whole client; nothing but its `get` and `list` is called: of nodes only what agents told the controller
 * in `operatorNamespace` within the last minutes is known.
 */
export const wireReadingStages = (
  reads: Reads,
  registry: Pick<Registry, 'ask' | 'list'>,
  operatorNamespace: string,
): ReadingStages => ({
  examine: (pod, words, now) => examinePod(pod, words, knowledge, now),
  readOwner: (pod) => readOwner(pod, reads),
  readNode: async (name) => {
    const ref = await readNodeRef(name, reads)
    return ref && readOwnerNode(ref, reads)
  },
  assemble: assembleIncident,
  settle: {
    conclude,
    decide,
    gather: createGather({
      reads,
      registry,
      readsReleases: true,
      agents: {
        namespace: operatorNamespace,
        inspect: createInspectByReading({ reads, namespace: operatorNamespace, now: () => Date.now() }),
      },
    }),
  },
})
