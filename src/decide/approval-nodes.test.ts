/** What an approval covers of a plan that affects others: the pods that a restart stops. */
import { describe, expect, test } from 'vitest'
import type { Remediation } from '../api/kinds.ts'
import type { RemediationStep } from '../api/remediation.ts'
import type { DecisionInput } from '../model/decision-input.ts'
import { known } from '../model/incident.ts'
import type { Pod } from '../model/kubernetes.ts'
import { remedyOf } from '../remedies/list.ts'
import { decide } from './decide.ts'
import {
  aNodeCase,
  aNodeRecord,
  aWaitingPod,
  type NodeInputOverrides,
  nodePolicy,
  recoveredPod,
} from './testing-nodes.ts'
import { at } from './testing.ts'

describe('an approval of a restart that stops other pods', () => {
  const policies = [nodePolicy({ mode: 'Approve' })]
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
  /** The record on which a person decided, as the controller writes it. */
  const decided = (c: DecisionInput, decision: 'Approved' | 'Denied' = 'Approved'): readonly Remediation[] => {
    const verdict = decide(c)
    if (verdict.kind !== 'Hold' || !verdict.plan) throw new Error(`it is ${verdict.kind}`)
    const { plan, policy } = verdict
    const approval = { decision, planHash: plan.hash, by: 'ann' } as const
    const { tasks: _, ...shown } = remedyOf(plan.type).record(plan).node ?? { tasks: [] }
    const step: RemediationStep = {
      index: plan.index,
      attempt: 1,
      policy,
      action: plan.type,
      state: 'Planned',
      planHash: plan.hash,
      node: { tasks: [], ...shown },
      ...(plan.stops && { stops: [...plan.stops] }),
    }
    const record = aNodeRecord({}, { phase: 'AwaitingApproval', spec: { approval } })
    return [{ ...record, status: { ...record.status, steps: [step], planHash: plan.hash, expiresAt: at(60_000) } }]
  }
  const after = (before: DecisionInput, now: (records: readonly Remediation[]) => DecisionInput, said?: 'Denied') =>
    decide(now(decided(before, said)))

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
