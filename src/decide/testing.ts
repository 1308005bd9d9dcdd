/** Builders for the tests of decisions: a case that would act, and words to change one thing about it. */
import type { Remediation } from '../api/kinds.ts'
import type { PolicySpec } from '../api/policy/policy.ts'
import type { RemediationStatus, RemediationStep } from '../api/remediation.ts'
import type { Attempt, DecisionInput, PolicyInForce } from '../model/decision-input.ts'
import { normalImage, rewritePrefix } from '../model/image-reference.ts'
import {
  type Diagnosis,
  type FailingPod,
  type Finding,
  type Incident,
  incidentId,
  incidentKey,
  known,
  type NamespaceFacts,
  type NodeFacts,
  type Owner,
} from '../model/incident.ts'
import type { Container, ContainerStatus, ManagedFieldsEntry, Pod } from '../model/kubernetes.ts'
import { API_VERSION } from '../model/names.ts'
import { compileGlob, compilePattern } from '../model/pattern.ts'
import { remedyOf } from '../remedies/list.ts'
import { decide } from './decide.ts'

export const NOW = Date.parse('2026-03-01T12:00:00Z')
export const BROKEN = 'harbor.od.com/k8s/coredns:1.6.1'
export const PATCHED = 'harbor.od.com/public/coredns:1.6.1'
export const HASH = '5d78c9869d'
export const STABILIZATION_MS = 30_000

export const at = (ms: number): string => new Date(NOW + ms).toISOString()

const labelled = (text: string | undefined) => {
  const made = text ? compilePattern(text) : undefined
  return made?.ok ? made.test : undefined
}

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined }

export interface PolicyOverrides extends Omit<Loose<PolicySpec>, 'match' | 'limits' | 'actions'> {
  readonly name?: string
  readonly uid?: string
  readonly generation?: number
  readonly match?: Loose<PolicySpec['match']>
  readonly limits?: Loose<PolicySpec['limits']>
  readonly actions?: readonly object[]
}

/** Enforcing, for kube-system, from `k8s/` to `public/`. */
export const aPolicy = ({
  name = 'moved',
  uid,
  generation = 1,
  match,
  limits,
  actions,
  ...rest
}: PolicyOverrides = {}): PolicyInForce => {
  const spec = {
    mode: 'Enforce',
    suspend: false,
    priority: 0,
    match: {
      causes: ['ProjectNotFound', 'ManifestNotFound'],
      namespaces: ['kube-system'],
      failingFor: '30s',
      ...match,
    },
    actions: actions ?? [rewriting()],
    onIneffective: 'Keep',
    managedWorkloads: 'Hold',
    controlPlaneNodes: 'Hold',
    approvalTimeout: '24h',
    limits: { cooldown: '10m', maxAttempts: 3, maxConcurrent: 1, maxPerHour: 10, maxUnhealthyNodes: '30%', ...limits },
    ...rest,
  } as PolicySpec
  const globs = spec.match.images?.map(compileGlob).flatMap((glob) => (glob.ok ? [glob.test] : []))
  const [include, exclude] = [labelled(spec.match.message?.include), labelled(spec.match.message?.exclude)]
  return {
    name,
    uid: uid ?? `uid-${name}`,
    generation,
    createdAt: 0,
    spec,
    matches: {
      image: (image) => globs === undefined || globs.some((test) => test(image)),
      message: (text) => (include?.(text) ?? true) && !exclude?.(text),
      rewrite: (image) => {
        for (const action of spec.actions) {
          for (const { from = '', to = '' } of action.rewriteImage?.rules ?? []) {
            const result = rewritePrefix(image, from, to)
            if (result) return result.includes('REFUSED') ? { refused: `${result} is no reference` } : { to: result }
          }
        }
        return undefined
      },
    },
  }
}

export const rewriting = (options: object = {}): object => ({
  type: 'RewriteImage',
  timeout: '5m',
  rewriteImage: {
    rules: [{ from: 'harbor.od.com/k8s/', to: 'harbor.od.com/public/' }],
    verify: 'Required',
    suggestions: 'Ignore',
    ...options,
  },
})
export const recycling = (method = 'Delete'): object => ({ type: 'RecyclePod', timeout: '5m', recyclePod: { method } })

export const anOwner = (
  words: Partial<Owner> & { readonly kind?: string; readonly name?: string; readonly namespace?: string } = {},
): Owner => {
  const { kind = 'Deployment', name = 'coredns', namespace = 'kube-system', ...rest } = words
  return {
    ref: { apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1', kind, namespace, name, uid: 'owner-1' },
    resourceVersion: '100',
    support: 'supported',
    containers: [{ name: 'coredns', image: BROKEN }],
    initContainers: [],
    labels: {},
    annotations: {},
    managedFields: [],
    managers: [],
    replicas: 1,
    updatedReplicas: 1,
    generation: 1,
    observedGeneration: 1,
    keepsBrokenPods: false,
    recreatesPods: kind !== 'Pod',
    ...rest,
  }
}

export interface PodOverrides {
  readonly name?: string
  readonly uid?: string
  readonly node?: string | null
  readonly namespace?: string
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
  readonly leaving?: boolean
  readonly phase?: string
  readonly containers?: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly statuses?: readonly ContainerStatus[]
  readonly initStatuses?: readonly ContainerStatus[]
}

export const pulling = (name = 'coredns'): ContainerStatus => ({
  name,
  restartCount: 0,
  state: { waiting: { reason: 'ImagePullBackOff' } },
})
export const running = (since: number, name = 'coredns'): ContainerStatus => ({
  name,
  started: true,
  restartCount: 0,
  state: { running: { startedAt: at(since) } },
})

/** Failing to pull, on node n1. */
export const aPod = (words: PodOverrides = {}): Pod => {
  const { name = 'coredns-a', uid = `uid-${name}`, node = 'n1', namespace = 'kube-system' } = words
  return {
    metadata: {
      name,
      uid,
      namespace,
      resourceVersion: '7',
      labels: words.labels ?? {},
      annotations: words.annotations ?? {},
      ...(words.leaving && { deletionTimestamp: at(-1_000) }),
    },
    spec: {
      ...(node !== null && { nodeName: node }),
      containers: words.containers ?? [{ name: 'coredns', image: BROKEN }],
      initContainers: words.initContainers ?? [],
    },
    status: {
      phase: words.phase ?? 'Pending',
      containerStatuses: words.statuses ?? [pulling()],
      initContainerStatuses: words.initStatuses ?? [],
    },
  }
}

export const aFinding = (words: Partial<Finding> = {}): Finding => ({
  container: 'coredns',
  init: false,
  image: BROKEN,
  cause: 'ProjectNotFound',
  message: 'unauthorized: project not found, name: k8s',
  source: 'kubelet',
  possibleCauses: [],
  ...words,
})

export interface FailingOverrides extends PodOverrides {
  readonly findings?: readonly Finding[]
  /** ms relative to now. */
  readonly since?: number
}

export const aFailingPod = ({
  findings = [aFinding()],
  since = -120_000,
  ...pod
}: FailingOverrides = {}): FailingPod => ({
  pod: aPod(pod),
  findings,
  since: NOW + since,
})

/** A step of the remedy that `aCase` would take, written a minute ago. */
export const aStep = (words: Loose<RemediationStep> = {}): RemediationStep =>
  JSON.parse(
    JSON.stringify({
      index: 0,
      attempt: 1,
      action: 'RewriteImage',
      state: 'Done',
      changes: [{ container: 'coredns', init: false, from: BROKEN, to: PATCHED }],
      planHash: 'plan-1',
      intendedAt: at(-61_000),
      actedAt: at(-60_000),
      ...words,
    }),
  ) as RemediationStep

export interface RecordOverrides {
  readonly phase?: RemediationStatus['phase']
  readonly name?: string
  readonly steps?: readonly RemediationStep[]
  readonly status?: Partial<RemediationStatus>
  readonly spec?: Partial<Remediation['spec']>
  /** ms relative to now. */
  readonly created?: number
}

const FINAL: ReadonlySet<string> = new Set(['Succeeded', 'Ineffective', 'Failed', 'Cancelled'])

export const aRecord = ({
  phase = 'Verifying',
  name = 'coredns-image-1',
  steps,
  status,
  spec,
  created = -90_000,
}: RecordOverrides = {}): Remediation => ({
  apiVersion: API_VERSION,
  kind: 'Remediation',
  metadata: { name, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: at(created) },
  spec: {
    policy: { name: 'moved', uid: 'uid-moved', generation: 1 },
    cause: 'ProjectNotFound',
    target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'coredns', uid: 'owner-1' },
    templateHash: HASH,
    ...spec,
  },
  status: {
    phase,
    steps: [...(steps ?? [aStep()])],
    ...(FINAL.has(phase) && { finishedAt: at(-1_000) }),
    ...status,
  },
})

/** The record of a case that decided to act a minute ago: its intent is there, its outcome is not. */
export const intendedBy = (c: DecisionInput, words: Loose<RemediationStep> = {}): Remediation => {
  const verdict = decide(c)
  if (verdict.kind !== 'Act') throw new Error(`no intent follows from ${verdict.kind}`)
  const { plan, policy, attempt } = verdict
  const intendedAt = at(-61_000)
  const step = aStep({
    changes: undefined,
    ...remedyOf(plan.type).record(plan),
    index: plan.index,
    attempt,
    action: plan.type,
    kind: 'Act',
    state: 'Intended',
    policy,
    planHash: plan.hash,
    intendedAt,
    actedAt: undefined,
    ...words,
  })
  const { owner, templateHash } = c.incident
  const spec = { policy, templateHash, target: owner.ref } as Partial<Remediation['spec']>
  const status = { policy, planHash: plan.hash, attempts: [step.intendedAt ?? intendedAt] }
  const record = aRecord({ phase: 'Running', steps: [step], spec, status })
  return { ...record, metadata: { ...record.metadata, managedFields: [wroteStatus(-61_000)] } }
}

/** The API server's note on the last write of a record's status. */
export const wroteStatus = (ms: number): ManagedFieldsEntry => ({
  manager: 'podmend',
  operation: 'Update',
  subresource: 'status',
  time: at(ms),
})

/** An attempt at this very incident. */
export const anAttempt = (ms: number, words: Partial<Attempt> = {}): Attempt => ({
  policy: 'moved',
  incident: incidentId(anOwner().ref, 'image'),
  at: NOW + ms,
  ...words,
})

export const aNamespace = (words: Partial<NamespaceFacts> = {}): NamespaceFacts => ({
  name: 'kube-system',
  labels: {},
  annotations: {},
  ...words,
})
export const aNode = (words: Partial<NodeFacts> = {}): NodeFacts => ({
  name: 'n1',
  uid: 'node-1',
  resourceVersion: '1',
  unschedulable: false,
  conditions: [],
  labels: {},
  annotations: {},
  taints: [],
  platform: 'linux/amd64',
  controlPlane: false,
  ready: true,
  ...words,
})

export const exists = (words: { digest?: string; platforms?: readonly string[] } = {}) =>
  known({
    kind: 'exists' as const,
    digest: `sha256:${'a'.repeat(64)}`,
    platforms: ['linux/amd64'],
    mediaType: 'x',
    ...words,
  })

/** What managedFields say of somebody who wrote a container's image. */
export const wrote = (manager: string, ms: number, root = 'template', name = 'coredns'): ManagedFieldsEntry => {
  const containers = { 'f:containers': { [`k:${JSON.stringify({ name })}`]: { '.': {}, 'f:image': {} } } }
  const fieldsV1 =
    root === 'template' ? { 'f:spec': { 'f:template': { 'f:spec': containers } } } : { 'f:spec': containers }
  return { manager, operation: 'Update', time: at(ms), fieldsV1 }
}

export interface InputOverrides extends Omit<Partial<DecisionInput>, 'incident' | 'diagnosis' | 'operator' | 'facts'> {
  readonly owner?: Owner
  readonly pods?: readonly FailingPod[]
  readonly incident?: Partial<Incident>
  readonly diagnosis?: Partial<Diagnosis>
  readonly facts?: Omit<Loose<DecisionInput['facts']>, 'registry'> & {
    readonly registry?: Loose<DecisionInput['facts']['registry']>
  }
  readonly operator?: Partial<DecisionInput['operator']>
}

/** What the registry says of the images that fail, where nothing but its confirmation is open. */
const gone = (findings: readonly Finding[]): DecisionInput['facts']['registry'] =>
  Object.fromEntries(
    findings
      .filter(({ image, possibleCauses, source }) => image !== '' && possibleCauses.length === 0 && source !== 'event')
      .map(({ image }) => [normalImage(image), known({ kind: 'tagMissing' as const, message: 'manifest unknown' })]),
  )

/** Coredns fails in kube-system, everything is known, and one policy allows the rewrite: decides to act. */
export const aCase = (words: InputOverrides = {}): DecisionInput => {
  const { owner = anOwner(), pods = [aFailingPod()], incident, diagnosis, facts, operator, ...rest } = words
  const findings = pods.flatMap((pod) => pod.findings)
  // Of a workload on one node, as most are; `nodes` for more.
  const node = facts && 'node' in facts ? facts.node : known(aNode())
  return {
    now: NOW,
    incident: {
      key: incidentKey(owner.ref, 'image'),
      area: 'image',
      owner,
      pods,
      templateHash: HASH,
      evidence: [],
      ...incident,
    },
    diagnosis: { cause: findings[0]?.cause ?? 'Unknown', findings, pods, evidence: [], ...diagnosis },
    facts: present({
      namespace: known(aNamespace()),
      node,
      nodes: node && { n1: node },
      ...facts,
      registry: { ...gone(findings), [normalImage(PATCHED)]: exists(), ...facts?.registry },
    }),
    policies: [aPolicy()],
    records: [],
    attempts: [],
    active: {},
    ...rest,
    operator: {
      namespace: 'podmend',
      paused: known(false),
      maxActionsPerHour: 60,
      stabilizationMs: STABILIZATION_MS,
      ...operator,
    },
  }
}

/** Without what is undefined: an absent fact is one that was not asked for. */
const present = (facts: NonNullable<InputOverrides['facts']>): DecisionInput['facts'] =>
  ({
    ...Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined)),
    registry: Object.fromEntries(Object.entries(facts.registry ?? {}).filter(([, fact]) => fact !== undefined)),
  }) as DecisionInput['facts']

/** Park and Miller's generator: the same cases in every run. */
export const dice = (seed: number) => {
  let state = seed
  const roll = (): number => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  /** The first choice mostly, or an odd world would hardly ever come to an act. */
  return <T>(...choices: readonly T[]): T => choices[roll() < 0.8 ? 0 : Math.floor(roll() * choices.length)] as T
}
export type Pick = ReturnType<typeof dice>
