import { describe, expect, it, test } from 'vitest'
import { chainGone, noHelper } from '../../test/node/messages.ts'
import type { NodeInspection } from '../api/node-task.ts'
import type { NodeCause } from '../model/causes.ts'
import { type Fact, type Facts, type Finding, known, unknown } from '../model/incident.ts'
import type { Pod, Volume } from '../model/kubernetes.ts'
import { conclude } from './conclude.ts'
import { buildIncident } from './incident.ts'
import { ownerOfNode } from './node/facts.ts'
import { aChain, anInspection, aUnit } from './testing.ts'

const node = ownerOfNode({ metadata: { name: 'node-1', uid: 'n', resourceVersion: '1' } })

const FILES: readonly Volume[] = [
  { name: 'data', nfs: {} },
  { name: 'share', flexVolume: { driver: 'fstab/cifs' } },
]

const podWith = (name: string, sandbox?: 'True' | 'False', volumes = FILES): Pod => ({
  metadata: { name, namespace: 'web', uid: name, resourceVersion: '1' },
  spec: { nodeName: 'node-1', volumes },
  status: { conditions: sandbox === undefined ? [] : [{ type: 'PodReadyToStartContainers', status: sandbox }] },
})

const found = (cause: NodeCause, message: string, more: Partial<Finding> = {}): Finding => ({
  container: '',
  init: false,
  image: '',
  cause,
  message,
  source: 'event',
  possibleCauses: [],
  ...more,
})

const incidentOf = (area: NodeCause, findings: readonly Finding[], sandbox?: 'True' | 'False') =>
  buildIncident({
    owner: node,
    area,
    pods: findings.map((finding, i) => ({ pod: podWith(`pod-${i}`, sandbox), findings: [finding], since: 0 })),
  })

const seen = (inspection: Partial<NodeInspection>): Facts => ({
  registry: {},
  inspection: known(anInspection(inspection)),
})
const NOTHING: Facts = { registry: {} }

const GONE: Partial<NodeInspection> = { chains: { known: true, list: [] } }
const chain = found('IptablesChainMissing', chainGone())
const mount = (type: string) => found('MountHelperMissing', noHelper(type))
const runtime = found('RuntimeUnresponsive', 'context deadline exceeded')

/** Who confirmed it, or the beginning of why it is ruled out; undefined: unconfirmed. */
type Expected = 'agent' | 'kubelet' | { readonly ruledOut: string } | undefined

describe('what an Event says of a node', () => {
  it.each<[string, Finding, Facts, Expected]>([
    ['a chain, and no one was asked', chain, NOTHING, undefined],
    ['a chain, and the agent cannot be asked', chain, { registry: {}, inspection: unknown('no agent') }, undefined],
    ['a chain that is gone from every table', chain, seen(GONE), 'agent'],
    [
      'a chain that is gone from nat alone',
      chain,
      seen({ chains: { known: true, list: [aChain('filter')] } }),
      'agent',
    ],
    [
      'a chain that only the tables of IPv6 still have',
      chain,
      seen({
        chains: { known: true, list: [aChain('filter', { family: 'ip6' }), aChain('nat', { family: 'ip6' })] },
      }),
      'agent',
    ],
    [
      'a chain that one backend has in filter, the other in nat: neither is whole',
      chain,
      seen({ chains: { known: true, list: [aChain('filter', { backend: 'legacy' }), aChain('nat')] } }),
      'agent',
    ],
    ['a chain that is there now', chain, seen({}), { ruledOut: 'chain DOCKER exists now' }],
    ['a chain where the firewall cannot be seen', chain, seen({ chains: { known: false, why: 'no' } }), undefined],
    [
      'a chain that may stand where the agent may not look',
      chain,
      seen({ chains: { known: true, list: [], partly: 'the legacy tables' } }),
      undefined,
    ],
    ['a chain where systemd cannot be asked', chain, seen({ ...GONE, units: { known: false } }), undefined],
    [
      'a chain of a Docker that is not started',
      chain,
      seen({
        ...GONE,
        units: { known: true, list: [aUnit('docker.service', { active: 'inactive', enabled: 'disabled' })] },
      }),
      { ruledOut: 'docker.service is neither' },
    ],
    [
      'a chain of a Docker that died',
      chain,
      seen({ ...GONE, units: { known: true, list: [aUnit('docker.service', { active: 'failed' })] } }),
      'agent',
    ],
    [
      'a chain where there is no Docker',
      chain,
      seen({ ...GONE, units: { known: true, list: [] } }),
      { ruledOut: 'docker.service is neither' },
    ],
    [
      'a chain that Docker is set not to make',
      chain,
      seen({ ...GONE, docker: { known: true, installed: true, managesChains: false } }),
      { ruledOut: 'Docker is set not to manage chains' },
    ],
    [
      'a chain where it is unknown whether Docker makes any',
      chain,
      seen({ ...GONE, docker: { known: false, why: 'not allowed' } }),
      undefined,
    ],
    [
      'a chain of a CNI plugin, whatever Docker lacks',
      found('IptablesChainMissing', chainGone('CNI-HOSTPORT-DNAT')),
      seen(GONE),
      { ruledOut: "chain CNI-HOSTPORT-DNAT is not Docker's (a CNI plugin creates it)" },
    ],
    [
      'a chain of kube-proxy',
      found('IptablesChainMissing', chainGone('KUBE-SERVICES')),
      NOTHING,
      { ruledOut: "chain KUBE-SERVICES is not Docker's (kube-proxy or the kubelet creates it)" },
    ],
    ['no chain by name', found('IptablesChainMissing', 'No chain/target/match by that name.'), seen(GONE), undefined],
    ['a helper, and no one was asked', mount('nfs'), NOTHING, undefined],
    ['a helper that is missing', mount('nfs'), seen({}), 'agent'],
    [
      'a helper that is there',
      mount('nfs'),
      seen({ mounts: { known: true, helpers: ['nfs', 'nfs4'], filesystems: ['nfs'] } }),
      { ruledOut: 'mount.nfs is installed; look for another cause' },
    ],
    [
      'a helper that is there, of a type that the kernel does not know',
      mount('cifs'),
      seen({ mounts: { known: true, helpers: ['cifs'], filesystems: ['ext4'] } }),
      { ruledOut: 'mount.cifs is installed; the kernel has not loaded cifs' },
    ],
    ['a helper where nothing can be seen', mount('nfs'), seen({ mounts: { known: false } }), undefined],
    [
      'a helper in the container of a CSI driver',
      found('MountHelperMissing', noHelper().replaceAll('kubernetes.io~nfs', 'kubernetes.io~csi')),
      seen({}),
      { ruledOut: 'a CSI driver mounts it' },
    ],
    [
      'a helper, told by gRPC: a CSI driver',
      found('MountHelperMissing', `rpc error: code = Internal desc = ${noHelper()}`),
      seen({}),
      { ruledOut: 'a CSI driver mounts it' },
    ],
    ['a damaged disk', mount('ext4'), seen({}), { ruledOut: 'the kernel mounts ext4 without a helper' }],
    ['a damaged disk, and no one was asked', mount('xfs'), NOTHING, { ruledOut: 'the kernel mounts xfs' }],
    [
      'a helper of a type that the message does not name',
      found('MountHelperMissing', 'need a /sbin/mount.<type>'),
      seen({}),
      undefined,
    ],
    ['a runtime that does not answer', runtime, seen({ runtime: { known: true, answers: false } }), 'agent'],
    ['a runtime that answers', runtime, seen({}), { ruledOut: 'the runtime answers now, after 3 ms' }],
    ['a runtime that cannot be asked', runtime, seen({ runtime: { known: false } }), undefined],
    [
      'a runtime, reported by the kubelet, that answers the agent',
      { ...runtime, source: 'kubelet' },
      seen({}),
      { ruledOut: 'the runtime answers now' },
    ],
  ])('%s', (_, finding, facts, expected) => {
    const diagnosis = conclude(incidentOf(finding.cause as NodeCause, [finding]), facts)
    const [now] = diagnosis.findings
    const is =
      now?.ruledOut === undefined ? (now?.source === 'event' ? undefined : now?.source) : { ruledOut: now.ruledOut }
    if (typeof expected === 'object') {
      expect(is).toEqual({ ruledOut: expect.stringContaining(expected.ruledOut) })
      expect(now?.source).toBe('event')
      expect(diagnosis.ruledOut).toBe(now?.ruledOut)
    } else {
      expect(is).toBe(expected)
      expect(diagnosis.ruledOut).toBeUndefined()
    }
    expect(diagnosis.cause).toBe(finding.cause)
  })

  it.each<[string, 'True' | 'False' | undefined, Expected]>([
    ['has no sandbox by its own status', 'False', 'kubelet'],
    ['has a sandbox now', 'True', { ruledOut: 'the pod has a sandbox' }],
    ['tells nothing of its sandbox', undefined, undefined],
  ])('a stale sandbox, of a pod that %s', (_, sandbox, expected) => {
    const diagnosis = conclude(incidentOf('SandboxStale', [found('SandboxStale', 'x')], sandbox), NOTHING)
    if (expected === 'kubelet') expect(diagnosis.findings[0]?.source).toBe('kubelet')
    else expect(diagnosis.findings[0]?.source).toBe('event')
    if (typeof expected === 'object') expect(diagnosis.ruledOut).toContain(expected.ruledOut)
    else expect(diagnosis.ruledOut).toBeUndefined()
  })
})

test('what the message names is recognised: chain and file system type', () => {
  const of = (finding: Finding) =>
    conclude(incidentOf(finding.cause as NodeCause, [finding]), NOTHING).findings[0]?.detail
  expect(of(chain)).toBe('DOCKER')
  expect(of(mount('nfs4'))).toBe('nfs4')
  expect(of(runtime)).toBeUndefined()
})

test('pods of one node that lack different helpers are distinguished, and one refuted refutes nothing of the other', () => {
  const facts = seen({ mounts: { known: true, helpers: ['cifs'] } })
  const diagnosis = conclude(incidentOf('MountHelperMissing', [mount('cifs'), mount('nfs')]), facts)
  expect(diagnosis.findings.map(({ detail, source }) => [detail, source])).toEqual([
    ['nfs', 'agent'],
    ['cifs', 'event'],
  ])
  expect(diagnosis.ruledOut).toBeUndefined()
})

describe('a helper is missing only where a volume of this very pod needs it', () => {
  const CONFIG_MAP: readonly Volume[] = [{ name: 'data' }]
  const CLAIM: readonly Volume[] = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const lacking = (type: string, volumes: readonly Volume[], of?: Fact<readonly string[]>) =>
    conclude(
      buildIncident({
        owner: node,
        area: 'MountHelperMissing',
        pods: [{ pod: podWith('pod-0', 'False', volumes), findings: [mount(type)], since: 0 }],
      }),
      { ...seen({}), ...(of && { volumes: { 'pod-0': of } }) },
    ).findings[0]

  test.each([
    ['a made-up type', 'evilfs', FILES, 'the kubelet mounts no volume of type evilfs by a helper'],
    ['a type that no node mounts for a pod', 'fuse.sshfs', FILES, 'the kubelet mounts no volume of type fuse.sshfs'],
    ['a pod with a ConfigMap alone', 'ceph', CONFIG_MAP, 'no volume of the pod needs mount.ceph'],
    ['a pod with a volume of another type', 'glusterfs', FILES, 'no volume of the pod needs mount.glusterfs'],
  ])('%s', (_, type, volumes, why) => {
    expect(lacking(type, volumes)).toMatchObject({ source: 'event', ruledOut: expect.stringContaining(why) })
  })

  test.each<[string, Fact<readonly string[]> | undefined, object]>([
    ['not read yet', undefined, { source: 'event' }],
    ['not readable', unknown('the right to get persistentvolumes is missing'), { source: 'event' }],
    ['bound to a volume of that type', known(['nfs']), { source: 'agent' }],
    ['bound to another', known([]), { source: 'event', ruledOut: 'no volume of the pod needs mount.nfs' }],
  ])('a claim that is %s', (_, types, expected) => {
    const finding = lacking('nfs', CLAIM, types)
    expect(finding).toMatchObject(expected)
    if (!('ruledOut' in expected)) expect(finding).not.toHaveProperty('ruledOut')
  })

  test('mount.nfs4 comes with mount.nfs', () => {
    expect(lacking('nfs4', FILES)).toMatchObject({ source: 'agent' })
  })
})

describe('the evidence', () => {
  const evidenceLines = (facts: Facts, finding = chain) =>
    conclude(incidentOf(finding.cause as NodeCause, [finding]), facts).evidence.map(
      (line) => `${line.fact}: ${line.message}`,
    )

  test('tells of what is missing where, and who may have wiped it', () => {
    const units = { known: true, list: [aUnit('docker.service'), aUnit('firewalld.service')] }
    const lines = evidenceLines(seen({ chains: { known: true, list: [aChain('filter')] }, units }))
    expect(lines).toContain('Agent: chain DOCKER is missing from table nat (backends with chains: nft)')
    expect(lines).toContain('Agent: docker.service is loaded, active, enabled')
    expect(lines.join('\n')).toContain('firewalld.service runs on the node')
  })

  test('names no suspect where nothing is missing', () => {
    const units = { known: true, list: [aUnit('docker.service'), aUnit('firewalld.service')] }
    expect(evidenceLines(seen({ units })).join('\n')).not.toContain('firewalld')
  })

  test('says why the node cannot be seen', () => {
    const lines = evidenceLines({ registry: {}, inspection: unknown('the agent on node-1 did not answer within 10 s') })
    expect(lines).toContain('Agent: the state of the node is unknown: the agent on node-1 did not answer within 10 s')
  })

  test('names the helper and the system that lacks it', () => {
    const lines = evidenceLines(seen({}), mount('nfs'))
    expect(lines).toContain('Agent: mount.nfs is missing')
    expect(lines).toContain('Agent: the node runs Debian GNU/Linux 12 (bookworm)')
  })

  test('says that it lies with the node, not with the owners of its pods', () => {
    expect(evidenceLines(NOTHING)).toContain('Owner: the failure is on node node-1, whichever workloads own the pods')
  })
})

test('an incident of a node is of one revision, whatever its pods were made from', () => {
  expect(incidentOf('SandboxStale', [found('SandboxStale', 'x')]).templateHash).toBe('node')
})
