/** What can be read of the cluster of model.test.ts, and the input of a decision from it. */
import { aNodeCase, aTask, NODE, nodes } from '../decide/testing-nodes.ts'
import {
  aCase,
  aNamespace,
  aNode,
  anOwner,
  aPod,
  aPolicy,
  at,
  exists,
  NOW,
  pulling,
  running,
} from '../decide/testing.ts'
import type { DecisionInput, PolicyInForce } from '../model/decision-input.ts'
import { formatTime } from '../model/duration.ts'
import { type FactName, type Facts, type FailingPod, incidentId, known, unknown } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import {
  type Broken,
  fails,
  findingOf,
  hashOfTemplate,
  inProgress,
  isNode,
  MAX_PER_HOUR,
  NEW,
  refOf,
  STABLE,
  type Target,
  type World,
} from './testing-world.ts'

const annotations = (excluded: boolean | undefined): Record<string, string> =>
  excluded ? { 'podmend.io/exclude': 'true' } : {}

const podOf = (target: Target, { name, uid, image, startedAt, leaving, excluded }: Broken): Pod => {
  const started = startedAt !== undefined
  const pod = aPod({
    name,
    uid,
    namespace: target.namespace,
    containers: [{ name: 'web', image }],
    statuses: [started ? running(startedAt - NOW, 'web') : pulling('web')],
    phase: started ? 'Running' : 'Pending',
    annotations: annotations(excluded),
    ...(leaving && { leaving }),
  })
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'o', uid: 'o', controller: true }]
  const condition = {
    type: 'PodReadyToStartContainers',
    status: 'True',
    lastTransitionTime: at((startedAt ?? NOW) - NOW),
  }
  return {
    ...pod,
    metadata: { ...pod.metadata, ...(isNode(target) && { ownerReferences }) },
    status: { ...pod.status, ...(started && { conditions: [condition] }) },
  }
}

const failingPods = (target: Target): readonly FailingPod[] =>
  target.pods
    .filter(fails)
    .map((pod) => ({ pod: podOf(target, pod), findings: [findingOf(target, pod)], since: pod.since }))

const inForce = ({ policies }: World): readonly PolicyInForce[] =>
  [...policies].map(([name, { spec, generation, uid }]) => {
    const { causes, namespaces, failingFor, ...rest } = spec
    return aPolicy({
      name,
      uid,
      generation,
      ...rest,
      match: { causes: [...causes], namespaces: namespaces && [...namespaces], failingFor },
    })
  })

const unhealthy = (world: World) =>
  nodes(4, Object.fromEntries(Array.from({ length: world.node.othersDown }, (_, i) => [i + 2, { ready: false }])))

const registryOf = ({ answer }: World, image: string) => {
  if (image !== NEW) return known({ kind: 'tagMissing' as const, message: 'manifest unknown' })
  switch (answer) {
    case 'there':
      return exists()
    case 'arm':
      return exists({ platforms: ['linux/arm64'] })
    case 'gone':
      return known({ kind: 'tagMissing' as const, message: 'manifest unknown' })
    case 'silent':
      return known({ kind: 'unreachable' as const, message: 'timeout' })
  }
}

const nodeOf = ({ node }: World, target: Target) =>
  aNode({
    annotations: annotations(node.excluded),
    unschedulable: node.cordoned,
    controlPlane: node.controlPlane,
    runtimeVersion: 'containerd://1',
    ...(target.flagged && {
      labels: { 'flag.podmend.io/IptablesChainMissing': target.flagged },
      conditions: [{ type: 'IptablesChainMissing', status: 'True' }],
    }),
  })

/** Of the node's pods, those whose owner opted out; nothing is known of a pod whose owner cannot be read. */
const optOutsOn = (world: World, { pods }: Target): NonNullable<Facts['failingOptOuts']> =>
  pods.flatMap(({ uid, ownerExcluded }): NonNullable<Facts['failingOptOuts']> => {
    if (world.unread.has('owners')) return [{ uid, unread: '403' }]
    return ownerExcluded ? [{ uid, by: 'DaemonSet o' }] : []
  })

/** Reads what is asked for, as far as it may be read. */
export const read = (world: World, target: Target, names: readonly FactName[], have: Facts): Facts => {
  let facts = have
  const put = (name: string, value: unknown): void => {
    facts = { ...facts, [name]: world.unread.has(name) ? unknown('403') : known(value) }
  }
  for (const name of names) {
    switch (name.fact) {
      case 'namespace':
        put(
          'namespace',
          aNamespace({
            name: target.namespace,
            annotations: annotations(world.excludedNamespaces.has(target.namespace)),
          }),
        )
        break
      case 'namespaces': {
        const web = aNamespace({ name: 'web', annotations: annotations(world.excludedNamespaces.has('web')) })
        facts = { ...facts, namespaces: { web: world.unread.has('namespace') ? unknown('403') : known(web) } }
        break
      }
      case 'node':
        put('node', nodeOf(world, target))
        break
      case 'nodes':
        facts = { ...facts, nodes: { n1: world.unread.has('node') ? unknown('403') : known(nodeOf(world, target)) } }
        break
      case 'pods':
      case 'nodePods':
        put(
          name.fact,
          target.pods.map((pod) => podOf(target, pod)),
        )
        break
      case 'registry':
        facts = {
          ...facts,
          registry: {
            ...facts.registry,
            [name.image]: world.unread.has('registry') ? unknown('403') : registryOf(world, name.image),
          },
        }
        break
      case 'failingOptOuts':
        facts = { ...facts, failingOptOuts: optOutsOn(world, target) }
        break
      case 'inspection':
        facts = {
          ...facts,
          inspection: world.unread.has('inspection')
            ? unknown('no agent')
            : (aNodeCase().facts.inspection ?? unknown('')),
        }
        break
      case 'tasks':
        put(
          'tasks',
          target.tasks
            .filter((task) => name.names.includes(task.name))
            .map(({ name: task, done }) =>
              aTask(
                done === undefined
                  ? undefined
                  : ({
                      phase: done ? 'Succeeded' : 'Failed',
                      reason: done ? 'Done' : 'Error',
                      message: 'm',
                      finishedAt: formatTime(world.now),
                    } as never),
                { name: task },
              ),
            ),
        )
        break
      default:
        facts = { ...facts, [name.fact]: unknown('not in this model') }
    }
  }
  return facts
}

export const inputOf = (world: World, target: Target, facts: Facts): DecisionInput => {
  const pods = failingPods(target)
  const owner = isNode(target)
    ? {
        ...anOwner({ kind: 'Node', name: 'n1' }),
        ref: NODE,
        containers: [],
        recreatesPods: false,
        annotations: annotations(world.node.excluded),
      }
    : anOwner({
        name: target.name,
        namespace: target.namespace,
        containers: [{ name: 'web', image: target.image }],
        annotations: annotations(target.excluded),
        managers: target.managed ? [{ name: 'Argo CD', writesBack: true, seenBy: 's', editAt: 'e' }] : [],
      })
  const base = aCase({ owner: { ...owner, ref: { ...owner.ref, uid: target.uid } }, pods })
  const others = world.targets.filter((other) => other !== target)
  const active: Record<string, number> = {}
  for (const { status, spec } of others.flatMap(({ records }) => records).filter(inProgress)) {
    const { name } = status?.policy ?? spec.policy
    active[name] = (active[name] ?? 0) + 1
  }
  return {
    ...base,
    now: world.now,
    incident: {
      ...base.incident,
      key: `${target.uid}/${target.area}`,
      area: target.area,
      templateHash: hashOfTemplate(target),
    },
    diagnosis: {
      cause: pods[0]?.findings[0]?.cause ?? 'Unknown',
      findings: pods.flatMap(({ findings }) => findings),
      pods,
      evidence: [],
    },
    facts,
    policies: inForce(world),
    records: target.records,
    attempts: world.begun.map(({ policy, target: of, at: began }) => ({
      policy,
      incident: incidentId(refOf(of), of.area),
      at: began,
    })),
    active,
    nodes: world.unread.has('watched nodes') ? unknown('403') : known(unhealthy(world)),
    operator: {
      ...base.operator,
      paused: world.unread.has('paused') ? unknown('403') : known(world.paused),
      maxActionsPerHour: MAX_PER_HOUR,
      stabilizationMs: STABLE,
    },
  }
}
