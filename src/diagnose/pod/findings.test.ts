import { describe, expect, it } from 'vitest'
import { areaOfFinding } from '../../model/causes.ts'
import type { ContainerStatus, Pod } from '../../model/kubernetes.ts'
import type { WarningEvent } from '../../watch/pod-cache.ts'
import { detectPodFailures, failingSince, findFailures } from './findings.ts'

const NOW = Date.UTC(2026, 0, 2)
const IMAGE = 'harbor.od.com/k8s/coredns:1.6.1'
const PROJECT = `rpc error: code = Unknown desc = Error response from daemon: unauthorized: project not found, name: k8s: project not found, name: k8s`
const UNAUTHORIZED = `failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": pulling from host harbor.od.com failed with status code [manifests 1.6.1]: 401 Unauthorized`

const waiting = (name: string, reason: string, message?: string): ContainerStatus => ({
  name,
  state: { waiting: { reason, ...(message !== undefined && { message }) } },
})

const podWith = (containerStatuses: readonly ContainerStatus[], more: Partial<Pod> = {}): Pod => ({
  metadata: { name: 'coredns-1', namespace: 'kube-system', uid: 'u1', resourceVersion: '1' },
  spec: { nodeName: 'n1', containers: [{ name: 'coredns', image: IMAGE }] },
  status: { phase: 'Pending', containerStatuses },
  ...more,
})

const warningEvent = (message: string, more: Partial<WarningEvent> = {}): WarningEvent => ({
  reason: 'Failed',
  message,
  reporter: 'kubelet',
  lastSeen: NOW - 1_000,
  ...more,
})

const find = (pod: Pod, events: readonly WarningEvent[] = []) => findFailures(pod, events, NOW)

describe('what a pod’s status tells', () => {
  it('is the kubelet’s message where that names the cause', () => {
    const [finding] = find(podWith([waiting('coredns', 'ErrImagePull', PROJECT)]))
    expect(finding).toMatchObject({ container: 'coredns', image: IMAGE, cause: 'ProjectNotFound', source: 'kubelet' })
  })

  it('is read behind the kubelet’s back-off', () => {
    const message = `Back-off pulling image "${IMAGE}": ErrImagePull: ${UNAUTHORIZED}`
    const [finding] = find(podWith([waiting('coredns', 'ImagePullBackOff', message)]))
    expect(finding).toMatchObject({ cause: 'Unauthorized', source: 'kubelet', message: UNAUTHORIZED })
    expect(finding?.possibleCauses).toContain('ProjectNotFound')
  })

  it('is only a back-off where it says no more', () => {
    const [finding] = find(podWith([waiting('coredns', 'ImagePullBackOff', `Back-off pulling image "${IMAGE}"`)]))
    expect(finding).toMatchObject({ cause: 'BackOffOnly', source: 'kubelet' })
    expect(finding?.possibleCauses).toEqual(expect.arrayContaining(['ProjectNotFound', 'ManifestNotFound']))
  })

  it.each([
    ['InvalidImageName', 'InvalidImageName'],
    ['ErrImageNeverPull', 'PullNever'],
    ['SignatureValidationFailed', 'SignatureRejected'],
    ['RegistryUnavailable', 'RegistryUnreachable'],
    ['CrashLoopBackOff', 'CrashLoop'],
    ['PostStartHookError', 'PostStartHook'],
  ])('follows from the reason %s alone: %s', (reason, cause) => {
    expect(find(podWith([waiting('coredns', reason)]))).toMatchObject([{ cause, source: 'kubelet' }])
  })

  it('keeps an unknown pull error in the image area', () => {
    const [finding] = find(podWith([waiting('coredns', 'ErrImagePull', 'the dog ate it')]))
    expect(finding).toMatchObject({ cause: 'Unknown', source: 'kubelet' })
    expect(finding && areaOfFinding(finding)).toBe('image')
  })

  it('names init containers, restartable ones as well, and only those that fail', () => {
    const pod = podWith([{ name: 'coredns', state: { waiting: { reason: 'PodInitializing' } } }], {
      spec: {
        containers: [{ name: 'coredns', image: 'a:1' }],
        initContainers: [{ name: 'mesh', image: 'b:1', restartPolicy: 'Always' }],
      },
      status: {
        phase: 'Pending',
        initContainerStatuses: [waiting('mesh', 'ErrImagePull', PROJECT)],
        containerStatuses: [waiting('coredns', 'PodInitializing')],
      },
    })
    expect(find(pod)).toMatchObject([{ container: 'mesh', init: true, image: 'b:1' }])
  })

  it('tells a container that was killed for memory from one that merely crashes', () => {
    const status = { ...waiting('coredns', 'CrashLoopBackOff'), lastState: { terminated: { reason: 'OOMKilled' } } }
    expect(find(podWith([status]))).toMatchObject([{ cause: 'OOMKilled', image: '' }])
  })
})

describe('an image volume', () => {
  const MODEL = 'harbor.od.com/k8s/model:9'
  const mounting = (status: ContainerStatus): Pod =>
    podWith([status], {
      spec: {
        nodeName: 'n1',
        containers: [{ name: 'coredns', image: IMAGE }],
        volumes: [{ name: 'model', image: { reference: MODEL } }],
      },
    })
  const ofModel = { container: 'coredns', image: MODEL, imageSource: { kind: 'Volume', volume: 'model' } }

  it.each([
    ['ErrImagePull', ''],
    ['ImagePullBackOff', `Back-off pulling image "${MODEL}": ErrImagePull: `],
  ])('is what fails where the kubelet names it on the container that mounts it: %s', (reason, before) => {
    const message = `${before}failed to pull and unpack image "${MODEL}": failed to resolve reference "${MODEL}": ${MODEL}: not found`
    expect(find(mounting(waiting('coredns', reason, message)))).toMatchObject([
      { ...ofModel, cause: 'ManifestNotFound', source: 'kubelet' },
    ])
  })

  it('is explained by the Events that name it, not by those of the container’s own image', () => {
    const pod = mounting(waiting('coredns', 'ImagePullBackOff', `Back-off pulling image "${MODEL}"`))
    const events = [
      warningEvent(`Failed to pull image "${IMAGE}": ${UNAUTHORIZED}`),
      warningEvent(`Failed to pull image "${MODEL}": failed to resolve reference "${MODEL}": ${MODEL}: not found`),
    ]
    expect(find(pod, events)).toMatchObject([{ ...ofModel, cause: 'ManifestNotFound', source: 'event' }])
  })

  it('is not what fails by an Event alone', () => {
    const pod = mounting(waiting('coredns', 'ErrImagePull', PROJECT))
    const [finding] = find(pod, [
      warningEvent(`Failed to pull image "${MODEL}": failed to resolve reference "${MODEL}": ${MODEL}: not found`),
    ])
    expect(finding).toMatchObject({ image: IMAGE, cause: 'ProjectNotFound' })
    expect(finding).not.toHaveProperty('imageSource')
  })
})

describe('what Events add', () => {
  const backOff = podWith([waiting('coredns', 'ImagePullBackOff', `Back-off pulling image "${IMAGE}"`)])

  it('names the cause of a bare back-off, with an Event as the only witness', () => {
    const [finding] = find(backOff, [
      warningEvent(`Failed to pull image "${IMAGE}": ${PROJECT}`),
      warningEvent('Error: ErrImagePull'),
    ])
    expect(finding).toMatchObject({ cause: 'ProjectNotFound', source: 'event' })
  })

  it('never outweighs what the kubelet wrote into the status', () => {
    const pod = podWith([waiting('coredns', 'ErrImagePull', UNAUTHORIZED)])
    const [finding] = find(pod, [warningEvent(`Failed to pull image "${IMAGE}": ${PROJECT}`)])
    expect(finding).toMatchObject({ cause: 'Unauthorized', source: 'kubelet' })
  })

  it('may still turn out to be anything that a back-off may', () => {
    const [finding] = find(backOff, [warningEvent(`Failed to pull image "${IMAGE}": no space left on device`)])
    expect(finding).toMatchObject({ cause: 'DiskFull', source: 'event' })
    expect(finding?.possibleCauses).toContain('ProjectNotFound')
  })

  it('belongs to the container that its field path or its image names', () => {
    const pod = podWith([waiting('a', 'ImagePullBackOff'), waiting('b', 'ImagePullBackOff')], {
      spec: {
        containers: [
          { name: 'a', image: 'r.io/a:1' },
          { name: 'b', image: 'r.io/b:1' },
        ],
      },
    })
    const found = find(pod, [
      warningEvent(`Failed to pull image "r.io/b:1": ${PROJECT}`),
      warningEvent('Failed to pull image "r.io/x:1": no space left on device', { container: 'a' }),
    ])
    expect(found).toMatchObject([
      { container: 'a', cause: 'DiskFull' },
      { container: 'b', cause: 'ProjectNotFound' },
    ])
  })

  it('does not make a healthy pod fail', () => {
    const running = podWith([{ name: 'coredns', ready: true, state: { running: {} } }], {
      status: { phase: 'Running' },
    })
    expect(find(running, [warningEvent(`Failed to pull image "${IMAGE}": ${PROJECT}`)])).toEqual([])
  })

  it('alone tells of a sandbox that cannot be made, and stale ones tell nothing', () => {
    const pod = podWith([waiting('coredns', 'ContainerCreating')])
    const message =
      'Failed create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox container for pod "t": Error response from daemon: driver failed programming external connectivity on endpoint k8s_POD_t (acd): (iptables failed: iptables --wait -t filter -A DOCKER -j ACCEPT: iptables: No chain/target/match by that name.\n(exit status 1))'
    const event = warningEvent(message, { reason: 'FailedCreatePodSandBox' })
    expect(find(pod, [event])).toMatchObject([{ container: '', cause: 'IptablesChainMissing', source: 'event' }])
    expect(find(pod, [{ ...event, lastSeen: NOW - 3_600_000 }])).toEqual([])
  })

  it('from the future counts as one of now, so that a later one of the kubelet comes first', () => {
    const pod = podWith([waiting('coredns', 'ContainerCreating')])
    const forged = warningEvent('Failed to create pod sandbox: failed to reserve sandbox name "x": name is reserved', {
      reason: 'FailedCreatePodSandBox',
      lastSeen: Date.UTC(2099, 0, 1),
    })
    const kubelets = warningEvent(
      'Failed to create pod sandbox: failed to setup network for sandbox "4be1": plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory',
      {
        reason: 'FailedCreatePodSandBox',
        lastSeen: NOW,
      },
    )
    expect(find(pod, [kubelets, forged])).toMatchObject([{ message: kubelets.message }])
  })
})

describe('a pod with init containers', () => {
  const event = warningEvent(
    'MountVolume.SetUp failed for volume "data" : mount failed: exit status 32\nMounting arguments: -t nfs a:/b /c\nOutput: mount: wrong fs type, bad option, bad superblock on a:/b, missing codepage or helper program, or other error (for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program)',
    { reason: 'FailedMount' },
  )
  const withInit = (state: ContainerStatus['state']) =>
    podWith([], {
      status: {
        phase: 'Pending',
        initContainerStatuses: [{ name: 'init', ...(state && { state }) }],
        containerStatuses: [waiting('coredns', 'PodInitializing')],
      },
    })

  it('waits for its volumes before the first one is made', () => {
    const findings = find(withInit({ waiting: { reason: 'PodInitializing' } }), [event])
    expect(findings).toMatchObject([{ cause: 'MountHelperMissing', container: '' }])
  })

  it('does not wait for them while one runs', () => {
    expect(find(withInit({ running: {} }), [event])).toEqual([])
  })
})

describe('a pod that lost its sandbox after it ran', () => {
  const event = warningEvent(
    'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "ab41": plugin type="bridge" failed (add): failed to Statfs "/var/run/netns/cni-f8106292": no such file or directory',
    { reason: 'FailedCreatePodSandBox' },
  )
  const ended = (sandbox: string, state: ContainerStatus['state'] = { terminated: { exitCode: 0 } }) =>
    podWith([], {
      status: {
        phase: 'Running',
        conditions: [{ type: 'PodReadyToStartContainers', status: sandbox }],
        containerStatuses: [{ name: 'coredns', ...(state && { state }) }],
      },
    })

  it('fails for it, although its containers do not wait and its phase is Running', () => {
    expect(find(ended('False'), [event])).toMatchObject([{ cause: 'SandboxStale', source: 'event' }])
  })

  it.each<[string, Pod]>([
    ['has a sandbox again', ended('True')],
    ['has a container that runs', ended('False', { running: {} })],
  ])('does not where it %s', (_, pod) => {
    expect(find(pod, [event])).toEqual([])
  })
})

describe('pods that are odd', () => {
  const bare = { metadata: { name: 'p', uid: 'u', resourceVersion: '1' } }
  it.each<[string, Pod]>([
    ['no status and no spec', bare],
    ['empty lists', { ...bare, spec: {}, status: {} }],
    ['a status without its container', podWith([waiting('gone', 'ErrImagePull')])],
    [
      'a 4 KiB image in unicode',
      podWith([waiting('coredns', 'ErrImagePull', '☃'.repeat(5_000))], {
        spec: { containers: [{ name: 'coredns', image: '☃'.repeat(4_096) }] },
      }),
    ],
    ['no metadata worth the name', { metadata: {} } as unknown as Pod],
  ])('are looked at without an error: %s', (_, pod) => {
    for (const finding of detectPodFailures(pod, [warningEvent('x'.repeat(10_000))], NOW).findings) {
      expect(finding.message.length).toBeLessThanOrEqual(4_096)
    }
  })

  it('do not fail when they are being deleted or have ended', () => {
    const failing = podWith([waiting('coredns', 'ErrImagePull', PROJECT)])
    expect(find({ ...failing, metadata: { ...failing.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })).toEqual(
      [],
    )
    expect(find({ ...failing, status: { ...failing.status, phase: 'Failed' } })).toEqual([])
  })
})

describe('since when a pod fails', () => {
  const at = '2026-01-01T10:00:00Z'
  it.each<[string, Partial<Pod>, number]>([
    [
      'its containers stopped being ready',
      { status: { conditions: [{ type: 'ContainersReady', status: 'False', lastTransitionTime: at }] } },
      Date.parse(at),
    ],
    [
      'it stopped being ready',
      { status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at }] } },
      Date.parse(at),
    ],
    ['it started', { status: { startTime: at } }, Date.parse(at)],
    [
      'it was created',
      { metadata: { name: 'p', uid: 'u', resourceVersion: '1', creationTimestamp: at }, status: {} },
      Date.parse(at),
    ],
    [
      'now, where it tells nothing',
      { metadata: { name: 'p', uid: 'u', resourceVersion: '1' }, status: { startTime: 'soon' } },
      NOW,
    ],
  ])('is when %s', (_, more, expected) => {
    expect(failingSince(podWith([], more), NOW)).toBe(expected)
  })
})
