/** Pods that fail, by the same criteria as the controller, read once. */
import { buildIncident } from '../../diagnose/incident.ts'
import { isNodeRef, listPodsOn, readNodeRef, readOwnerNode } from '../../diagnose/node/facts.ts'
import { detectNodeFailures } from '../../diagnose/node/findings.ts'
import { readOwner } from '../../diagnose/owner/owner-chain.ts'
import { detectPodFailures } from '../../diagnose/pod/findings.ts'
import { type KubeClient, listAll } from '../../kube/client.ts'
import { forbidden, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { areaOfFinding, type IncidentArea, isNodeCause } from '../../model/causes.ts'
import type { FailingPod, Incident, Owner } from '../../model/incident.ts'
import type { KubeEvent, Node, Pod } from '../../model/kubernetes.ts'
import { nodeEntry } from '../../watch/node-cache.ts'
import { podKey, type PodRef } from '../../model/pod.ts'
import { type WarningEvent, warningEventOf } from '../../watch/pod-cache.ts'

type Client = Pick<KubeClient, 'get' | 'list'>

/** Events about pods, by `podKey`. */
export type PodEvents = ReadonlyMap<string, { readonly ref: PodRef; readonly events: readonly WarningEvent[] }>

/** Pods that only Events name, and that are read one by one. */
const MAX_PODS_OF_EVENTS = 500
const AT_ONCE = 8

/** Maps all items with limited concurrency, keeping their order. */
export const eachOf = async <T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<readonly R[]> => {
  const results: R[] = []
  for (let i = 0; i < all.length; i += AT_ONCE)
    results.push(...(await Promise.all(all.slice(i, i + AT_ONCE).map(work))))
  return results
}

/** The Warning Events about pods; none if Events may not be read. An undefined namespace means all. */
export const readPodEvents = async (
  client: Client,
  namespace: string | undefined,
  podUid?: string,
): Promise<PodEvents> => {
  const about = podUid === undefined ? 'involvedObject.kind=Pod' : `involvedObject.uid=${podUid}`
  const { items } = await listAll<KubeEvent>(client, pathOf({ kind: 'Event', namespace }), {
    fieldSelector: `type=Warning,${about}`,
  }).catch((error: unknown) => {
    if (!forbidden(error)) throw error
    return { items: [] as readonly KubeEvent[] }
  })
  const byPod = new Map<string, { ref: PodRef; events: WarningEvent[] }>()
  for (const item of items) {
    const found = warningEventOf(item)
    if (!found) continue
    const key = podKey(found.ref)
    const entry = byPod.get(key) ?? { ref: found.ref, events: [] }
    entry.events.push(found.warning)
    byPod.set(key, entry)
  }
  for (const { events } of byPod.values()) events.sort((a, b) => b.lastSeen - a.lastSeen)
  return byPod
}

const readPodOfEvent = async (client: Client, { namespace, name, uid }: PodRef): Promise<readonly Pod[]> => {
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
  events: PodEvents,
): Promise<readonly Pod[]> => {
  const { items } = await listAll<Pod>(client, pathOf({ kind: 'Pod', namespace }), {
    fieldSelector: 'status.phase=Pending,spec.nodeName!=',
  })
  const pending = new Set(items.map(({ metadata }) => podKey(metadata)))
  const others = [...events].flatMap(([key, { ref }]) => (pending.has(key) ? [] : [ref])).slice(0, MAX_PODS_OF_EVENTS)
  return [...items, ...(await eachOf(others, (ref) => readPodOfEvent(client, ref))).flat()]
}

/** The node itself, where its own condition says that its runtime is down. */
export const failingNodes = (nodes: readonly Node[], now: number): readonly FailingPod[] =>
  nodes.map((node) => detectNodeFailures(nodeEntry(node), now)).filter(({ findings }) => findings.length > 0)

/** Nodes that fail themselves; none where nodes may not be read. */
const readFailingNodes = async (client: Client, now: number): Promise<readonly FailingPod[]> => {
  const { items } = await listAll<Node>(client, pathOf({ kind: 'Node' }), {}).catch((error: unknown) => {
    if (!forbidden(error)) throw error
    return { items: [] as readonly Node[] }
  })
  return failingNodes(items, now)
}

/** Those of the pods that fail, with why. */
export const failingOf = (pods: readonly Pod[], events: PodEvents, now: number): readonly FailingPod[] =>
  pods
    .map((pod) => detectPodFailures(pod, events.get(podKey(pod.metadata))?.events ?? [], now))
    .filter(({ findings }) => findings.length > 0)

/** Reads each name once. */
const readOnce = <T>(): ((key: string, read: () => Promise<T>) => Promise<T>) => {
  const all = new Map<string, Promise<T>>()
  return (key, read) => {
    const reading = all.get(key) ?? read()
    all.set(key, reading)
    return reading
  }
}

/** The node as the owner of what fails because of it; undefined where it is gone. */
const readNodeOwner = async (name: string, client: Client): Promise<Owner | undefined> => {
  const ref = await readNodeRef(name, client)
  return ref && readOwnerNode(ref, client)
}

const areasOf = ({ findings }: FailingPod): readonly IncidentArea[] => [
  ...new Set(findings.flatMap((finding) => areaOfFinding(finding) ?? [])),
]

/**
 * Groups failing pods into incidents: by owner and area, or by node and cause if the node is at fault; longest failing
 * first. Each owner is read once.
 */
export const incidentsOf = async (failing: readonly FailingPod[], client: Client): Promise<readonly Incident[]> => {
  const ownerOnce = readOnce<Owner>()
  const nodeOnce = readOnce<Owner | undefined>()
  const ownersOf = async (one: FailingPod): Promise<readonly Owner[]> => {
    const { pod } = one
    const areas = areasOf(one)
    const controller = pod.metadata.ownerReferences?.find((reference) => reference.controller === true)
    const key = controller?.uid ?? pod.metadata.uid
    const name = pod.spec?.nodeName
    const [owner, node] = await Promise.all([
      areas.every(isNodeCause) ? undefined : ownerOnce(key, () => readOwner(pod, client)),
      name && areas.some(isNodeCause) ? nodeOnce(name, () => readNodeOwner(name, client)) : undefined,
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

/** Everything that fails in a namespace, or in the whole cluster, where nodes count as well. */
export const readIncidents = async (
  client: Client,
  namespace: string | undefined,
  now: number,
): Promise<readonly Incident[]> => {
  const events = await readPodEvents(client, namespace)
  const suspects = await readSuspects(client, namespace, events)
  const nodes = namespace === undefined ? await readFailingNodes(client, now) : []
  return incidentsOf([...failingOf(suspects, events, now), ...nodes], client)
}

/** Since when the first of its pods fails, ms since the epoch. */
export const sinceOf = ({ pods }: Incident): number => Math.min(...pods.map(({ since }) => since))

/** Pods by the nodes that they are on; undefined where one may not list those of every namespace. */
const failingOn = async (
  names: readonly string[],
  client: Client,
  now: number,
): Promise<readonly FailingPod[] | undefined> => {
  try {
    const lists = await Promise.all(names.map((name) => listPodsOn(name, client)))
    const events = await readPodEvents(client, undefined)
    return lists.flatMap((pods) => failingOf(pods, events, now))
  } catch (error) {
    if (!forbidden(error)) throw error
    return undefined
  }
}

/**
 * Completes the incidents of nodes with all pods that fail there, as in the controller. If they may not be listed, adds a
 * caveat.
 */
export const wholeNodes = async (
  found: readonly Incident[],
  client: Client,
  now: number,
): Promise<{ readonly incidents: readonly Incident[]; readonly notes: readonly string[] }> => {
  const ofNodes = found.filter(({ owner }) => isNodeRef(owner.ref))
  if (ofNodes.length === 0) return { incidents: found, notes: [] }
  const names = [...new Set(ofNodes.map(({ owner }) => owner.ref.name))]
  const failing = await failingOn(names, client, now)
  if (failing === undefined) {
    const why = 'the right to list pods of all namespaces is missing'
    return {
      incidents: found,
      notes: [`how many other pods on ${names.join(', ')} fail the same way is unknown: ${why}`],
    }
  }
  const whole = new Map((await incidentsOf(failing, client)).map((incident) => [incident.key, incident]))
  return { incidents: found.map((incident) => whole.get(incident.key) ?? incident), notes: [] }
}
