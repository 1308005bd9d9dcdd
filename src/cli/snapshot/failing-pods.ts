/** Pods that fail, by the same signals that the controller watches, read once. */
import { isNodeRef, listPodsOn } from '../../diagnose/node/facts.ts'
import { detectNodeFailures } from '../../diagnose/node/findings.ts'
import { areaOfFinding } from '../../diagnose/pod/findings.ts'
import { type KubeClient, listAll } from '../../kube/client.ts'
import { forbidden, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { type IncidentArea, isNodeCause } from '../../model/causes.ts'
import type { FailingPod, Incident, Owner } from '../../model/incident.ts'
import type { KubeEvent, Node, Pod } from '../../model/kubernetes.ts'
import { nodeEntry } from '../../watch/node-cache.ts'
import type { PodRef, WarningEvent } from '../../watch/pod-cache.ts'
import { warningEventOf } from '../../watch/warning-event.ts'
import type { Cluster } from '../cluster.ts'
import type { ReadingStages } from './evaluate.ts'

type Client = Pick<KubeClient, 'get' | 'list'>

/** Words about pods, by the pods' uids. */
export type Words = ReadonlyMap<string, { readonly ref: PodRef; readonly words: readonly WarningEvent[] }>

/** Pods that only Events speak of, and that are read one by one. */
const MAX_SPOKEN_OF = 500
const AT_ONCE = 8

/** Runs `work` over all, a few at a time, in order. */
export const eachOf = async <T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<readonly R[]> => {
  const results: R[] = []
  for (let i = 0; i < all.length; i += AT_ONCE)
    results.push(...(await Promise.all(all.slice(i, i + AT_ONCE).map(work))))
  return results
}

/** Words of Warning Events about pods; none where Events may not be read. A namespace of undefined means all. */
export const readWords = async (client: Client, namespace: string | undefined, podUid?: string): Promise<Words> => {
  const about = podUid === undefined ? 'involvedObject.kind=Pod' : `involvedObject.uid=${podUid}`
  const events = await listAll<KubeEvent>(client, pathOf({ kind: 'Event', namespace }), {
    fieldSelector: `type=Warning,${about}`,
  }).catch((error: unknown) => {
    if (!forbidden(error)) throw error
    return { items: [] as readonly KubeEvent[] }
  })
  const byPod = new Map<string, { ref: PodRef; words: WarningEvent[] }>()
  for (const event of events.items) {
    const heard = warningEventOf(event)
    if (!heard) continue
    const entry = byPod.get(heard.ref.uid) ?? { ref: heard.ref, words: [] }
    entry.words.push(heard.word)
    byPod.set(heard.ref.uid, entry)
  }
  for (const { words } of byPod.values()) words.sort((a, b) => b.lastSeen - a.lastSeen)
  return byPod
}

const readSpokenOf = async (client: Client, { namespace, name, uid }: PodRef): Promise<readonly Pod[]> => {
  try {
    const pod = await client.get<Pod>(pathOf({ kind: 'Pod', namespace, name }))
    return pod.metadata.uid === uid ? [pod] : []
  } catch (error) {
    if (notFound(error) || forbidden(error)) return []
    throw error
  }
}

/** Pods of a namespace (or of all) that may be broken: those that are Pending on a node, and those that Events warn of. */
export const readSuspects = async (
  client: Client,
  namespace: string | undefined,
  words: Words,
): Promise<readonly Pod[]> => {
  const { items } = await listAll<Pod>(client, pathOf({ kind: 'Pod', namespace }), {
    fieldSelector: 'status.phase=Pending,spec.nodeName!=',
  })
  const pending = new Set(items.map(({ metadata }) => metadata.uid))
  const others = [...words].flatMap(([uid, { ref }]) => (pending.has(uid) ? [] : [ref])).slice(0, MAX_SPOKEN_OF)
  return [...items, ...(await eachOf(others, (ref) => readSpokenOf(client, ref))).flat()]
}

/** The node itself, where its own condition says that its runtime is down. */
export const failingNodes = (nodes: readonly Node[], now: number): readonly FailingPod[] =>
  nodes.map((node) => detectNodeFailures(nodeEntry(node), now)).filter(({ findings }) => findings.length > 0)

/** Nodes that fail themselves; none where nodes may not be read. */
export const readFailingNodes = async (client: Client, now: number): Promise<readonly FailingPod[]> => {
  const { items } = await listAll<Node>(client, pathOf({ kind: 'Node' }), {}).catch((error: unknown) => {
    if (!forbidden(error)) throw error
    return { items: [] as readonly Node[] }
  })
  return failingNodes(items, now)
}

/** Examines pods; those that do not fail are left out. */
export const failingOf = (
  pods: readonly Pod[],
  words: Words,
  { detectFailures }: ReadingStages,
  now: number,
): readonly FailingPod[] =>
  pods
    .map((pod) => detectFailures(pod, words.get(pod.metadata.uid)?.words ?? [], now))
    .filter(({ findings }) => findings.length > 0)

/** Each thing of a name is read once. */
const readOnce = <T>(): ((key: string, read: () => Promise<T>) => Promise<T>) => {
  const all = new Map<string, Promise<T>>()
  return (key, read) => {
    const reading = all.get(key) ?? read()
    all.set(key, reading)
    return reading
  }
}

const areasOf = ({ findings }: FailingPod): readonly IncidentArea[] => [
  ...new Set(findings.flatMap((finding) => areaOfFinding(finding) ?? [])),
]

/**
 * Failing pods as incidents: by owner and area, and what lies with a node by node and cause; longest failing first. Each
 * owner is read once.
 */
export const incidentsOf = async (
  failing: readonly FailingPod[],
  { readOwner, readNode, buildIncident }: ReadingStages,
): Promise<readonly Incident[]> => {
  const ownerOnce = readOnce<Owner>()
  const nodeOnce = readOnce<Owner | undefined>()
  const ownersOf = async (one: FailingPod): Promise<readonly Owner[]> => {
    const { pod } = one
    const areas = areasOf(one)
    const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller === true)
    const key = controller?.uid ?? pod.metadata.uid
    const name = pod.spec?.nodeName
    const [owner, node] = await Promise.all([
      areas.every(isNodeCause) ? undefined : ownerOnce(key, () => readOwner(pod)),
      name && areas.some(isNodeCause) ? nodeOnce(name, () => readNode(name)) : undefined,
    ])
    return [owner, node].filter((found) => found !== undefined)
  }
  const owned = await eachOf(failing, async (one) => ({ one, owners: await ownersOf(one) }))
  const groups = new Map<string, { readonly owner: Owner; readonly pods: FailingPod[] }>()
  for (const { one, owners } of owned) {
    for (const owner of owners) {
      const group = groups.get(owner.ref.uid) ?? { owner, pods: [] }
      group.pods.push(one)
      groups.set(owner.ref.uid, group)
    }
  }
  const incidents = [...groups.values()].flatMap(({ owner, pods }) => {
    const areas = new Set(pods.flatMap(areasOf).filter((area) => isNodeCause(area) === isNodeRef(owner.ref)))
    return [...areas].map((area) => buildIncident({ owner, area, pods }))
  })
  return incidents.toSorted((a, b) => sinceOf(a) - sinceOf(b) || a.key.localeCompare(b.key))
}

/** Since when the first of its pods fails, ms since the epoch. */
export const sinceOf = ({ pods }: Incident): number => Math.min(...pods.map(({ since }) => since))

/** Pods by the nodes that they are on; undefined where one may not list those of every namespace. */
const failingOn = async (
  names: readonly string[],
  { client }: Cluster,
  stages: ReadingStages,
  now: number,
): Promise<readonly FailingPod[] | undefined> => {
  try {
    const lists = await Promise.all(names.map((name) => listPodsOn(name, client)))
    const words = await readWords(client, undefined)
    return lists.flatMap((pods) => failingOf(pods, words, stages, now))
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
