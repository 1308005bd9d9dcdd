import type { Pod } from '../api/kubernetes.ts'
import type { FailingPod, Incident } from '../diagnose/incident.ts'
import { isNodeRef } from '../diagnose/owner-node.ts'
import { forbidden } from '../runtime/errors.ts'
import { listAll } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import type { Cluster } from './cluster.ts'
import { failingOf, incidentsOf, readWords } from './failing-pods.ts'
import type { ReadingStages } from './wiring.ts'

/** Pods by the nodes that they are on; undefined where one may not list those of every namespace. */
const failingOn = async (
  names: readonly string[],
  { client }: Cluster,
  stages: ReadingStages,
  now: number,
): Promise<readonly FailingPod[] | undefined> => {
  try {
    const lists = await Promise.all(
      names.map((name) => listAll<Pod>(client, pathOf({ kind: 'Pod' }), { fieldSelector: `spec.nodeName=${name}` })),
    )
    const words = await readWords(client, undefined)
    return lists.flatMap(({ items }) => failingOf(items, words, stages, now))
  } catch (error) {
    if (!forbidden(error)) throw error
    return undefined
  }
}

/**
 * What lies with a node is one incident of all that fail there, as the controller has it: those found by some of a node's
 * pods, by all of them. Where they may not be listed a note says so.
 */
export const wholeNodes = async (
  found: readonly Incident[],
  cluster: Cluster,
  stages: ReadingStages,
  now: number,
): Promise<{ readonly incidents: readonly Incident[]; readonly notes: readonly string[] }> => {
  const ofNodes = found.filter(({ owner }) => isNodeRef(owner.ref))
  if (ofNodes.length === 0) return { incidents: found, notes: [] }
  const names = [...new Set(ofNodes.map(({ owner }) => owner.ref.name))]
  const failing = await failingOn(names, cluster, stages, now)
  if (failing === undefined) {
    const why = 'the right to list pods of all namespaces is missing'
    return { incidents: found, notes: [`how many others on ${names.join(', ')} fail so is unknown: ${why}`] }
  }
  const whole = new Map((await incidentsOf(failing, stages)).map((incident) => [incident.key, incident]))
  return { incidents: found.map((incident) => whole.get(incident.key) ?? incident), notes: [] }
}
