import { describe, expect, it } from 'vitest'
import { type Cause, possibleCausesOf } from '../model/causes.ts'
import {
  type Facts,
  type Finding,
  known,
  type Manager,
  type Owner,
  type RegistryAnswer,
  unknown,
} from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { conclude } from './conclude.ts'
import { buildIncident } from './incident.ts'
import { ownerOfPod } from './owner/owner.ts'

const IMAGE = 'harbor.od.com/k8s/coredns:1.6.1'

const pod = (name: string, more: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: { name, namespace: 'kube-system', uid: `uid-${name}`, resourceVersion: '1', ...more },
})

const finding = (cause: Cause, more: Partial<Finding> = {}): Finding => ({
  container: 'coredns',
  init: false,
  image: IMAGE,
  cause,
  message: 'it says',
  source: 'kubelet',
  possibleCauses: possibleCausesOf(cause),
  ...more,
})

const owner = (more: Partial<Owner> = {}): Owner => ({
  ...ownerOfPod(pod('coredns')),
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'kube-system', name: 'coredns', uid: 'u' },
  ...more,
})

const incidentOf = (findings: readonly Finding[], of: Owner = owner()) =>
  buildIncident({ owner: of, area: 'image', pods: [{ pod: pod('coredns-1'), findings, since: 0 }] })

const answering = (answer: RegistryAnswer, more: Partial<Facts> = {}): Facts => ({
  registry: { [IMAGE]: known(answer) },
  ...more,
})
const NOTHING: Facts = { registry: {} }
const EXISTS: RegistryAnswer = { kind: 'exists', digest: 'sha256:x', platforms: ['linux/amd64'], mediaType: 'm' }

describe('the cause after the registry was asked of the present image', () => {
  it.each<[string, Finding, RegistryAnswer, Cause, Finding['source']]>([
    [
      '401 whose project is missing',
      finding('Unauthorized'),
      { kind: 'projectMissing', message: '' },
      'ProjectNotFound',
      'registry',
    ],
    [
      'the same, reported by an Event alone',
      finding('ProjectNotFound', { source: 'event' }),
      { kind: 'projectMissing', message: '' },
      'ProjectNotFound',
      'registry',
    ],
    [
      'a back-off whose tag is missing',
      finding('BackOffOnly'),
      { kind: 'tagMissing', message: '' },
      'ManifestNotFound',
      'registry',
    ],
    [
      'not found, and it is the repository',
      finding('ManifestNotFound'),
      { kind: 'repositoryMissing', message: '' },
      'RepositoryNotFoundOrDenied',
      'registry',
    ],
    [
      '401 with the pod’s own secret',
      finding('Unauthorized', { source: 'event' }),
      { kind: 'denied', message: '', withCredentials: true },
      'Unauthorized',
      'registry',
    ],
    [
      '401 without a secret: the node’s credentials are not seen',
      finding('Unauthorized'),
      { kind: 'denied', message: '', withCredentials: false },
      'Unauthorized',
      'kubelet',
    ],
    [
      'an Event’s 401 without a secret',
      finding('Unauthorized', { source: 'event' }),
      { kind: 'denied', message: '', withCredentials: false },
      'Unauthorized',
      'event',
    ],
    [
      'a back-off with anonymous pull denied',
      finding('BackOffOnly'),
      { kind: 'denied', message: '', withCredentials: false },
      'BackOffOnly',
      'kubelet',
    ],
    [
      'a full disk while the tag is missing',
      finding('DiskFull'),
      { kind: 'tagMissing', message: '' },
      'DiskFull',
      'kubelet',
    ],
    ['not found, and it is there now', finding('ManifestNotFound'), EXISTS, 'ManifestNotFound', 'kubelet'],
    [
      'an Event’s not found, and it is there',
      finding('ManifestNotFound', { source: 'event' }),
      EXISTS,
      'ManifestNotFound',
      'event',
    ],
    ['unreachable from here', finding('Unauthorized'), { kind: 'unreachable', message: '' }, 'Unauthorized', 'kubelet'],
  ])('%s', (_, found, answer, cause, source) => {
    expect(conclude(incidentOf([found]), answering(answer)).findings).toMatchObject([{ cause, source }])
  })

  it('is a wrong platform where the image is there, but not for the node', () => {
    const node = known({
      name: 'n',
      uid: 'node-1',
      resourceVersion: '1',
      unschedulable: false,
      conditions: [],
      labels: {},
      annotations: {},
      taints: [],
      platform: 'linux/arm64',
      controlPlane: false,
      ready: true,
    })
    const incident = (nodeName: string) => {
      const { pods, ...rest } = incidentOf([finding('BackOffOnly')])
      return { ...rest, pods: pods.map((one) => ({ ...one, pod: { ...one.pod, spec: { nodeName } } })) }
    }
    const nodes = { n: node, other: unknown('not read') }
    expect(conclude(incident('n'), answering(EXISTS, { nodes }))).toMatchObject({ cause: 'PlatformMismatch' })
    expect(conclude(incident('other'), answering(EXISTS, { nodes }))).toMatchObject({ cause: 'BackOffOnly' })
  })

  it('may still change until the registry gives an answer that decides it', () => {
    const possibleCauses = (answer: RegistryAnswer) =>
      conclude(incidentOf([finding('Unauthorized')]), answering(answer)).findings[0]?.possibleCauses
    expect(possibleCauses({ kind: 'unreachable', message: '' })).toContain('ProjectNotFound')
    expect(possibleCauses({ kind: 'denied', message: '', withCredentials: false })).toContain('ProjectNotFound')
    expect(possibleCauses({ kind: 'denied', message: '', withCredentials: true })).toEqual([])
    expect(possibleCauses(EXISTS)).toEqual([])
  })

  it('is unchanged where it is unknown what the registry says', () => {
    const facts: Facts = { registry: { [IMAGE]: unknown('no right') } }
    expect(conclude(incidentOf([finding('Unauthorized')]), facts)).toMatchObject({ cause: 'Unauthorized' })
  })

  it('is that of the firmest finding, each container and image once', () => {
    const findings = [
      finding('BackOffOnly'),
      finding('ManifestNotFound', { container: 'b' }),
      finding('ManifestNotFound'),
    ]
    const { cause, findings: left } = conclude(incidentOf(findings), NOTHING)
    expect([cause, left.map(({ container }) => container)]).toEqual(['ManifestNotFound', ['coredns', 'b']])
  })

  it('is of this area alone, and unknown where no pod fails any more', () => {
    const other = finding('CrashLoop', { container: 'b', image: '' })
    expect(conclude(incidentOf([other, finding('ManifestNotFound')]), NOTHING).findings).toHaveLength(1)
    expect(conclude(incidentOf([]), NOTHING)).toMatchObject({ cause: 'Unknown', findings: [] })
  })
})

describe('the evidence', () => {
  it('comes in the order in which it was found, in sentences that can be checked', () => {
    const facts = answering(
      { kind: 'denied', message: '401 UNAUTHORIZED', withCredentials: false },
      { pullSecrets: known(['the pod names no pull secret']) },
    )
    const found = [finding('Unauthorized'), finding('BackOffOnly', { container: 'b', source: 'event' })]
    const { evidence } = conclude(incidentOf(found), facts)
    expect(evidence.map(({ fact }) => fact)).toEqual(['PodStatus', 'Event', 'Owner', 'PullSecrets', 'Registry'])
    expect(evidence.at(-1)?.message).toContain('are not visible from here')
  })

  it('wonders where status and registry disagree', () => {
    const { evidence } = conclude(incidentOf([finding('ManifestNotFound')]), answering(EXISTS))
    expect(evidence.at(-1)?.message).toContain('the image exists now')
  })

  it('fits into a record, whatever the pods say', () => {
    const findings = Array.from({ length: 200 }, (_, i) =>
      finding('ManifestNotFound', { container: `c${i}`, image: `r.io/${i}`, message: '☃'.repeat(4_096) }),
    )
    const { evidence } = conclude(incidentOf(findings), NOTHING)
    expect(evidence.length).toBeLessThanOrEqual(64)
    expect(Math.max(...evidence.map(({ message: text }) => text.length))).toBeLessThanOrEqual(2_048)
  })
})

describe('the permanent fix', () => {
  const argo: Manager = { name: 'Argo CD', writesBack: true, seenBy: 's', editAt: 'Argo CD Application web' }
  const helm: Manager = { name: 'Helm', writesBack: false, seenBy: 's', editAt: 'Helm release shop/web' }
  it.each<[string, Owner, string]>([
    [
      'names the application that writes back',
      owner({ managers: [argo, helm] }),
      'in Argo CD Application web (also managed by Helm release shop/web): it reverts changes',
    ],
    [
      'says that the next upgrade of a chart must carry it',
      owner({ managers: [helm] }),
      'in Helm release shop/web: its next upgrade',
    ],
    [
      'is the manifest that kubectl applied',
      owner({ annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } }),
      'the manifest that Deployment kube-system/coredns was applied from',
    ],
    ['is the source of the object', owner(), 'at the source of Deployment kube-system/coredns'],
    [
      'is a new Job where it is a Job, for its template cannot be changed',
      owner({ templateFixed: true }),
      "then delete it and create it again: a Job's template is immutable, and its further pods start with the old image",
    ],
  ])('%s', (_, of, sentence) => {
    const { permanentFix } = conclude(incidentOf([finding('ProjectNotFound')], of), NOTHING)
    expect(permanentFix).toContain(`Change the image of container coredns (${IMAGE})`)
    expect(permanentFix).toContain(sentence)
  })
})

describe('an incident of several pods', () => {
  it('speaks of the newest pod’s revision and leaves out pods that fail otherwise', () => {
    const at = (name: string, hash: string, creationTimestamp: string, findings: readonly Finding[]) => ({
      pod: pod(name, { creationTimestamp, labels: { 'pod-template-hash': hash } }),
      findings,
      since: 0,
    })
    const incident = buildIncident({
      owner: owner(),
      area: 'image',
      pods: [
        at('old', 'h1', '2026-01-01T00:00:00Z', [finding('ManifestNotFound')]),
        at('new', 'h2', '2026-01-02T00:00:00Z', [finding('Unknown')]),
        at('crash', 'h3', '2026-01-03T00:00:00Z', [finding('CrashLoop', { image: '' })]),
      ],
    })
    expect(incident).toMatchObject({ key: 'kube-system/Deployment/coredns/u/image', templateHash: 'h2' })
    expect(incident.pods.map(({ pod: { metadata } }) => metadata.name)).toEqual(['new', 'old'])
  })

  it('speaks of the template’s revision where a newer one was taken back and its pod still stands', () => {
    const at = (name: string, image: string, creationTimestamp: string) => ({
      pod: {
        ...pod(name, { creationTimestamp, labels: { 'pod-template-hash': name } }),
        spec: { containers: [{ name: 'coredns', image }] },
      },
      findings: [finding('ManifestNotFound', { image })],
      since: 0,
    })
    const moved = 'harbor.od.com/public/coredns:1.6.1'
    const pods = [at('before', IMAGE, '2026-01-01T00:00:00Z'), at('tried', moved, '2026-01-02T00:00:00Z')]
    const of = (image: string) =>
      buildIncident({ owner: owner({ containers: [{ name: 'coredns', image }] }), area: 'image', pods })
    expect(of(IMAGE).templateHash).toBe('before')
    expect(of(moved).templateHash).toBe('tried')
    expect(of('elsewhere.test/coredns:1').templateHash, 'of none: the newest').toBe('tried')
  })
})
