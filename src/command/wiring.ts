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
import { createInspectByReading } from '../diagnose/inspect-by-reading.ts'
import { readOwner } from '../diagnose/owner-chain.ts'
import { readNodeRef, readOwnerNode } from '../diagnose/owner-node.ts'
import type { Reads } from '../diagnose/reads.ts'
import type { Registry } from '../diagnose/registry/registry.ts'
import type { SettleDeps } from '../pipeline/settle.ts'
import type { Word } from '../watch/sighting.ts'

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
