import { describe, expect, test } from 'vitest'
import type { RemediationStep } from '../../api/remediation.ts'
import { matches } from '../../decide/match.ts'
import {
  action,
  aNodeCase,
  aNodeRecord,
  aTask,
  aWaitingPod,
  type NodeInputOverrides,
  nodePolicy,
  theNodeItself,
} from '../../decide/testing-nodes.ts'
import { aCase, aPod, at } from '../../decide/testing.ts'
import type { ApplicablePolicy, DecisionInput } from '../../model/decision-input.ts'
import { type FailingPod, known, unknown } from '../../model/incident.ts'
import type { ActionStep, Planned } from '../remedy.ts'
import { planFlagNode } from '../flag-node/plan.ts'
import { resume as resumeFlag } from '../flag-node/resume.ts'
import { planInstallMountHelper } from '../install-mount-helper/plan.ts'
import { resume as resumeInstall } from '../install-mount-helper/resume.ts'
import { tasksThere } from '../node-tasks/plan.ts'
import { planRecyclePod } from '../recycle-pod/plan.ts'
import { resume as resumeRecycling } from '../recycle-pod/resume.ts'
import { planRecycleSandbox } from '../recycle-sandbox/plan.ts'
import { resume as resumeSandboxes } from '../recycle-sandbox/resume.ts'
import { planRestartRuntime } from '../restart-runtime/plan.ts'
import { kubeletsRuntime, nodeDiff, podsOnNode } from './plan.ts'

const applicableOf = (c: DecisionInput): ApplicablePolicy => {
  const found = matches(c, nodePolicy(), true)
  if (found && 'matched' in found) return found
  const matched = c.incident.pods.flatMap((failing) => failing.findings.map((finding) => ({ failing, finding })))
  return { policy: nodePolicy(), matched, leftOut: [] }
}
const stepOf = (type: string, options: object = {}): ActionStep =>
  ({ action: action(type, options), index: 0 }) as ActionStep
const refused = (reason: string, message: string, words: object = {}) => ({ reason, message, ...words })
const recordOf = (words: Partial<RemediationStep>) => {
  const record = aNodeRecord(words)
  return { record, step: record.status!.steps![0]! }
}
const planOf = <P>(planned: Planned): P => {
  if (!('plan' in planned)) throw new Error(JSON.stringify(planned))
  return planned.plan as unknown as P
}
/** Its own status shows no failure. */
const unblocked = ({ pod, ...rest }: FailingPod): FailingPod => ({
  ...rest,
  pod: { ...pod, status: { phase: 'Running' } },
})
const numbered = (count: number) => Array.from({ length: count }, (_, i) => String(i + 1))

describe('pods on a node', () => {
  const matched = (...pods: readonly FailingPod[]) => ({
    matched: pods.map((failing) => ({ failing, finding: failing.findings[0]! })),
  })

  test('are each there once, by namespace and name, without the node and those that leave', () => {
    const pods = [
      aWaitingPod({ name: 'b' }),
      aWaitingPod({ name: 'c', namespace: 'shop' }),
      aWaitingPod({ name: 'a' }),
      aWaitingPod({ name: 'b' }),
      aWaitingPod({ name: 'd', leaving: true }),
      theNodeItself(),
    ]
    expect(podsOnNode(matched(...pods)).map(({ namespace, name }) => `${namespace}/${name}`)).toEqual([
      'shop/c',
      'web/a',
      'web/b',
    ])
    expect(podsOnNode(matched(...numbered(70).map((name) => aWaitingPod({ name }))))).toHaveLength(64)
  })

  test('are named in the diff, the first twenty', () => {
    const pods = numbered(21).map((name) => ({ namespace: 'web', name, uid: name }))
    const lines = (count: number) => nodeDiff({ name: 'n1' } as never, ['! it acts'], pods.slice(0, count)).split('\n')
    expect(lines(0)).toEqual(['@@ node/n1 @@', '! it acts'])
    expect(lines(1)).toEqual(['@@ node/n1 @@', '! it acts', '@@ for these pods @@', '  pod/web/1 (uid 1)'])
    expect(lines(20)).toHaveLength(3 + 20)
    expect(lines(21)).toHaveLength(3 + 20 + 1)
    expect(lines(21).at(-1)).toBe('  and 1 more')
  })

  test('run on a runtime that the kubelet names, else the agent', () => {
    const runtime = (words: NodeInputOverrides) => kubeletsRuntime(aNodeCase(words).facts)
    const named = (runtimeVersion: string) => runtime({ node: { runtimeVersion } })
    expect(['containerd://1.7', 'cri-o://1.30', 'docker://24'].map(named)).toEqual(['containerd', 'crio', 'docker'])
    expect(named('rkt://1')).toBe('containerd')
    expect(runtime({ facts: { node: unknown('403') }, inspection: { runtime: { name: 'CRI-O' } } })).toBe('crio')
    expect(runtime({ facts: { node: undefined, inspection: undefined } })).toBeUndefined()
    expect(runtime({ facts: { node: undefined, inspection: unknown('no agent') } })).toBeUndefined()
    expect(runtime({ node: { runtimeVersion: 'rkt://1' }, inspection: { runtime: { name: 'rkt' } } })).toBeUndefined()
  })
})

describe('InstallMountHelper', () => {
  const planned = (words: NodeInputOverrides = {}) => {
    const c = aNodeCase({ cause: 'MountHelperMissing', ...words })
    return planInstallMountHelper(c, applicableOf(c), stepOf('InstallMountHelper'))
  }

  test('is for a missing helper alone', () => {
    expect(planned({ cause: 'SandboxStale' })).toMatchObject({ notApplicable: true, reason: 'RolloutBlocked' })
  })

  test('needs what the agent saw', () => {
    expect(planned({ facts: { inspection: undefined } })).toMatchObject({ ask: [{ fact: 'inspection' }] })
    expect(planned({ facts: { inspection: unknown('no agent') } })).toEqual(
      refused('FactUnknown', 'no agent', { tryNext: false }),
    )
    expect(planned({ inspection: { os: { known: false, why: 'no right' } } })).toEqual(
      refused('FactUnknown', 'the operating system is unknown: no right', { tryNext: true }),
    )
  })

  test('needs the type that cannot be mounted', () => {
    const unnamed = aWaitingPod({ cause: 'MountHelperMissing' })
    const { detail: _, ...finding } = unnamed.findings[0]!
    expect(planned({ pods: [{ ...unnamed, findings: [finding] }] })).toEqual(
      refused('FactUnknown', 'the message does not name the file system type that cannot be mounted', {
        tryNext: true,
      }),
    )
  })

  test('names what it runs, in the diff and under its hash', () => {
    interface P {
      hash: string
      podName: string
      diff: string
      packageName: string
      fsType: string
    }
    const plan = planOf<P>(planned())
    expect(plan).toMatchObject({ fsType: 'nfs', packageName: 'nfs-common' })
    expect(plan.podName).toBe(`install-mount-helper-${plan.hash.slice(0, 12)}`)
    expect(plan.podName).toHaveLength('install-mount-helper-'.length + 12)
    expect(plan.diff).toMatch(
      /^@@ node\/n1 @@\n! a pod on the node has systemd run: .*nfs-common.*\n! it provides \/sbin\/mount.nfs\n/,
    )
    const other = planOf<P>(planned({ inspection: { os: { id: 'rocky', versionId: '9', name: 'Rocky' } } }))
    expect(other.packageName).toBe('nfs-utils')
    expect(other.hash).not.toBe(plan.hash)
  })

  test('leaves out pods that wait for another type', () => {
    const pods = ['nfs', 'cifs'].map((detail) =>
      aWaitingPod({ name: detail, cause: 'MountHelperMissing', finding: { detail } }),
    )
    expect(planned({ pods })).toMatchObject({
      plan: { pods: [{ name: 'nfs' }], leftOut: [{ name: 'cifs', why: 'its message names cifs, not nfs' }] },
    })
  })

  test('is written once its pod is there', () => {
    const left = (facts: NonNullable<NodeInputOverrides['facts']>) =>
      resumeInstall(aNodeCase({ facts }), recordOf({ node: { tasks: ['install-1'] } } as Partial<RemediationStep>))
    expect(left({})).toEqual({ ask: [{ fact: 'installer', name: 'install-1' }] })
    expect(left({ installer: unknown('403') })).toEqual({ unseen: '403' })
    expect(left({ installer: known(undefined) })).toMatchObject({ written: false })
    expect(left({ installer: known(aPod()) })).toBe('Written')
  })
})

describe('RecycleSandbox', () => {
  const planned = (words: NodeInputOverrides) => {
    const c = aNodeCase(words)
    return planRecycleSandbox(c, applicableOf(c), stepOf('RecycleSandbox'))
  }
  const stale = (name: string, words = {}) => aWaitingPod({ name, cause: 'SandboxStale', ...words })

  test.each([
    ['MountHelperMissing', 'a new sandbox does not provide a mount helper'],
    ['RuntimeUnresponsive', 'the runtime does not respond, so it cannot create a new sandbox'],
  ] as const)('is not for %s', (cause, message) => {
    expect(planned({ cause })).toEqual(refused('RolloutBlocked', message, { tryNext: true, notApplicable: true }))
  })

  test.each(['IptablesChainMissing', 'SandboxStale', 'SandboxNameConflict'] as const)('is for %s', (cause) => {
    expect(planned({ cause })).toMatchObject({ plan: { type: 'RecycleSandbox' } })
  })

  test('is for no workload', () => {
    const c = aCase()
    expect(planRecycleSandbox(c, applicableOf(c), stepOf('RecycleSandbox'))).toMatchObject({ notApplicable: true })
  })

  test('is one task for each pod that its own status shows as blocked', () => {
    interface P {
      hash: string
      tasks: { name: string; spec: object }[]
      diff: string
    }
    const plan = planOf<P>(planned({ cause: 'SandboxStale', pods: [stale('b'), stale('a'), unblocked(stale('c'))] }))
    expect(plan.tasks).toEqual(
      ['a', 'b'].map((name, i) => ({
        name: `recyclesandbox-${plan.hash.slice(0, 12)}-${i}`,
        spec: { nodeName: 'n1', nodeUid: 'node-1', verb: 'RecycleSandbox', recycleSandbox: { podUid: `uid-${name}` } },
      })),
    )
    expect(plan.diff).toContain('! sandboxes are removed; the kubelet creates new ones')
    expect(plan).toMatchObject({ leftOut: [{ name: 'c', why: 'its own status does not show that it fails' }] })
  })

  test('is for no pod that is not shown to fail, or leaves', () => {
    expect(planned({ cause: 'SandboxStale', pods: [unblocked(stale('c'))] })).toEqual(
      refused('FactUnknown', 'the status of pod web/c shows no failure, so no sandbox is removed', { tryNext: false }),
    )
    expect(planned({ cause: 'SandboxStale', pods: [stale('a', { leaving: true })] })).toEqual(
      refused('AlreadyRecovered', 'all failing pods are already being deleted', { tryNext: false }),
    )
  })

  describe('that was begun', () => {
    const names = ['t-0', 't-1']
    const pods = ['a', 'b'].map((name) => ({ name, uid: `uid-${name}`, namespace: 'web' }))
    const inProgress = recordOf({ action: 'RecycleSandbox', pods, node: { tasks: names } } as Partial<RemediationStep>)
    const left = (...there: readonly string[]) =>
      resumeSandboxes(
        aNodeCase({ facts: { tasks: known(there.map((name) => aTask(undefined, { name } as never))) } }),
        inProgress,
      )

    test('needs its tasks', () => {
      expect(resumeSandboxes(aNodeCase(), inProgress)).toEqual({ ask: [{ fact: 'tasks', names }] })
      expect(tasksThere(aNodeCase({ facts: { tasks: unknown('403') } }), inProgress.step)).toEqual({ unseen: '403' })
      expect(resumeSandboxes(aNodeCase({ facts: { tasks: unknown('403') } }), inProgress)).toEqual({ unseen: '403' })
    })

    test('is written once all of them are there, and not begun while none is', () => {
      expect(left('t-0', 't-1')).toBe('Written')
      expect(left()).toMatchObject({ written: false })
      expect(left('stranger')).toMatchObject({ written: false })
    })

    test('has a rest for the pods that still fail', () => {
      const rest = left('t-1')
      if (typeof rest === 'string' || !('rest' in rest)) throw new Error('nothing is left')
      expect(rest.kept).toMatchObject({ pods: [{ name: 'b' }], node: { tasks: ['t-1'] } })
      const today = planOf<never>(planned({ cause: 'SandboxStale', pods: [stale('a'), stale('b')] }))
      expect(rest.rest(today)).toMatchObject({ hash: 'plan-1', pods: [{ name: 'a' }], tasks: [{ name: 't-0' }] })
      expect(rest.rest(planOf<never>(planned({ cause: 'SandboxStale', pods: [stale('b')] })))).toBeUndefined()
    })
  })
})

describe('RestartRuntime', () => {
  const planned = (words: NodeInputOverrides = {}) => {
    const c = aNodeCase(words)
    return planRestartRuntime(c, applicableOf(c), stepOf('RestartRuntime'))
  }

  test('is for a node, and not for a mount helper', () => {
    const c = aCase()
    expect(planRestartRuntime(c, applicableOf(c), stepOf('RestartRuntime'))).toMatchObject({ notApplicable: true })
    expect(planned({ cause: 'MountHelperMissing' })).toEqual(
      refused('RolloutBlocked', 'a restart of the runtime does not provide a mount helper', {
        tryNext: true,
        notApplicable: true,
      }),
    )
  })

  test.each(['IptablesChainMissing', 'RuntimeUnresponsive'] as const)('for %s needs what the agent saw', (cause) => {
    expect(planned({ cause, facts: { inspection: undefined } })).toMatchObject({ ask: [{ fact: 'inspection' }] })
    expect(planned({ cause, facts: { inspection: unknown('no agent') } })).toEqual(
      refused('FactUnknown', 'no agent', { tryNext: false }),
    )
  })

  test('for a chain needs its name, and that it is Docker’s', () => {
    const finding = (detail: string | undefined) => [aWaitingPod({ finding: { detail } as never })]
    expect(planned({ pods: finding(undefined) })).toEqual(
      refused('FactUnknown', 'the message does not name the missing chain', { tryNext: true }),
    )
    expect(planned({ pods: finding('KUBE-SERVICES') })).toMatchObject({ notApplicable: true })
  })

  test('for a chain needs Docker on the node, by the agent or by its unit', () => {
    const unit = (name: string, load: string) => ({ name, load, active: 'active', enabled: 'enabled' })
    const of = (...list: readonly ReturnType<typeof unit>[]) =>
      planned({ inspection: { docker: { installed: undefined } as never, units: { list } as never } })
    const none = { reason: 'RolloutBlocked', tryNext: true }
    expect(planned({ inspection: { docker: { installed: false } } })).toMatchObject(none)
    expect(of(unit('x.service', 'loaded'), unit('docker.service', 'loaded'))).toHaveProperty('plan')
    expect(of(unit('docker.service', 'not-found'))).toMatchObject(none)
    expect(of(unit('x.service', 'loaded'))).toMatchObject(none)
    expect(
      planned({ inspection: { docker: { installed: undefined }, units: { list: undefined } } as never }),
    ).toMatchObject(none)
  })

  test('for a chain needs to know that it is missing', () => {
    expect(planned({ inspection: { chains: { known: false, why: 'no right' } } })).toEqual(
      refused('FactUnknown', 'whether chain DOCKER is missing is unknown: no right', { tryNext: false }),
    )
    expect(planned({ inspection: { chains: { partly: 'no ip6' } } })).toMatchObject({
      reason: 'FactUnknown',
      tryNext: false,
    })
  })

  test('does not end where something removes the chain within an hour of its restart', () => {
    const restarted = (ms: number, words: Partial<RemediationStep> = {}) =>
      planned({
        records: [
          aNodeRecord({ state: 'Succeeded', finishedAt: at(ms), attempt: 1, ...words } as Partial<RemediationStep>, {
            phase: 'Succeeded',
            status: { finishedAt: at(ms) },
          }),
        ],
      })
    expect(restarted(-3_600_000)).toMatchObject({
      reason: 'AttemptsSpent',
      tryNext: true,
      message: expect.stringContaining('the chain was restored 1h ago and is missing again: something on the node'),
    })
    expect(restarted(-90_000)).toMatchObject({ message: expect.stringContaining('2m ago') })
    expect(restarted(-1_000)).toMatchObject({ message: expect.stringContaining('1m ago') })
    expect(restarted(-3_600_001)).toHaveProperty('plan')
    expect(restarted(-1_000, { action: 'FlagNode' })).toHaveProperty('plan')
    expect(restarted(-1_000, { state: 'Ineffective' })).toHaveProperty('plan')
    const other = { tasks: [], runtime: 'containerd', reason: 'Unresponsive', touches: '' }
    expect(restarted(-1_000, { node: other } as never)).toHaveProperty('plan')
  })

  test('for a runtime needs to know which', () => {
    const words = { cause: 'RuntimeUnresponsive', node: { runtimeVersion: 'rkt://1' } } as const
    expect(planned({ ...words, inspection: { runtime: { name: 'rkt' } } })).toEqual(
      refused('FactUnknown', 'the runtime of the kubelet is unknown or cannot be restarted', { tryNext: true }),
    )
    expect(planned({ node: words.node, inspection: { runtime: { name: 'rkt' } } })).toEqual(
      refused('FactUnknown', 'which runtime the kubelet uses is unknown', { tryNext: false }),
    )
  })

  test.each(['SandboxStale', 'SandboxNameConflict'] as const)('for %s needs a pod that stays', (cause) => {
    expect(planned({ cause })).toMatchObject({
      plan: { reason: 'SandboxesStuck', tasks: [{ spec: { restartRuntime: { podUids: ['uid-ingress-a'] } } }] },
    })
    expect(planned({ cause, pods: [aWaitingPod({ cause, leaving: true })] })).toEqual(
      refused('AlreadyRecovered', 'all failing pods are already being deleted', { tryNext: false }),
    )
  })

  describe('of the runtime that runs the pods', () => {
    const docker = { runtimeVersion: 'docker://24' }
    const other = (name: string, words = {}) => aPod({ name, namespace: 'web', ...words })
    const failing = aWaitingPod({ cause: 'RuntimeUnresponsive' })
    const restart = (
      liveRestore: boolean | undefined,
      pods = [failing.pod, other('b')],
      words: NodeInputOverrides = {},
    ) =>
      planned({
        cause: 'RuntimeUnresponsive',
        pods: [failing],
        node: docker,
        inspection: { docker: { liveRestore } as never },
        ...words,
        facts: { nodePods: known(pods), ...words.facts },
      })

    test('stops the others, or may stop them, unless live-restore is on', () => {
      interface P {
        diff: string
        touches: string
        stops?: string[]
      }
      const off = planOf<P>(restart(false))
      expect(off.stops).toEqual(['uid-b'])
      expect(off.touches).toBe('stops the containers of its pods: live-restore is off')
      expect(off.diff).toContain('@@ stops these pods @@\n  pod/web/b (uid uid-b)')
      expect(planOf<P>(restart(undefined)).diff).toContain('@@ may stop these pods @@')
      const on = planOf<P>(restart(true))
      expect(on).not.toHaveProperty('stops')
      expect(on.touches).toBe('its pods keep running: live-restore is on')
    })

    test('stops nothing that has ended, and lists none where it stops only what fails', () => {
      const ended = ['Succeeded', 'Failed'].map((phase) => other(phase.toLowerCase(), { phase }))
      const plan = planOf<{ diff: string; stops?: string[] }>(restart(false, [failing.pod, ...ended]))
      expect(plan).not.toHaveProperty('stops')
      expect(plan.diff).not.toContain('these pods @@\n  pod/web/succeeded')
    })

    test('is held where one of them is excluded, by itself or by what it belongs to', () => {
      const excluded = other('b', { annotations: { 'podmend.io/exclude': 'true' } })
      const message = 'a restart of docker would stop Pod web/b, '
      expect(restart(false, [failing.pod, excluded])).toEqual(
        refused('OptedOut', `${message}which is excluded`, { tryNext: true }),
      )
      const optOuts = known([{ uid: 'uid-b', by: 'namespace' }] as never)
      expect(restart(false, undefined, { facts: { optOuts } })).toMatchObject({
        reason: 'OptedOut',
        message: `${message}whose namespace is excluded`,
      })
    })

    test('is held while that is unknown, and asks for it only if it stops anything', () => {
      expect(restart(false, undefined, { facts: { optOuts: undefined } })).toEqual({ ask: [{ fact: 'optOuts' }] })
      expect(restart(false, undefined, { facts: { optOuts: unknown('403') } })).toEqual(
        refused('FactUnknown', 'whether a pod that it would stop opted out is unknown: 403', { tryNext: false }),
      )
      expect(restart(false, [], { facts: { optOuts: undefined } })).toHaveProperty('plan')
    })

    test('is held while its pods are unknown, unless live-restore is on', () => {
      const nodePods = unknown('403')
      expect(restart(false, undefined, { facts: { nodePods } })).toEqual(
        refused('FactUnknown', 'which pods it would stop is unknown: 403', { tryNext: false }),
      )
      expect(restart(true, undefined, { facts: { nodePods } })).toHaveProperty('plan')
    })
  })

  test('of another runtime says what becomes of containers outside Kubernetes', () => {
    const touches = (docker: object) => planOf<{ touches: string }>(planned({ inspection: { docker } })).touches
    const here = 'docker runs no pods here (the kubelet uses containerd); containers outside Kubernetes'
    expect(touches({ liveRestore: true })).toBe(`${here} keep running: live-restore is on`)
    expect(touches({ liveRestore: false })).toBe(`${here} stop: live-restore is off`)
    expect(touches({ liveRestore: undefined })).toBe(`${here} may stop: whether live-restore is on is unknown`)
  })
})

describe('FlagNode', () => {
  const planned = (words: NodeInputOverrides = {}, options: object = {}) => {
    const c = aNodeCase(words)
    return planFlagNode(c, applicableOf(c), stepOf('FlagNode', options))
  }
  interface P {
    message: string
    diff: string
    detail: string
    reason: string
    hash: string
  }
  const plan = (words: NodeInputOverrides = {}, options: object = {}) => planOf<P>(planned(words, options))
  const helper = (detail: string, os: object = {}) =>
    plan({
      cause: 'MountHelperMissing',
      pods: [aWaitingPod({ cause: 'MountHelperMissing', finding: { detail } })],
      inspection: { os },
    })

  test('is for a node, and asks for it', () => {
    const c = aCase()
    expect(planFlagNode(c, applicableOf(c), stepOf('FlagNode'))).toMatchObject({
      notApplicable: true,
      reason: 'RolloutBlocked',
    })
    expect(planned({ facts: { node: undefined } })).toMatchObject({ ask: [{ fact: 'node' }] })
  })

  test('shows each mark that it sets', () => {
    const label = 'flag.podmend.io/IptablesChainMissing=DOCKER'
    const marks = plan().diff.split('\n')
    expect(marks[1]).toMatch(
      /^\+ condition IptablesChainMissing=True \(NeedsRepair\): firewall chain DOCKER is missing/,
    )
    expect(marks[2]).toBe(`+ label ${label}`)
    expect(marks[3]).toBe('@@ for these pods @@')
    const tainting = plan({}, { flagNode: { taint: 'NoSchedule' } })
    expect(tainting.diff).toContain(`+ taint ${label}:NoSchedule\n@@ for`)
    expect(tainting.hash).not.toBe(plan().hash)
  })

  test('has a label that Kubernetes accepts', () => {
    expect(helper('glusterfs/v2').detail).toBe('glusterfs-v2')
    expect(helper('x'.repeat(70)).detail).toBe('x'.repeat(63))
    expect(helper('--nfs--').detail).toBe('nfs')
    expect(helper('///').detail).toBe('true')
    expect(helper('fuse.s3').reason).toBe('FUSES3HelperMissing')
  })

  test('says how the helper would be installed there', () => {
    const missing = 'nothing can mount file system type nfs here: /sbin/mount.nfs is missing'
    expect(helper('nfs').message).toMatch(/is missing; install nfs-common \(Debian 12\): .*nfs-common/)
    expect(helper('nfs', { known: false }).message).toBe(
      `${missing}; install the package that provides it (nfs-common or nfs-utils for nfs)`,
    )
    expect(helper('nfs', { id: 'flatcar', name: 'Flatcar' }).message).toMatch(
      /: use a node image that has it, or a CSI driver, which needs no helper$/,
    )
    expect(helper('evilfs').message).not.toContain('use a node image')
  })

  test('says what a person has to restart', () => {
    expect(plan({ cause: 'RuntimeUnresponsive' }).message).toBe(
      'containerd does not respond: no pod starts or stops here; restart it, or the node',
    )
    const unknownRuntime = { node: { runtimeVersion: 'rkt://1' }, inspection: { runtime: { name: 'rkt' } } }
    expect(plan({ cause: 'RuntimeUnresponsive', ...unknownRuntime }).message).toMatch(/^the container runtime does not/)
    expect(plan({ cause: 'RuntimeUnresponsive' })).toMatchObject({ detail: 'true', reason: 'NeedsRepair' })
  })

  describe('is there', () => {
    const label = 'flag.podmend.io/IptablesChainMissing'
    const marked = (words: object = {}) => ({
      labels: { [label]: 'DOCKER' },
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'IptablesChainMissing', status: 'True' },
      ],
      taints: [],
      ...words,
    })
    const taint = { flagNode: { taint: 'NoSchedule' } }
    const taintOf = (key: string, value: string) => ({ taints: [{ key, value, effect: 'NoSchedule' }] })
    const isThere = (words: object, options: object = {}) =>
      !('plan' in planned({ node: marked(words) as never }, options))

    test('with its condition, its label and its taint', () => {
      expect(isThere({})).toBe(true)
      expect(isThere({ labels: { [label]: 'other' } })).toBe(false)
      expect(isThere({ conditions: [{ type: 'Ready', status: 'True' }] })).toBe(false)
      expect(isThere({ conditions: [{ type: 'IptablesChainMissing', status: 'False' }] })).toBe(false)
      expect(isThere({}, taint)).toBe(false)
      expect(isThere(taintOf(label, 'DOCKER'), taint)).toBe(true)
      expect(isThere(taintOf(label, 'other'), taint)).toBe(false)
      expect(isThere(taintOf('other', 'DOCKER'), taint)).toBe(false)
    })

    test('which is told, and needs nothing', () => {
      expect(planned({ node: marked() as never })).toMatchObject({
        reason: 'AttemptsSpent',
        message: expect.stringMatching(/^node n1 is flagged: firewall chain DOCKER/),
        tryNext: true,
        noChangeNeeded: true,
      })
    })

    test('or is what is left of a step that was begun', () => {
      const inProgress = recordOf({
        action: 'FlagNode',
        index: 0,
        node: { detail: 'DOCKER' },
      } as Partial<RemediationStep>)
      const left = (words: NodeInputOverrides, options: object = {}) =>
        resumeFlag(
          aNodeCase({ policies: [nodePolicy({ actions: [action('FlagNode', options)] })], ...words }),
          inProgress,
        )
      const node = marked() as never
      expect(left({ node })).toBe('Written')
      expect(left({})).toMatchObject({ written: false })
      expect(left({ node }, taint)).toMatchObject({ written: false })
      expect(left({ node, policies: [] })).toBe('Written')
      expect(left({ facts: { node: undefined } })).toMatchObject({ ask: [{ fact: 'node' }] })
      expect(left({ facts: { node: unknown('403') } })).toEqual({ unseen: '403' })
    })
  })
})

describe('RecyclePod on a node', () => {
  const planned = (...pods: readonly FailingPod[]) => {
    const c = aNodeCase({ cause: 'SandboxStale', pods, facts: { namespaces: aNodeCase().facts.namespaces } })
    return planRecyclePod(c, applicableOf(c), stepOf('RecyclePod'))
  }
  const stale = (name: string, words = {}) => aWaitingPod({ name, cause: 'SandboxStale', ...words })

  test('deletes those that a controller recreates and that are blocked; the others are named', () => {
    expect(planned(stale('b'), stale('a'), stale('job', { ownedBy: 'Job' }), unblocked(stale('c')))).toMatchObject({
      plan: {
        method: 'Delete',
        pods: [{ name: 'a' }, { name: 'b' }],
        leftOut: [
          { name: 'job', why: 'nothing would recreate it' },
          { name: 'c', why: 'its own status does not show that it fails' },
        ],
      },
    })
  })

  test('says why none is deleted', () => {
    expect(planned(theNodeItself({ cause: 'SandboxStale' }))).toMatchObject({
      notApplicable: true,
      reason: 'RolloutBlocked',
    })
    expect(planned(unblocked(stale('c')), theNodeItself({ cause: 'SandboxStale' }))).toEqual(
      refused('FactUnknown', 'the status of pod web/c shows no failure, so none is deleted', { tryNext: false }),
    )
    expect(planned(stale('job', { ownedBy: 'Job' }))).toMatchObject({
      notApplicable: true,
      message: 'nothing would recreate pod web/job, so none is deleted',
    })
    expect(planned(stale('a', { leaving: true }))).toEqual(
      refused('AlreadyRecovered', 'no failing pod is left that could be deleted', { tryNext: true }),
    )
  })

  test('that was begun needs the pods of the node, and leaves those that go', () => {
    const pods = ['a', 'b'].map((name) => ({ name, uid: `uid-${name}`, namespace: 'web' }))
    const inProgress = recordOf({ action: 'RecyclePod', pods } as Partial<RemediationStep>)
    const left = (facts: NonNullable<NodeInputOverrides['facts']>) => resumeRecycling(aNodeCase({ facts }), inProgress)
    expect(left({ nodePods: undefined })).toEqual({ ask: [{ fact: 'nodePods' }] })
    expect(left({ nodePods: unknown('403') })).toEqual({ unseen: '403' })
    const nodePods = known([aPod({ name: 'a', leaving: true }), aPod({ name: 'b' })])
    expect(left({ nodePods })).toMatchObject({ written: true, complete: false, kept: { pods: [{ name: 'a' }] } })
    expect(left({ nodePods: known([]), pods: known([aPod({ name: 'b' })]) })).toMatchObject({ complete: true })
  })
})
