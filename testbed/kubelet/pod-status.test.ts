import { describe, expect, it } from 'vitest'
import type { ContainerState, ContainerStatus, Pod } from './objects.ts'
import { podStatus } from './pod-status.ts'

const AT = '2026-01-01T00:00:00Z'
const LATER = '2026-01-01T00:01:00Z'
const running: ContainerState = { running: { startedAt: AT } }
const waiting: ContainerState = { waiting: { reason: 'ErrImagePull' } }
const ended = (exitCode: number): ContainerState => ({
  terminated: {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAt: AT,
    finishedAt: AT,
    containerID: '',
  },
})

const container = (name: string, state: ContainerState, hasEnded = false): ContainerStatus => ({
  name,
  image: 'x',
  imageID: '',
  state,
  lastState: hasEnded
    ? { terminated: { exitCode: 1, reason: 'Error', startedAt: AT, finishedAt: AT, containerID: '' } }
    : {},
  ready: 'running' in state,
  started: 'running' in state,
  restartCount: 0,
})

interface Case {
  readonly what: string
  readonly restartPolicy?: string
  readonly init?: ContainerStatus[]
  readonly main: ContainerStatus[]
  readonly phase: string
}

const podOf = ({ restartPolicy = 'Always', init = [], main }: Case): Pod => ({
  metadata: { name: 'p', namespace: 'n', uid: 'u', generation: 3, resourceVersion: '1' },
  spec: {
    restartPolicy,
    initContainers: init.map(({ name }) => ({ name, image: 'x' })),
    containers: main.map(({ name }) => ({ name, image: 'x' })),
  },
})

const CASES: Case[] = [
  { what: 'a container that never started', main: [container('a', waiting)], phase: 'Pending' },
  { what: 'one of two that never started', main: [container('a', running), container('b', waiting)], phase: 'Pending' },
  { what: 'a container in back-off after a crash', main: [container('a', waiting, true)], phase: 'Running' },
  {
    what: 'an init container that waits',
    init: [container('i', waiting)],
    main: [container('a', waiting)],
    phase: 'Pending',
  },
  {
    what: 'an init container that is done',
    init: [container('i', ended(0))],
    main: [container('a', running)],
    phase: 'Running',
  },
  {
    what: 'an init container that failed for good',
    restartPolicy: 'Never',
    init: [container('i', ended(1))],
    main: [container('a', waiting)],
    phase: 'Failed',
  },
  { what: 'work that is done', restartPolicy: 'Never', main: [container('a', ended(0))], phase: 'Succeeded' },
  { what: 'work that failed', restartPolicy: 'Never', main: [container('a', ended(1))], phase: 'Failed' },
  {
    what: 'work that failed and is tried again',
    restartPolicy: 'OnFailure',
    main: [container('a', ended(1))],
    phase: 'Running',
  },
]

const place = { hostIP: '192.0.2.1', podIP: '10.0.0.1' }

describe("a pod's phase", () => {
  for (const each of CASES) {
    it(`is ${each.phase} with ${each.what}`, () => {
      const containers = { init: each.init ?? [], main: each.main }
      expect(podStatus(podOf(each), containers, { ...place, before: undefined, now: AT }).phase).toBe(each.phase)
    })
  }
})

describe("a pod's conditions", () => {
  it('keep the time of their last change, and name what is not ready', () => {
    const main = [container('a', running), container('b', waiting)]
    const pod = podOf({ what: '', main, phase: '' })
    const first = podStatus(pod, { init: [], main }, { ...place, before: undefined, now: AT })
    const ready = first.conditions?.find(({ type }) => type === 'Ready')
    expect(ready).toMatchObject({
      status: 'False',
      message: 'containers with unready status: [b]',
      observedGeneration: 3,
    })
    const healed = [container('a', running), container('b', running)]
    const second = podStatus(pod, { init: [], main: healed }, { ...place, before: first, now: LATER })
    expect(second.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ['PodReadyToStartContainers', AT],
      ['Initialized', AT],
      ['Ready', LATER],
      ['ContainersReady', LATER],
      ['PodScheduled', AT],
    ])
    expect(second.startTime).toBe(AT)
  })

  it("leave others' alone", () => {
    const main = [container('a', running)]
    const other = { type: 'DisruptionTarget', status: 'True' as const, lastTransitionTime: AT }
    const pod = { ...podOf({ what: '', main, phase: '' }), status: { phase: 'Running', conditions: [other] } }
    const { conditions } = podStatus(pod, { init: [], main }, { ...place, before: undefined, now: AT })
    expect(conditions).toContainEqual(other)
  })
})
