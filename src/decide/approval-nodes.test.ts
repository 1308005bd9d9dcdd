/** What an approval covers of a plan on a node: the pods that a restart stops, and the failing pods for which it is done. */
import { describe, expect, test } from 'vitest'
import type { Remediation } from '../api/kinds.ts'
import type { DecisionInput } from '../model/decision-input.ts'
import { known } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { nextStatus } from '../report/status.ts'
import { confirm } from './attempt/in-progress.ts'
import { decide } from './decide.ts'
import {
  action,
  aNodeCase,
  aNodeRecord,
  aWaitingPod,
  type NodeInputOverrides,
  nodePolicy,
  recoveredPod,
} from './testing-nodes.ts'
import { NOW } from './testing.ts'

const policies = [nodePolicy({ mode: 'Approve' })]

/** The record on which a person decided, as the controller writes it. */
const decided = (c: DecisionInput, decision: 'Approved' | 'Denied' = 'Approved'): readonly Remediation[] => {
  const verdict = decide(c)
  if (verdict.kind !== 'Hold' || !verdict.plan) throw new Error(`it is ${verdict.kind}`)
  const approval = { decision, planHash: verdict.plan.hash, by: 'ann' } as const
  const record = aNodeRecord({}, { phase: 'AwaitingApproval', spec: { approval } })
  return [{ ...record, status: nextStatus({}, { kind: 'Held', verdict, at: c.now }) }]
}
const after = (before: DecisionInput, now: (records: readonly Remediation[]) => DecisionInput, said?: 'Denied') =>
  decide(now(decided(before, said)))

/** What is decided after an approval, and whether the step is still the same once its intent is on the record. */
const carriedOut = (before: DecisionInput, now: (records: readonly Remediation[]) => DecisionInput) => {
  const records = decided(before)
  const verdict = decide(now(records))
  if (verdict.kind !== 'Act') return verdict
  const intended = records.map((record) => ({
    ...record,
    status: nextStatus(record.status ?? {}, { kind: 'Intended', verdict, at: NOW }),
  }))
  return { kind: verdict.kind, confirmed: confirm(now(intended))?.hash === verdict.plan.hash }
}

describe('an approval of a restart that stops other pods', () => {
  const others = (count: number): readonly Pod[] =>
    Array.from({ length: count }, (_, i) => recoveredPod({ name: `app-${i}`, uid: `app-${i}` }))
  const restart = (running: readonly Pod[], liveRestore: boolean, words: NodeInputOverrides = {}) =>
    aNodeCase({
      policies,
      node: { runtimeVersion: 'docker://24.0' },
      inspection: { docker: { liveRestore } },
      ...words,
      facts: { nodePods: known([aWaitingPod().pod, ...running]) },
    })
  test('covers exactly what was shown', () => {
    const verdict = after(restart(others(40), false), (records) => restart(others(40), false, { records }))
    expect(verdict).toMatchObject({ kind: 'Act', plan: { touches: expect.stringContaining('stops the containers') } })
  })

  test('is not one of a restart that keeps them running, nor the reverse', () => {
    for (const liveRestore of [true, false]) {
      const verdict = after(restart(others(40), liveRestore), (records) =>
        restart(others(40), !liveRestore, { records }),
      )
      expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
    }
  })

  test('does not cover one pod more, and covers one pod less', () => {
    const now = (count: number) => (records: readonly Remediation[]) => restart(others(count), false, { records })
    expect(after(restart(others(3), false), now(4))).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
    expect(after(restart(others(3), false), now(2))).toMatchObject({ kind: 'Act' })
  })

  test('is carried out where one pod fewer stops', () => {
    const fewer = (records: readonly Remediation[]) => restart(others(2), false, { records })
    expect(carriedOut(restart(others(3), false), fewer)).toMatchObject({ kind: 'Act', confirmed: true })
  })

  test('does not cover another pod in the place of one', () => {
    const replaced = [...others(2), recoveredPod({ name: 'database', uid: 'database' })]
    const verdict = after(restart(others(3), false), (records) => restart(replaced, false, { records }))
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
  })

  test('does not follow from a list that was written into the record', () => {
    const verdict = after(restart(others(3), false), (records) =>
      restart(others(4), false, {
        records: records.map(({ status, ...record }) => ({
          ...record,
          status: {
            ...status,
            steps: status?.steps?.map((step) => ({ ...step, stops: ['app-0', 'app-1', 'app-2', 'app-3'] })),
          },
        })) as readonly Remediation[],
      }),
    )
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
  })

  test('lists the pods that stop, and while some keep running their number may change', () => {
    const stopping = decide(restart(others(2), false))
    expect(stopping).toMatchObject({
      plan: { diff: expect.stringMatching(/@@ stops these pods @@\n.*app-0.*\n.*app-1/) },
    })
    const verdict = after(restart(others(40), true), (records) => restart(others(42), true, { records }))
    expect(verdict).toMatchObject({ kind: 'Act' })
  })

  test('a denial stays one, however many pods it would stop', () => {
    for (const count of [2, 4]) {
      const verdict = after(
        restart(others(3), false),
        (records) => restart(others(count), false, { records }),
        'Denied',
      )
      expect(verdict).toMatchObject({ kind: 'Hold', ends: 'Denied' })
    }
  })
})

describe('an approval of a remedy for the failing pods of a node', () => {
  const actions = ['RestartRuntime', 'FlagNode', 'InstallMountHelper'] as const
  const failing = (type: (typeof actions)[number], names: readonly string[], words: NodeInputOverrides = {}) => {
    const cause = type === 'InstallMountHelper' ? 'MountHelperMissing' : 'IptablesChainMissing'
    const pods = names.map((name) => aWaitingPod({ name, cause }))
    return aNodeCase({ cause, pods, policies: [nodePolicy({ mode: 'Approve', actions: [action(type)] })], ...words })
  }

  test.each(actions)('%s is not one for other pods than those shown', (type) => {
    const verdict = after(failing(type, ['a']), (records) => failing(type, ['b'], { records }))
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
  })

  test.each(actions)('%s covers those of them that still fail, and names the others as left out', (type) => {
    const verdict = after(failing(type, ['a', 'b']), (records) => failing(type, ['b', 'c'], { records }))
    expect(verdict).toMatchObject({
      kind: 'Act',
      plan: {
        leftOut: [{ name: 'c', why: 'the plan was proposed without it' }],
        diff: expect.stringMatching(
          /@@ for these pods @@\n {2}pod\/web\/b \(uid uid-b\)\n@@ left out @@\n {2}pod\/web\/c:/,
        ),
      },
    })
  })

  test.each(actions)('%s is carried out for fewer pods than were shown', (type) => {
    const fewer = (records: readonly Remediation[]) => failing(type, ['b'], { records })
    expect(carriedOut(failing(type, ['a', 'b']), fewer)).toMatchObject({ kind: 'Act', confirmed: true })
  })

  test.each(actions)('a denial of %s stays one, whichever pods fail', (type) => {
    const verdict = after(failing(type, ['a']), (records) => failing(type, ['b', 'c'], { records }), 'Denied')
    expect(verdict).toMatchObject({ kind: 'Hold', ends: 'Denied' })
  })

  test('does not follow from pods that were written into the record', () => {
    const verdict = after(failing('RestartRuntime', ['a']), (records) =>
      failing('RestartRuntime', ['b'], {
        records: records.map(({ status, ...record }) => ({
          ...record,
          status: {
            ...status,
            steps: status?.steps?.map((step) => ({ ...step, pods: [{ name: 'b', uid: 'uid-b' }] })),
          },
        })) as readonly Remediation[],
      }),
    )
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
  })

  test('of a flag is not one of a flag that says something else', () => {
    const wiped = {
      units: { list: [{ name: 'firewalld.service', load: 'loaded', active: 'active', enabled: 'enabled' }] },
    }
    const verdict = after(failing('FlagNode', ['a']), (records) =>
      failing('FlagNode', ['a'], { records, inspection: wiped }),
    )
    expect(verdict).toMatchObject({ kind: 'Hold', reason: 'AwaitingApproval' })
  })
})
