import { describe, expect, test } from 'vitest'
import { known } from '../../diagnose/incident.ts'
import { decide } from '../decide.ts'
import { aNodeCase, aNodeRecord, aTask, anInspection, DOCKERS_CHAINS, recoveredPod } from './testing.ts'
import { at, NOW, SETTLE } from '../testing.ts'

describe('a firewall chain of docker that is gone', () => {
  test('is put back by a restart of docker on that node, ordered of its agent', () => {
    const verdict = decide(aNodeCase())
    expect(verdict).toMatchObject({ kind: 'Act', plan: { type: 'RestartRuntime', runtime: 'docker' } })
    const plan = verdict.kind === 'Act' && verdict.plan.type === 'RestartRuntime' ? verdict.plan : undefined
    expect(plan?.orders).toEqual([
      {
        name: `restartruntime-${plan?.hash.slice(0, 12)}-0`,
        spec: {
          nodeName: 'n1',
          nodeUid: 'node-1',
          verb: 'RestartRuntime',
          restartRuntime: { runtime: 'docker', reason: 'ChainMissing' },
        },
      },
    ])
    expect(plan?.diff).toContain('docker runs none of the pods here (the kubelet uses containerd)')
  })

  test('is repaired once the agent restarted docker, the chain is back and the pods recovered and stayed so', () => {
    const record = aNodeRecord()
    const seen = anInspection({ chains: { known: true, list: DOCKERS_CHAINS } })
    const done = aTask({ phase: 'Succeeded', reason: 'Done', finishedAt: at(-40_000), inspection: seen })
    const facts = { tasks: known([done]), nodePods: known([recoveredPod({ since: -SETTLE - 1 })]) }
    const verdict = decide(aNodeCase({ records: [record], pods: [], facts }))
    expect(verdict).toMatchObject({ kind: 'Prove', outcome: 'Succeeded', reason: 'Repaired' })
    const early = decide(
      aNodeCase({
        records: [record],
        pods: [],
        facts: { ...facts, nodePods: known([recoveredPod({ since: -5_000 })]) },
      }),
    )
    expect(early).toMatchObject({ outcome: 'Waiting', lookAgainAt: NOW - 5_000 + SETTLE })
  })
})
