/** The reading half of the pipeline, wired once: the very functions that the controller runs. */
import { refinements } from '../catalogue/refinements.ts'
import { classify } from '../catalogue/classify.ts'
import { decide } from '../decide/decide.ts'
import type { Pod } from '../api/kubernetes.ts'
import { assembleIncident, type Parts } from '../diagnose/assemble-incident.ts'
import { conclude } from '../diagnose/conclude.ts'
import { examinePod } from '../diagnose/findings.ts'
import { createGather } from '../diagnose/gather.ts'
import type { FailingPod, Incident, Owner } from '../diagnose/incident.ts'
import type { Knowledge } from '../diagnose/knowledge.ts'
import { readOwner } from '../diagnose/owner-chain.ts'
import type { Reads } from '../diagnose/reads.ts'
import type { Registry } from '../diagnose/registry/registry.ts'
import type { SettleDeps } from '../pipeline/settle.ts'
import type { Word } from '../watch/sighting.ts'

export interface ReadingStages {
  readonly examine: (pod: Pod, words: readonly Word[], now: number) => FailingPod
  /** The owner of a pod, as the API server has it now. */
  readonly readOwner: (pod: Pod) => Promise<Owner>
  readonly assemble: (parts: Parts) => Incident
  readonly settle: SettleDeps
}

const knowledge: Knowledge = { classify, refinements }

/** `reads` may be a whole client; nothing but its `get` and `list` is called. */
export const wireReadingStages = (reads: Reads, registry: Pick<Registry, 'ask'>): ReadingStages => ({
  examine: (pod, words, now) => examinePod(pod, words, knowledge, now),
  readOwner: (pod) => readOwner(pod, reads),
  assemble: assembleIncident,
  settle: { conclude, decide, gather: createGather({ reads, registry }) },
})
