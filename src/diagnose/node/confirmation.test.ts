import { expect, test } from 'vitest'
import type { NodePlan } from '../../model/plan.ts'
import { decide } from '../../decide/decide.ts'
import {
  action,
  anInspection,
  aNodeCase,
  aNodeRecord,
  aTask,
  aWaitingPod,
  DOCKERS_CHAINS,
  nodePolicy,
  nodes,
  recoveredPod,
  theNodeItself,
} from '../../decide/testing-nodes.ts'
import { aNamespace, aNode, aPod, at, dice, type Pick } from '../../decide/testing.ts'
import { NODE_CAUSES, type NodeCause } from '../../model/causes.ts'
import type { DecisionInput } from '../../model/decision-input.ts'
import { type EvidenceSource, type Fact, type Facts, type Finding, known, unknown } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'

const odd = <T>(value: unknown): T => value as T
const EXCLUDED: Readonly<Record<string, string>> = { 'podmend.io/exclude': 'true' }
const TYPES = ['RecycleSandbox', 'RestartRuntime', 'FlagNode', 'InstallMountHelper', 'RecyclePod', 'RewriteImage']

const someInspection = (pick: Pick) =>
  pick(
    known(
      anInspection({
        chains: { known: pick(true, false), list: pick([], DOCKERS_CHAINS) },
        docker: { known: pick(true, false), installed: pick(true, false), liveRestore: pick(false, true) },
        os: { known: pick(true, false), id: pick('debian', 'talos', 'alpine') },
        mounts: { known: pick(true, false), helpers: pick([], ['nfs']) },
        runtime: { known: pick(true, false) },
      }),
    ),
    unknown('no agent'),
  )

const someFacts = (pick: Pick): Facts => ({
  registry: {},
  namespaces: {
    web: pick<Fact<ReturnType<typeof aNamespace>>>(
      known(aNamespace({ name: 'web' })),
      unknown('403'),
      known(aNamespace({ name: 'web', labels: EXCLUDED })),
    ),
    ...pick({ 'kube-system': known(aNamespace()) }, {}),
  },
  node: pick(
    known(
      aNode({
        runtimeVersion: pick('containerd://1.7', 'docker://24', 'odd'),
        ready: pick(true, false),
        unschedulable: pick(false, true),
        controlPlane: pick(false, true),
        annotations: pick<typeof EXCLUDED>({}, EXCLUDED),
        labels: pick<typeof EXCLUDED>({}, { 'flag.podmend.io/MountHelperMissing': 'nfs' }),
      }),
    ),
    unknown('gone'),
  ),
  inspection: someInspection(pick),
  nodePods: pick(
    known([recoveredPod(), aPod({ labels: pick<typeof EXCLUDED>({}, EXCLUDED) })]),
    known([]),
    unknown('403'),
  ),
  failingOptOuts: pick(
    [],
    [],
    [{ uid: 'uid-ingress-a', by: 'DaemonSet o' }],
    [{ uid: 'uid-ingress-a', unread: '403' }],
  ),
  tasks: pick(
    known([]),
    known([aTask(pick(undefined, { phase: 'Running' }, { phase: 'Succeeded' }), {}, pick(1_000, -60_000))]),
    known([odd<ReturnType<typeof aTask>>({ metadata: {}, spec: {} })]),
    unknown('403'),
  ),
  installer: pick<Fact<Pod | undefined>>(
    known(undefined),
    known(aPod({ phase: pick('Succeeded', 'Failed', 'Running') })),
    unknown('403'),
  ),
})

const someCase = (pick: Pick, cause: NodeCause): DecisionInput => {
  const finding: Partial<Finding> = {
    source: pick<EvidenceSource>('agent', 'event', 'event', 'kubelet'),
    detail: odd<string>(pick(cause === 'MountHelperMissing' ? 'nfs' : 'DOCKER', undefined, 'CNI-X', 'fuse.x')),
    ...pick<Partial<Finding>>({}, { source: 'event', ruledOut: 'it is there' }),
  }
  const pod = aWaitingPod({
    cause,
    finding,
    namespace: pick('web', 'kube-system', 'podmend'),
    labels: pick<typeof EXCLUDED>({}, EXCLUDED),
    leaving: pick(false, true),
    ownedBy: pick('DaemonSet', 'Job', ''),
  })
  const itself = theNodeItself({ cause, ...finding })
  const types = [pick(...TYPES), pick(...TYPES), pick(...TYPES)]
  const step = aNodeRecord().status?.steps?.[0]
  const record = aNodeRecord(
    {
      state: pick('Intended', 'Done', 'Succeeded', 'Ineffective'),
      action: odd(pick('RestartRuntime', ...TYPES)),
      node: pick(step?.node, undefined, { tasks: [] }),
      finishedAt: pick(at(-1_000), undefined),
    },
    { phase: pick('Running', 'Verifying', 'Succeeded', 'Ineffective') },
  )
  return {
    ...aNodeCase({
      cause,
      pods: pick([pod], [pod, itself], [itself], []),
      policies: [
        nodePolicy({
          actions: types.slice(0, pick(2, 1, 3)).map((type) => action(type)),
          mode: pick('Enforce', 'Observe', 'Approve'),
          controlPlaneNodes: pick('Hold', 'Act'),
          match: { namespaces: pick(undefined, ['web'], ['kube-system']) },
        }),
      ],
      nodes: nodes(3, { 2: { ready: pick(true, false) } }),
      nodesUnderRepair: pick([], ['node-2']),
      records: pick([], [record]),
    }),
    facts: { registry: {} },
  }
}

/** Gathers requested facts, from one fixed set per run. */
const settled = (c: DecisionInput, answers: Facts) => {
  let facts: Facts = { registry: {} }
  for (let round = 0; round < 8; round += 1) {
    const verdict = decide({ ...c, facts })
    if (verdict.kind !== 'Ask') return { verdict, facts }
    expect(verdict.facts).not.toEqual([])
    for (const { fact } of verdict.facts) {
      if (fact === 'registry') throw new Error('no image is concerned')
      expect(facts[fact]).toBeUndefined()
      facts = { ...facts, [fact]: answers[fact] ?? unknown('not known') }
    }
  }
  throw new Error('it never came to a verdict')
}

const RUNS = 3_000

test('whatever comes, nothing is done to a node without confirmation by its kubelet or agent, and nothing to a pod that opted out', () => {
  const kinds = new Set<string>()
  const types = new Set<string>()
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const pick = dice(seed * 7_919)
    const cause = NODE_CAUSES[seed % NODE_CAUSES.length] as NodeCause
    const c = someCase(pick, cause)
    const { verdict, facts } = settled(c, someFacts(pick))
    kinds.add(verdict.kind)
    if (verdict.kind !== 'Act') continue
    const { plan } = verdict
    types.add(plan.type)
    expect(plan.target).toMatchObject({ kind: 'Node', uid: 'node-1' })
    expect(facts.node).toMatchObject({ known: true, value: { annotations: {} } })
    expect(c.diagnosis.findings.some(({ source, ruledOut }) => source !== 'event' && ruledOut === undefined)).toBe(true)
    const { unschedulable, ready, controlPlane } = facts.node?.known ? facts.node.value : aNode()
    if (unschedulable && !verdict.resume) expect(plan.type).toBe('FlagNode')
    if (!ready) expect(['RestartRuntime', 'FlagNode']).toContain(plan.type)
    if (controlPlane && plan.type !== 'RecyclePod') expect(c.policies[0]?.spec.controlPlaneNodes).toBe('Act')
    if (plan.type === 'RestartRuntime' && !verdict.resume) expect(facts.inspection?.known).toBe(true)
    if (plan.type === 'InstallMountHelper') expect(facts.inspection).toMatchObject({ value: { os: { id: 'debian' } } })
    if (verdict.resume || plan.type === 'RewriteImage') continue
    const out = c.incident.pods.find(({ pod }) => pod.metadata.labels?.['podmend.io/exclude'] === 'true')
    const uids = (plan as NodePlan).pods.map(({ uid }) => uid)
    expect(uids).not.toContain(out?.pod.metadata.uid)
    for (const { uid } of facts.failingOptOuts ?? []) expect(uids).not.toContain(uid)
  }
  expect([...kinds].toSorted()).toEqual(['Act', 'Hold', 'Ignore', 'Verify'])
  expect([...types].toSorted()).toEqual(TYPES.filter((type) => type !== 'RewriteImage').toSorted())
})
