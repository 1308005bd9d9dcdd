/** Each pod of a plan has its own cause and its own proof: detection, conclusion and decision together. */
import { describe, expect, test } from 'vitest'
import { decide } from '../decide/decide.ts'
import { action, aNodeCase, aWaitingPod, NODE, nodePolicy, nodes } from '../decide/testing-nodes.ts'
import {
  aCase,
  aNode,
  anOwner,
  aPod,
  aPolicy,
  BROKEN,
  exists,
  NOW,
  PATCHED,
  recycling,
  rewriting,
} from '../decide/testing.ts'
import type { NodeCause } from '../model/causes.ts'
import type { DecisionInput, NodeState } from '../model/decision-input.ts'
import { type Fact, type FailingPod, known, type NodeFacts, type RegistryAnswer, unknown } from '../model/incident.ts'
import type { Plan, Verdict } from '../model/plan.ts'
import { conclude } from './conclude.ts'
import { buildIncident } from './incident.ts'
import { ownerOfNode } from './node/facts.ts'
import { detectPodFailures } from './pod/findings.ts'

const decided = (base: DecisionInput): Verdict => {
  const { owner, area, pods } = base.incident
  const incident = buildIncident({ owner, area, pods })
  return decide({ ...base, incident, diagnosis: conclude(incident, base.facts) })
}

const planOf = (verdict: Verdict): Plan & { readonly pods?: readonly { readonly name: string }[] } => {
  if (verdict.kind !== 'Act') throw new Error(`no act: ${JSON.stringify(verdict)}`)
  return verdict.plan
}

const namesIn = (verdict: Verdict) => planOf(verdict).pods?.map(({ name }) => name)
const leftOut = (verdict: Verdict) => planOf(verdict).leftOut?.map(({ name, why }) => [name, why])

describe('pods of one node', () => {
  const withSandbox = (failing: FailingPod, status?: 'True' | 'False'): FailingPod => ({
    ...failing,
    pod: {
      ...failing.pod,
      status: {
        ...failing.pod.status,
        conditions: status === undefined ? [] : [{ type: 'PodReadyToStartContainers', status }],
      },
    },
  })
  const reported = (name: string, status?: 'True' | 'False', cause: NodeCause = 'SandboxStale', message = name) =>
    withSandbox(aWaitingPod({ cause, name, ownedBy: 'ReplicaSet', finding: { source: 'event', message } }), status)
  const withFiles = (...words: Parameters<typeof reported>): FailingPod => {
    const { pod, ...rest } = reported(...words)
    const volumes = [
      { name: 'nfs', nfs: {} },
      { name: 'cifs', flexVolume: { driver: 'fstab/cifs' } },
    ]
    return { ...rest, pod: { ...pod, spec: { ...pod.spec, volumes } } }
  }
  const on = (pods: readonly FailingPod[], type: string, cause: NodeCause = 'SandboxStale') =>
    aNodeCase({ cause, pods, policies: [nodePolicy({ actions: [action(type)] })] })

  test.each(['RecyclePod', 'RecycleSandbox'])('%s takes those alone that their own status proves', (type) => {
    const pods = [reported('stuck', 'False'), reported('started', 'True'), reported('hearsay')]
    const verdict = decided(on(pods, type))
    expect(namesIn(verdict)).toEqual(['stuck'])
    expect(leftOut(verdict)).toEqual([
      ['hearsay', 'only an Event reports SandboxStale; nothing confirms it'],
      ['started', 'SandboxStale is ruled out: the pod has a sandbox with a network now'],
    ])
    expect(planOf(verdict).diff).toContain('web/hearsay')
  })

  test('a message that two pods share is judged for each of them', () => {
    const pods = [
      reported('stuck', 'False', 'SandboxStale', 'the same'),
      reported('started', 'True', 'SandboxStale', 'the same'),
    ]
    expect(namesIn(decided(on(pods, 'RecyclePod')))).toEqual(['stuck'])
  })

  test.each(['RecyclePod', 'RecycleSandbox'])('%s for a missing chain takes no pod that has its sandbox', (type) => {
    const message = 'iptables -t nat -A DOCKER: No chain/target/match by that name.'
    const pods = ['False', 'True'].map((status) =>
      reported(`sandbox-${status}`, status as 'True', 'IptablesChainMissing', message),
    )
    expect(namesIn(decided(on(pods, type, 'IptablesChainMissing')))).toEqual(['sandbox-False'])
  })

  test.each(['RecyclePod', 'RecycleSandbox'])('%s takes no pod whose own status shows no failure', (type) => {
    const message = 'iptables -t nat -A DOCKER: No chain/target/match by that name.'
    const verdict = decided(
      on([reported('unknown', undefined, 'IptablesChainMissing', message)], type, 'IptablesChainMissing'),
    )
    expect(verdict).toMatchObject({
      kind: 'Hold',
      reason: 'FactUnknown',
      message: expect.stringContaining('web/unknown'),
    })
  })

  test('nothing is done if an Event is all there is', () => {
    expect(decided(on([reported('hearsay')], 'RecyclePod'))).toMatchObject({ kind: 'Hold', reason: 'FactUnknown' })
  })

  test('a helper is installed for the pods that lack this one', () => {
    const needs = (name: string, type: string) =>
      withFiles(
        name,
        'False',
        'MountHelperMissing',
        `mount -t ${type} server:/x: you might need a /sbin/mount.<type> helper program.`,
      )
    const verdict = decided(on([needs('a', 'nfs'), needs('b', 'cifs')], 'InstallMountHelper', 'MountHelperMissing'))
    expect(planOf(verdict)).toMatchObject({ fsType: 'nfs' })
    expect(namesIn(verdict)).toEqual(['a'])
    expect(leftOut(verdict)).toEqual([['b', 'its message names cifs, not nfs']])
  })

  test.each(['FlagNode', 'InstallMountHelper'])(
    '%s does nothing for a forged Event on a pod with a ConfigMap',
    (type) => {
      const need = (fsType: string) => `mount -t ${fsType} x: you might need a /sbin/mount.<type> helper program.`
      for (const fsType of ['evilfs', 'ceph', 'nfs']) {
        const forged = reported('evil', 'False', 'MountHelperMissing', need(fsType))
        const verdict = decided(on([forged], type, 'MountHelperMissing'))
        // No package is known for a made-up type, which is told first.
        const reason = type === 'InstallMountHelper' && fsType === 'evilfs' ? 'RolloutBlocked' : 'FactUnknown'
        expect(verdict).toMatchObject({ kind: 'Hold', reason })
      }
      const honest = withFiles('honest', 'False', 'MountHelperMissing', need('nfs'))
      const beside = decided(
        on([reported('evil', 'False', 'MountHelperMissing', need('ceph')), honest], type, 'MountHelperMissing'),
      )
      expect(namesIn(beside)).toEqual(['honest'])
      expect(leftOut(beside)).toEqual([
        ['evil', 'MountHelperMissing is ruled out: no volume of the pod needs mount.ceph'],
      ])
    },
  )

  test('the node that the incident is about is the one in the tests', () => {
    expect(ownerOfNode({ metadata: { name: 'n1', uid: 'node-1', resourceVersion: '1' } }).ref).toEqual(NODE)
  })
})

describe('pods of one owner', () => {
  const PULL = `failed to pull and unpack image "${BROKEN}": `
  const DISK_FULL = `${PULL}failed to copy: write /var/lib/containerd/x: no space left on device`
  const CORRUPT = `${PULL}failed to extract layer sha256:aa: unexpected EOF`
  const GONE = `${PULL}failed to resolve reference "${BROKEN}": ${BROKEN}: not found`

  const failing = (name: string, message: string, node = 'n1'): FailingPod => {
    const status = { name: 'coredns', restartCount: 0, state: { waiting: { reason: 'ErrImagePull', message } } }
    return detectPodFailures(aPod({ name, node, statuses: [status] }), [], NOW)
  }
  const under = (causes: readonly string[], pods: readonly FailingPod[], actions = [recycling()]) =>
    decided(
      aCase({
        pods,
        owner: anOwner({ replicas: pods.length }),
        policies: [aPolicy({ match: { causes: causes as never, failingFor: '0s' }, actions })],
      }),
    )

  const causeOf = (pod: FailingPod) => pod.findings.map(({ cause }) => cause)
  const full = failing('full', DISK_FULL)
  const corrupt = failing('corrupt', CORRUPT)

  test.each([
    ['full', full],
    ['corrupt', corrupt],
  ])('a policy for the cause of pod %s deletes that pod', (name, pod) => {
    expect(causeOf(full)).not.toEqual(causeOf(corrupt))
    for (const pods of [
      [full, corrupt],
      [corrupt, full],
    ]) {
      const verdict = under(causeOf(pod), pods)
      expect(namesIn(verdict)).toEqual([name])
      expect(verdict).toMatchObject({ diagnosis: { cause: causeOf(pod)[0] } })
    }
  })

  describe('on several nodes', () => {
    const AMD = aNode({ name: 'amd' })
    const ARM = aNode({ name: 'arm', platform: 'linux/arm64' })
    const gone = known({ kind: 'tagMissing' as const, message: 'manifest unknown' })
    const on = (
      [first, second]: readonly [NodeFacts, NodeFacts],
      { actions = [rewriting()], present = gone, target = ['linux/amd64'], ...more }: OnNodes = {},
    ) =>
      decided(
        aCase({
          owner: anOwner({ kind: 'DaemonSet', replicas: 2 }),
          pods: [first, second].map(({ name }) => failing(`on-${name}`, GONE, name)),
          policies: [aPolicy({ match: { failingFor: '0s', ...more.match }, actions })],
          facts: {
            nodes: { [first.name]: known(first), [second.name]: known(second) },
            knownImages: unknown('not listed'),
            registry: { [BROKEN]: present, [PATCHED]: exists({ platforms: target }) },
            ...more.facts,
          },
          ...(more.cluster && { nodes: known(more.cluster) }),
        }),
      )
    interface OnNodes {
      readonly actions?: object[]
      readonly present?: Fact<RegistryAnswer>
      readonly target?: readonly string[]
      readonly match?: object
      readonly facts?: object
      readonly cluster?: readonly NodeState[]
    }

    test.each([['RecyclePod', recycling()] as const, ['RewriteImage', rewriting()] as const])(
      '%s holds if the second of them opted out',
      (_, one) => {
        const second = aNode({ name: 'n2', annotations: { 'podmend.io/exclude': 'true' } })
        expect(on([AMD, second], { actions: [one] })).toMatchObject({
          kind: 'Hold',
          reason: 'OptedOut',
          message: 'node n2 is excluded by podmend.io/exclude',
        })
      },
    )

    test('holds if it is unknown whether the second of them opted out', () => {
      const nodes = { amd: known(AMD), arm: unknown('the right to get nodes is missing') }
      expect(on([AMD, ARM], { actions: [recycling()], facts: { nodes } })).toMatchObject({
        kind: 'Hold',
        reason: 'FactUnknown',
      })
    })

    test('an image for the first alone is not written', () => {
      expect(on([AMD, ARM])).toMatchObject({
        kind: 'Hold',
        reason: 'TargetUnverified',
        message: expect.stringContaining('node arm is linux/arm64'),
      })
      expect(on([AMD, ARM], { target: ['linux/amd64', 'linux/arm64/v8'] })).toMatchObject({ kind: 'Act' })
    })

    test('an image that the registry has for the first alone is missing on the second', () => {
      const verdict = on([AMD, ARM], {
        present: exists(),
        target: ['linux/amd64', 'linux/arm64'],
        match: { causes: ['PlatformMismatch'] },
      })
      expect(planOf(verdict)).toMatchObject({ changes: [{ container: 'coredns' }] })
      expect(verdict).toMatchObject({ diagnosis: { cause: 'PlatformMismatch' } })
      expect(planOf(verdict).diff).not.toContain('unchanged')
    })

    test('an image pushed a minute late is not rewritten, but its pods are recycled', () => {
      const late = exists({ platforms: ['linux/amd64', 'linux/arm64'] })
      const both = { present: late, target: ['linux/amd64', 'linux/arm64'] }
      expect(on([AMD, ARM], both)).toMatchObject({
        kind: 'Hold',
        reason: 'TargetUnverified',
        message: expect.stringContaining('the kubelet pulls it at its next try'),
      })
      const recycled = on([AMD, ARM], { ...both, actions: [rewriting(), recycling()] })
      expect(planOf(recycled)).toMatchObject({ type: 'RecyclePod' })
      expect(namesIn(recycled)).toEqual(['on-amd', 'on-arm'])
    })

    test('nodeSelector takes the pods on each node that it selects', () => {
      const ssd = { disk: 'ssd' }
      const match = { nodeSelector: { matchLabels: ssd } }
      const both = on(
        [
          { ...AMD, labels: ssd },
          { ...ARM, labels: ssd },
        ],
        { actions: [recycling()], match },
      )
      expect(namesIn(both)).toEqual(['on-amd', 'on-arm'])
      const second = on([AMD, { ...ARM, labels: ssd }], { actions: [recycling()], match })
      expect(namesIn(second)).toEqual(['on-arm'])
    })

    test('a healthy pod on a node of another platform keeps its template', () => {
      const cluster = nodes(2, { 2: { name: 'arm', platform: 'linux/arm64' } })
      const n1 = aNode()
      const others = (node: string) => ({ facts: { pods: known([aPod({ name: 'healthy', node })]) }, cluster })
      const twice: readonly [NodeFacts, NodeFacts] = [n1, { ...n1, name: 'n3' }]
      expect(on(twice, others('arm'))).toMatchObject({
        kind: 'Hold',
        reason: 'TargetUnverified',
        message: expect.stringContaining('pod healthy runs on node arm, which is linux/arm64'),
      })
      expect(on(twice, others('n1'))).toMatchObject({ kind: 'Act' })
      expect(on(twice, { cluster, facts: { pods: undefined } })).toEqual({ kind: 'Ask', facts: [{ fact: 'pods' }] })
    })
  })

  test('a rewrite for one pod is about the template; the cause of the other pod is not that of the record', () => {
    const verdict = under(['ManifestNotFound'], [full, failing('gone', GONE)], [rewriting()])
    expect(planOf(verdict)).toMatchObject({ changes: [{ container: 'coredns', from: BROKEN }] })
    expect(verdict).toMatchObject({ diagnosis: { cause: 'ManifestNotFound' } })
  })

  test('a container that only an Event accuses is not rewritten beside one that the kubelet reports', () => {
    const images = [
      { name: 'coredns', image: BROKEN },
      { name: 'sidecar', image: 'harbor.od.com/k8s/sidecar:1' },
    ]
    const pod = aPod({
      containers: images,
      statuses: images.map(({ name }) => ({
        name,
        restartCount: 0,
        state: {
          waiting: name === 'coredns' ? { reason: 'ErrImagePull', message: GONE } : { reason: 'ImagePullBackOff' },
        },
      })),
    })
    const event = {
      reason: 'Failed',
      message: GONE.replaceAll(BROKEN, 'harbor.od.com/k8s/sidecar:1'),
      container: 'sidecar',
      lastSeen: NOW,
    }
    const detected = detectPodFailures(pod, [event as never], NOW)
    expect(detected.findings.map(({ source }) => source)).toEqual(['kubelet', 'event'])
    const sidecar = 'harbor.od.com/k8s/sidecar:1'
    const base = aCase({
      pods: [detected],
      owner: anOwner({ containers: images }),
      policies: [aPolicy({ match: { failingFor: '0s' }, actions: [rewriting()] })],
    })
    const gone = known({ kind: 'tagMissing' as const, message: 'manifest unknown' })
    const registry = { ...base.facts.registry, [BROKEN]: gone, [sidecar]: { known: false as const, why: '503' } }
    const verdict = decided({ ...base, facts: { ...base.facts, registry } })
    expect(planOf(verdict)).toMatchObject({ changes: [{ container: 'coredns' }] })
    expect(leftOut(verdict)).toEqual([
      ['coredns-a', 'container sidecar: only an Event reports ManifestNotFound; nothing confirms it'],
    ])
  })
})
