/** Nodes that fail, and what the operator says and does about them. */
import assert from 'node:assert/strict'
import type { NodeTask, Remediation } from '../src/api/kinds.ts'
import type { KubeEvent, Node, Pod } from '../src/model/kubernetes.ts'
import type { Patience } from '../testbed/eventually.ts'
import { NAMESPACE } from './operator.ts'
import { NEW } from './registries.ts'
import type { Fixture, Wanted } from './scenario.ts'

/** An image that every node can pull and that runs. */
export const RUNS = `${NEW}/web:1`
export const DOCKER = 'docker.service'
export const CONTAINERD = 'containerd.service'

/** Runs a script in a node as root, and gives what it wrote. */
export const onNode = ({ cluster }: Fixture, node: string, script: string): Promise<string> =>
  cluster.exec(node, ['sh', '-ec', script]).then((text) => text.trim())

/** systemd's id of this run of a unit: another one after each start. */
export const invocationOf = (fixture: Fixture, node: string, unit: string): Promise<string> =>
  onNode(fixture, node, `systemctl show --property InvocationID --value ${unit}`)

/** What runs of Docker and of the runtime were there on these nodes: node and unit to systemd's id. */
export type Invocations = Readonly<Record<string, string>>

export const invocations = async (fixture: Fixture, nodes = fixture.cluster.nodes): Promise<Invocations> => {
  const all = nodes.flatMap((node) => [DOCKER, CONTAINERD].map((unit) => [node, unit] as const))
  const read = all.map(async ([node, unit]) => [`${node} ${unit}`, await invocationOf(fixture, node, unit)] as const)
  return Object.fromEntries(await Promise.all(read))
}

/** Throws unless of these units just the wanted ones were started anew. */
export const restartedOnly = async (
  fixture: Fixture,
  before: Invocations,
  wanted: readonly string[],
): Promise<void> => {
  const now = await invocations(fixture)
  const changed = Object.keys(before).filter((name) => before[name] !== now[name])
  assert.deepEqual(changed.toSorted(), [...wanted].toSorted(), 'units that were started anew')
}

/** How often systemd has started a unit since it keeps a journal. */
export const startsOf = async (fixture: Fixture, node: string, unit: string): Promise<number> =>
  Number(await onNode(fixture, node, `journalctl --unit ${unit} --output cat | grep -c '^Started ${unit}' || true`))

/** The other nodes of the cluster. */
export const othersThan = ({ cluster }: Fixture, node: string): readonly string[] =>
  cluster.nodes.filter((each) => each !== node)

export const nodeNamed = ({ get }: Fixture, name: string): Promise<Node> => get<Node>('node', name)

export const conditionOf = (
  { status }: Node,
  wanted: string,
): { readonly status: string; readonly reason?: string; readonly message?: string } | undefined =>
  status?.conditions?.find(({ type }) => type === wanted)

/** Pods of the scenario on this node. */
export const podsOn = async (fixture: Fixture, node: string, labels = 'app=web'): Promise<readonly Pod[]> =>
  (await fixture.pods(labels)).filter(({ spec }) => spec?.nodeName === node)

/** An Event of this reason about a pod of the scenario, once there is one whose message has this text. */
export const podEvent = ({ get, eventually, namespace }: Fixture, reason: string, words: string): Promise<KubeEvent> =>
  eventually(async () => {
    const { items } = await get<{ items: KubeEvent[] }>('events', '-n', namespace, `--field-selector=reason=${reason}`)
    const found = items.find(({ message }) => message?.includes(words))
    if (!found)
      throw new Error(
        `expected an Event ${reason} with "${words}", found: ${items.map((each) => each.message).join('; ')}`,
      )
    return found
  })

/** A policy for pods of the scenario's namespace, which may act on a node at once. */
export const nodePolicy = (
  { policy, namespace }: Fixture,
  causes: readonly string[],
  actions: readonly object[],
  spec: { readonly match?: object; readonly limits?: object } & Readonly<Record<string, unknown>> = {},
) =>
  policy({
    ...spec,
    match: { causes, failingFor: '0s', namespaces: [namespace], ...spec.match },
    actions,
    // Scenarios break nodes side by side, and the same ones again and again.
    limits: { maxUnhealthyNodes: '100%', cooldown: '10s', maxAttempts: 100, ...spec.limits },
  })

const isAbout = ({ spec }: Remediation, node: string, cause: string): boolean =>
  spec.target.kind === 'Node' && spec.target.name === node && spec.cause === cause

export const recordsOf = async ({ records }: Fixture, node: string, cause: string): Promise<readonly Remediation[]> =>
  (await records(NAMESPACE)).filter((record) => isAbout(record, node, cause))

/** On tasks that a scenario creates: scenarios that run beside it delete only those of the controller. */
export const BY_HAND = 'e2e.podmend.io/by-hand'

/**
 * Deletes the records of a node's cause and the controller's tasks for the node, now and after the scenario: the next
 * scenario starts with an incident of its own.
 */
export const forgetting = async (fixture: Fixture, node: string, cause: string): Promise<void> => {
  const forget = async (): Promise<void> => {
    const found = await recordsOf(fixture, node, cause)
    for (const { metadata } of found) await fixture.kubectl(['delete', 'rem', metadata.name, '-n', NAMESPACE])
    const those = [`--field-selector=spec.nodeName=${node}`, `--selector=!${BY_HAND}`]
    await fixture.kubectl(['delete', 'nodetasks', '-n', NAMESPACE, ...those])
  }
  await forget()
  fixture.onEnd(forget)
}

/** The only record of a node's cause, once it is as wanted. */
export const nodeRecord = (
  fixture: Fixture,
  node: string,
  cause: string,
  { phase, reason }: Wanted = {},
  patience: Patience = {},
): Promise<Remediation> =>
  fixture.eventually(async () => {
    const found = await recordsOf(fixture, node, cause)
    const [only] = found
    const told = found.map(({ status }) => `${status?.phase} ${status?.reason} (${status?.message})`).join('; ')
    const fits = (phase ?? only?.status?.phase) === only?.status?.phase
    if (found.length !== 1 || !only || !fits || (reason ?? only.status?.reason) !== only.status?.reason) {
      throw new Error(
        `expected one record of ${node} ${cause} ${phase ?? ''} ${reason ?? ''}, found: ${told || 'none'}`,
      )
    }
    return only
  }, patience)

/** The existing tasks of this verb for a node, oldest first. */
export const tasksFor = async ({ get }: Fixture, node: string, verb: string): Promise<readonly NodeTask[]> => {
  const list = ['nodetasks', '-n', NAMESPACE, `--field-selector=spec.nodeName=${node}`]
  const { items } = await get<{ items: NodeTask[] }>(...list)
  return items.filter(({ spec }) => spec.verb === verb)
}

/** Tasks of this verb created since a time, in milliseconds since the epoch. */
export const tasksSince = async (
  fixture: Fixture,
  node: string,
  verb: string,
  since: number,
): Promise<readonly NodeTask[]> =>
  (await tasksFor(fixture, node, verb)).filter(
    // Whole seconds, as the API server writes them.
    ({ metadata }) => Date.parse(metadata.creationTimestamp ?? '') >= Math.floor(since / 1000) * 1000,
  )

/** The operator's Event of this reason about a node, once there is one. */
export const eventOfNode = ({ get, eventually }: Fixture, node: string, reason: string): Promise<KubeEvent> =>
  eventually(async () => {
    const { items } = await get<{ items: KubeEvent[] }>('events', '-n', 'default')
    const ours = items.filter(
      ({ reportingComponent, involvedObject }) =>
        reportingComponent === 'podmend.io/controller' &&
        involvedObject?.kind === 'Node' &&
        involvedObject.name === node,
    )
    const told = ours.find((event) => event.reason === reason)
    if (!told)
      throw new Error(`expected an Event ${reason} of ${node}, found: ${ours.map((each) => each.reason).join(' ')}`)
    return told
  })
