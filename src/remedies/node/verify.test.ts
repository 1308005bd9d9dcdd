import { describe, expect, test } from 'vitest'
import type { NodeTask } from '../../api/kinds.ts'
import type { NodeTaskStatus } from '../../api/node-task.ts'
import type { RemediationStep } from '../../api/remediation.ts'
import {
  aNodeCase,
  aNodeRecord,
  anInspection,
  aTask,
  type NodeInputOverrides,
  recoveredPod,
} from '../../decide/testing-nodes.ts'
import { aPod, at, NOW, type PodOverrides, pulling, running } from '../../decide/testing.ts'
import { known, unknown } from '../../model/incident.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { verify as verifyHelper } from '../install-mount-helper/verify.ts'
import { verifyTasks } from '../node-tasks/verify.ts'
import { verify as verifyRecycled } from '../recycle-pod/verify.ts'
import { verify as verifyRestart } from '../restart-runtime/verify.ts'
import { podsRecovered, recovery, withNodePods } from './verify.ts'

type PodStatus = NonNullable<Pod['status']>

const ref = (name: string) => ({ name, uid: `uid-${name}`, namespace: 'web' })
const podWith = (status: Partial<PodStatus>, words: PodOverrides = {}): Pod => {
  const pod = aPod({ name: 'a', namespace: 'web', ...words })
  return { ...pod, status: { phase: 'Pending', ...status } }
}
const stepWith = (words: Partial<RemediationStep> = {}) => {
  const record = aNodeRecord(words)
  return { record, step: record.status!.steps![0]! }
}

describe('a pod of the node', () => {
  const since = (pod: Pod) => podsRecovered([ref('a')], [pod])
  const waits = { lacks: 'pod web/a cannot start its containers yet' }

  test('can start its containers since its sandbox was ready', () => {
    const ready = (status: string, lastTransitionTime?: string) =>
      since(
        podWith({
          conditions: [
            { type: 'PodReadyToStartContainers', status, ...(lastTransitionTime && { lastTransitionTime }) },
          ],
        }),
      )
    expect(ready('True', at(-5_000))).toEqual({ since: NOW - 5_000 })
    expect(ready('True')).toEqual({ since: 0 })
    expect(ready('False', at(-5_000))).toEqual(waits)
  })

  test('could since its first container started, where the kubelet writes no such condition', () => {
    expect(since(podWith({ containerStatuses: [running(-5_000), running(-9_000, 'b')] }))).toEqual({
      since: NOW - 9_000,
    })
    expect(since(podWith({ initContainerStatuses: [running(-8_000)], containerStatuses: [pulling()] }))).toEqual({
      since: NOW - 8_000,
    })
    const ended = { name: 'a', restartCount: 1 }
    expect(since(podWith({ containerStatuses: [{ ...ended, state: { terminated: { exitCode: 1 } } }] }))).toEqual({
      since: 0,
    })
    expect(since(podWith({ containerStatuses: [{ ...ended, lastState: { terminated: { exitCode: 1 } } }] }))).toEqual({
      since: 0,
    })
    expect(since(podWith({ containerStatuses: [pulling()] }))).toEqual(waits)
    expect(since(podWith({ containerStatuses: [{ name: 'a', restartCount: 0 }] }))).toEqual(waits)
    expect(since(podWith({}))).toEqual(waits)
    const { status: _, ...bare } = aPod({ name: 'a', namespace: 'web' })
    expect(since(bare as Pod)).toEqual(waits)
  })

  test('counts only if the step names it, it stays, and has not succeeded', () => {
    const waiting = podWith({}, { name: 'b' })
    expect(podsRecovered([ref('a')], [waiting])).toEqual({ since: 0 })
    expect(podsRecovered(undefined, [waiting])).toEqual({ since: 0 })
    expect(podsRecovered([ref('b')], [podWith({}, { name: 'b', leaving: true })])).toEqual({ since: 0 })
    expect(podsRecovered([ref('b')], [podWith({ phase: 'Succeeded' }, { name: 'b' })])).toEqual({ since: 0 })
  })

  test('counts from when the last of them can start', () => {
    const pods = [recoveredPod({ name: 'a', since: -9_000 }), recoveredPod({ name: 'b', since: -4_000 })]
    expect(podsRecovered([ref('a'), ref('b')], pods)).toEqual({ since: NOW - 4_000 })
  })

  test('is named in what has recovered', () => {
    const said = (...names: readonly string[]) => recovery({ ...stepWith().step, pods: names.map(ref) }, { since: 7 })
    expect(said()).toEqual({ since: 7, recovered: 'the node has not failed' })
    expect(said('a')).toEqual({ since: 7, recovered: 'pod a has not failed' })
    expect(said('a', 'b')).toEqual({ since: 7, recovered: 'none of the 2 pods has failed' })
    expect(recovery(stepWith().step, { lacks: 'it waits' })).toEqual({ lacks: 'it waits' })
  })

  test('that cannot be read is looked at again soon', () => {
    const judged = (words: NodeInputOverrides) => withNodePods(aNodeCase(words), () => ({ lacks: 'judged' }))
    expect(judged({ facts: { nodePods: undefined } })).toEqual({ ask: [{ fact: 'nodePods' }] })
    expect(judged({ facts: { nodePods: unknown('403') } })).toEqual({
      lacks: 'the pods of the node cannot be read: 403',
      nextCheckAt: NOW + 30_000,
    })
    expect(judged({})).toEqual({ lacks: 'judged' })
  })
})

describe('the tasks of a step', () => {
  const names = ['t-0', 't-1']
  const task = (name: string, status?: Partial<NodeTaskStatus>, deadline?: number): NodeTask =>
    aTask(status as NodeTaskStatus | undefined, { name } as never, deadline)
  const done = (words: Partial<NodeTaskStatus> = {}) =>
    ({ phase: 'Succeeded', finishedAt: at(-20_000), ...words }) as NodeTaskStatus
  const refused = (reason: string) => ({ phase: 'Refused', reason, message: 'all is well' }) as NodeTaskStatus
  const failed = { phase: 'Failed', reason: 'RestartFailed', message: 'no' } as unknown as NodeTaskStatus
  const healthy = { nodePods: known([recoveredPod({ since: -50_000 })]) }
  const inProgress = stepWith({
    node: { tasks: names, runtime: 'docker', reason: 'ChainMissing', touches: '' },
  } as Partial<RemediationStep>)
  const progress = (tasks: readonly NodeTask[], words: NodeInputOverrides = {}, checks = {}) =>
    verifyTasks(aNodeCase({ ...words, facts: { ...healthy, tasks: known(tasks), ...words.facts } }), inProgress, checks)

  test('are asked for by name; where they cannot be read it is looked at again soon', () => {
    expect(progress([], { facts: { tasks: undefined } })).toEqual({ ask: [{ fact: 'tasks', names }] })
    expect(progress([], { facts: { tasks: unknown('403') } })).toEqual({
      lacks: 'the status of the NodeTasks is unknown: 403',
      nextCheckAt: NOW + 30_000,
    })
  })

  test('are awaited until the last deadline and a little longer', () => {
    const two = (first: number, second: number, status?: Partial<NodeTaskStatus>) =>
      progress([task('t-0', undefined, first), task('t-1', status, second)])
    expect(two(1_000, -60_000)).toEqual({
      waits: 'the agent of node n1 has not answered yet',
      nextCheckAt: NOW + 6_000,
    })
    expect(two(240_000, 240_000, { phase: 'Running' })).toMatchObject({ waits: 'the agent of node n1 is executing it' })
    expect(two(-4_999, -60_000)).toMatchObject({ nextCheckAt: NOW + 1 })
    expect(two(-5_000, -60_000)).toEqual({
      outcome: 'Ineffective',
      message: 'the agent of node n1 did not answer t-0 by its deadline',
    })
    expect(two(-60_000, -60_000, { phase: 'Running' })).toMatchObject({
      message: 'the agent of node n1 started t-1 and did not report a result by its deadline',
    })
    const next = two(240_000, 240_000)
    if (!('nextCheckAt' in next)) throw new Error('it is not awaited')
    expect(next.nextCheckAt).toBeGreaterThan(NOW)
    expect(next.nextCheckAt).toBeLessThan(NOW + 245_000)
  })

  test('that are gone are told, and one that failed before them', () => {
    const gone = 'does not exist: it was deleted, or could not be created'
    expect(progress([])).toEqual({ outcome: 'Ineffective', message: `NodeTask t-0 ${gone}` })
    expect(progress([task('t-0', failed)])).toEqual({
      outcome: 'Ineffective',
      message: 'the agent of node n1 failed t-0 (RestartFailed): no',
    })
    const waiting = { facts: { nodePods: known([podWith({}, { name: 'ingress-a' })]) } }
    const lacks = 'pod web/ingress-a cannot start its containers yet'
    expect(progress([task('t-0', done())], waiting)).toEqual({ lacks: `${lacks}; NodeTask t-1 ${gone}` })
    expect(progress([task('t-0', done()), task('t-1', done())], waiting)).toEqual({ lacks })
    expect(progress([task('t-0', done()), task('t-1', failed)], waiting)).toMatchObject({
      lacks: `${lacks}; the agent of node n1 failed t-1 (RestartFailed): no`,
    })
  })

  test('that found nothing to do are a success if the pods recovered by themselves', () => {
    const said = 'the agent of node n1 refused t-0 (NotNeeded): all is well'
    expect(progress([task('t-0', refused('NotNeeded'))])).toEqual({
      outcome: 'Succeeded',
      reason: 'Recovered',
      message: `it recovered by itself: ${said}`,
    })
    expect(progress([task('t-0', refused('SandboxInUse'))])).toMatchObject({ outcome: 'Succeeded' })
    expect(progress([task('t-0', refused('Forbidden'))])).toMatchObject({ outcome: 'Ineffective' })
    expect(
      progress([task('t-0', refused('NotNeeded'))], {
        facts: { nodePods: known([podWith({}, { name: 'ingress-a' })]) },
      }),
    ).toEqual({
      outcome: 'Ineffective',
      message: `${said}, but pod web/ingress-a cannot start its containers yet`,
    })
    const back = (answer: object) => progress([task('t-0', refused('NotNeeded'))], {}, { nodeBack: () => answer })
    expect(back({ ask: [] })).toEqual({ ask: [] })
    expect(back({ lacks: 'the node is not Ready' })).toMatchObject({ message: `${said}, but the node is not Ready` })
  })

  test('count from when the last of them, the node and its pods were back', () => {
    const both = [task('t-0', done({ finishedAt: at(-20_000) })), task('t-1', done({ finishedAt: at(-30_000) }))]
    const nodeBack = (since: number) => ({ nodeBack: () => ({ since }) })
    expect(progress(both)).toMatchObject({ since: NOW - 20_000, recovered: 'pod ingress-a has not failed' })
    expect(progress(both, {}, nodeBack(NOW - 1_000))).toMatchObject({ since: NOW - 1_000 })
    expect(progress(both, { facts: { nodePods: known([recoveredPod({ since: -2_000 })]) } })).toMatchObject({
      since: NOW - 2_000,
    })
    expect(progress(both, {}, { nodeBack: () => ({ lacks: 'not yet' }) })).toEqual({ lacks: 'not yet' })
    expect(progress(both, {}, { nodeBack: () => ({ ask: [] }) })).toEqual({ ask: [] })
  })

  test('that helped in vain by what the agent saw afterwards say so', () => {
    const inVain = { inVain: () => 'the chain is gone again' }
    expect(progress([task('t-0', done({ inspection: anInspection() }))], {}, inVain)).toEqual({
      outcome: 'Ineffective',
      message: 'the chain is gone again',
    })
    expect(progress([task('t-0', done())], {}, inVain)).toHaveProperty('since')
  })

  describe('of a restart', () => {
    const restart = (reason: string, words: NodeInputOverrides, status: Partial<NodeTaskStatus> = {}) => {
      const node = { tasks: ['t-0'], runtime: 'docker', reason, touches: '' }
      const c = aNodeCase({
        ...words,
        facts: { ...healthy, tasks: known([task('t-0', done(status))]), ...words.facts },
      })
      return verifyRestart(c, stepWith({ node } as Partial<RemediationStep>))
    }

    test.each(['Unresponsive', 'SandboxesStuck'])(
      'of the kubelet’s runtime (%s) need the node to be Ready',
      (reason) => {
        expect(restart(reason, { node: { ready: false } })).toEqual({ lacks: 'node n1 is not Ready yet' })
        expect(restart(reason, {})).toMatchObject({ since: NOW - 20_000 })
        expect(restart(reason, { facts: { node: undefined } })).toEqual({ ask: [{ fact: 'node' }] })
        expect(restart(reason, { facts: { node: unknown('403') } })).toEqual({
          lacks: 'whether node n1 is Ready is unknown: 403',
        })
      },
    )

    test('of docker need its chains, not the node', () => {
      expect(restart('ChainMissing', { node: { ready: false } })).toMatchObject({ since: NOW - 20_000 })
      expect(restart('ChainMissing', {}, { inspection: anInspection() })).toEqual({
        outcome: 'Ineffective',
        message: 'docker was restarted, but its chain is still missing',
      })
      expect(restart('Unresponsive', {}, { inspection: anInspection() })).toHaveProperty('since')
    })
  })
})

describe('an installed mount helper', () => {
  const node = { tasks: ['install-1'], detail: 'nfs' }
  const inProgress = stepWith({ action: 'InstallMountHelper', node } as Partial<RemediationStep>)
  const installer = (status: Partial<PodStatus> | undefined) =>
    known(status === undefined ? undefined : podWith(status, { name: 'install-1' }))
  const succeeded = installer({ phase: 'Succeeded' })
  const progress = ({ facts, ...words }: NodeInputOverrides) =>
    verifyHelper(
      aNodeCase({
        cause: 'MountHelperMissing',
        inspection: { mounts: { helpers: ['nfs'] } },
        ...words,
        facts: { installer: succeeded, nodePods: known([recoveredPod({ since: -9_000 })]), ...facts },
      }),
      inProgress,
    )

  test('is asked for by the name of its pod', () => {
    expect(progress({ facts: { installer: undefined } })).toEqual({ ask: [{ fact: 'installer', name: 'install-1' }] })
    expect(progress({ facts: { installer: unknown('403') } })).toEqual({
      waits: 'the progress of the installation is unknown: 403',
      nextCheckAt: NOW + 30_000,
    })
    expect(progress({ facts: { inspection: undefined } })).toMatchObject({ ask: [{ fact: 'inspection' }] })
  })

  test('is not there while its pod runs or once that failed, with the last message', () => {
    const terminated = {
      name: 'i',
      restartCount: 0,
      state: { terminated: { exitCode: 1, message: ' no such package\n' } },
    }
    const waiting = (state: object) => ({ name: 'i', restartCount: 0, state: { waiting: state } })
    const said = (status: Partial<PodStatus>) => progress({ facts: { installer: installer(status) } })
    expect(said({ phase: 'Failed', containerStatuses: [terminated] })).toEqual({
      outcome: 'Ineffective',
      message: 'the installation failed: no such package',
    })
    const installing = (message: string) => ({ lacks: `pod install-1 is installing it: ${message}` })
    expect(said({ initContainerStatuses: [waiting({ reason: 'PodInitializing' })] })).toEqual(
      installing('PodInitializing'),
    )
    expect(said({ containerStatuses: [waiting({ message: 'pulling', reason: 'x' })] })).toEqual(installing('pulling'))
    expect(said({ message: 'evicted' })).toEqual(installing('evicted'))
    expect(said({ containerStatuses: [{ name: 'i', restartCount: 0 }] })).toEqual(installing('Pending'))
    const { status: _, ...bare } = podWith({})
    expect(progress({ facts: { installer: known(bare as Pod) } })).toEqual(installing('no message'))
  })

  test('is there only once the agent sees it', () => {
    expect(progress({ inspection: { mounts: { helpers: ['cifs'] } } })).toEqual({
      lacks: 'pod install-1 succeeded; mount.nfs is missing',
    })
    expect(progress({ inspection: { mounts: { helpers: [] } }, facts: { installer: installer(undefined) } })).toEqual({
      lacks: 'pod install-1 is gone; mount.nfs is missing',
    })
    const unseen = (why: string) => ({
      lacks: `pod install-1 succeeded; whether mount.nfs is there is unknown: ${why}`,
    })
    expect(progress({ facts: { inspection: unknown('no agent') } })).toEqual(unseen('no agent'))
    expect(progress({ inspection: { mounts: { known: false, why: 'no right' } } })).toEqual(unseen('no right'))
    expect(progress({ inspection: { mounts: { known: false } } })).toEqual(unseen('not read'))
  })

  test('has repaired its pods, or the node alone once nothing fails by it', () => {
    expect(progress({})).toMatchObject({ since: NOW - 9_000 })
    const nodePods = known([podWith({}, { name: 'ingress-a' })])
    const message = 'mount.nfs is installed; pod web/ingress-a cannot start its containers yet'
    const installed = { outcome: 'Succeeded', reason: 'Repaired', message }
    expect(progress({ facts: { nodePods } })).toEqual({ lacks: message, atDeadline: installed })
    expect(progress({ pods: [], facts: { nodePods } })).toEqual(installed)
  })
})

describe('a recycled pod of a node', () => {
  const inProgress = stepWith({ action: 'RecyclePod', pods: [ref('a')] } as Partial<RemediationStep>)
  const progress = (pods: readonly Pod[], words: NodeInputOverrides = {}) =>
    verifyRecycled(aNodeCase({ ...words, facts: { nodePods: known(pods) } }), inProgress)

  test('has to be gone, and nothing may fail the same way', () => {
    expect(progress([recoveredPod({ name: 'a' })], { pods: [] })).toEqual({ lacks: 'pod web/a still exists' })
    expect(progress([])).toEqual({ lacks: 'pod ingress-a fails the same way' })
    expect(progress([], { pods: [] })).toMatchObject({ since: NOW - 60_000 })
  })
})
