/** Each pod of a plan has its own cause and its own proof: detection, conclusion and decision together. */
import { describe, expect, test } from 'vitest'
import { decide } from '../decide/decide.ts'
import { action, aNodeCase, aWaitingPod, NODE, nodePolicy } from '../decide/testing-nodes.ts'
import { aCase, aPod, anOwner, aPolicy, BROKEN, NOW, recycling, rewriting } from '../decide/testing.ts'
import type { NodeCause } from '../model/causes.ts'
import type { DecisionInput } from '../model/decision-input.ts'
import { type FailingPod, known } from '../model/incident.ts'
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
      reported(
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

  test('the node that the incident is about is the one in the tests', () => {
    expect(ownerOfNode({ metadata: { name: 'n1', uid: 'node-1', resourceVersion: '1' } }).ref).toEqual(NODE)
  })
})

describe('pods of one owner', () => {
  const PULL = `failed to pull and unpack image "${BROKEN}": `
  const DISK_FULL = `${PULL}failed to copy: write /var/lib/containerd/x: no space left on device`
  const CORRUPT = `${PULL}failed to extract layer sha256:aa: unexpected EOF`
  const GONE = `${PULL}failed to resolve reference "${BROKEN}": ${BROKEN}: not found`

  const failing = (name: string, message: string): FailingPod => {
    const status = { name: 'coredns', restartCount: 0, state: { waiting: { reason: 'ErrImagePull', message } } }
    return detectPodFailures(aPod({ name, statuses: [status] }), [], NOW)
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
