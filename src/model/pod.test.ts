import { expect, test } from 'vitest'
import type { Pod } from './kubernetes.ts'
import { hasBlockedContainer, isBlocked, runningDigests } from './pod.ts'

const pod = (waiting: string | undefined, conditions: Readonly<Record<string, string>> = {}, init = false): Pod => ({
  metadata: { name: 'p', uid: 'p', resourceVersion: '1' },
  status: {
    conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })),
    [init ? 'initContainerStatuses' : 'containerStatuses']: [
      { name: 'c', state: waiting === undefined ? { running: {} } : { waiting: { reason: waiting } } },
    ],
  },
})

test.each<[what: string, pod: Pod, container: boolean, blocked: boolean]>([
  ['a container that waits for its image', pod('ImagePullBackOff'), true, true],
  ['an init container that waits for its image', pod('ErrImagePull', {}, true), true, true],
  ['a container that is being created', pod('ContainerCreating'), false, false],
  ['a container that waits for init containers', pod('PodInitializing'), false, false],
  ['a running container', pod(undefined), false, false],
  ['a sandbox that is not there', pod('ContainerCreating', { PodReadyToStartContainers: 'False' }), false, true],
  ['a pod that is ready', pod('CrashLoopBackOff', { Ready: 'True' }), true, false],
])('%s', (_, of, container, blocked) => {
  expect(hasBlockedContainer(of)).toBe(container)
  expect(isBlocked(of)).toBe(blocked)
})

test('digests are those of containers that run, init containers among them', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const status = (name: string, state: object, imageID = `r.io/x@${digest}`) => ({ name, imageID, state })
  const running: Pod = {
    metadata: { name: 'p', uid: 'p', resourceVersion: '1' },
    status: {
      initContainerStatuses: [status('init', { terminated: {} })],
      containerStatuses: [
        status('web', { running: {} }),
        status('waits', { waiting: {} }),
        status('none', { running: {} }, ''),
      ],
    },
  }
  expect(runningDigests([running])).toEqual({ init: digest, web: digest })
})
