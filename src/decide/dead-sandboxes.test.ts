/** Dead sandboxes: an Event names them, which a tenant can write as well, so only the agent's answers lead beyond their removal. */
import { describe, expect, test } from 'vitest'
import type { NodeTask, Remediation } from '../api/kinds.ts'
import { known, unknown } from '../model/incident.ts'
import { decide } from './decide.ts'
import {
  action,
  aNodeCase,
  aNodeRecord,
  aRecycling,
  aWaitingPod,
  type NodeInputOverrides,
  nodePolicy,
} from './testing-nodes.ts'

const policies = (...types: readonly string[]) => [nodePolicy({ actions: types.map((type) => action(type)) })]

/** The sandboxes of pods a and b were to be removed, and both fail the same way. */
const afterRecycling = (next: string, tasks: readonly NodeTask[], words: NodeInputOverrides = {}) => {
  const recycled: Remediation = aNodeRecord(
    { action: 'RecycleSandbox', state: 'Ineffective', node: { tasks: ['task-a', 'task-b'] } },
    { phase: 'Held' },
  )
  return decide(
    aNodeCase({
      cause: 'SandboxStale',
      policies: policies('RecycleSandbox', next),
      pods: ['a', 'b'].map((name) => aWaitingPod({ cause: 'SandboxStale', name })),
      records: [recycled],
      ...words,
      facts: { agentTasks: known(tasks), ...words.facts },
    }),
  )
}
const NONE = [
  ['no sandbox there', { phase: 'Succeeded', reason: 'AlreadyDone', message: 'pod has no sandbox on this node' }],
  ['a container that runs', { phase: 'Refused', reason: 'SandboxInUse', message: 'a container is running' }],
  ['nothing to do', { phase: 'Refused', reason: 'NotNeeded', message: 'nothing is stuck' }],
] as const

describe.each(['RestartRuntime', 'FlagNode'])('%s after RecycleSandbox', (next) => {
  test.each(NONE)('is ruled out by %s', (_, status) => {
    expect(afterRecycling(next, [aRecycling('uid-a', status), aRecycling('uid-b', status)])).toMatchObject({
      kind: 'Hold',
      reason: 'FactUnknown',
      message: `only Events name SandboxStale, and ${next === 'FlagNode' ? 'its' : 'the'} agent found no dead sandbox: ${status.message}`,
    })
  })

  test.each(NONE)('leaves out the one pod that has %s', (_, status) => {
    expect(afterRecycling(next, [aRecycling('uid-a', status), aRecycling('uid-b')])).toMatchObject({
      kind: 'Act',
      plan: {
        type: next,
        pods: [{ name: 'b' }],
        leftOut: [{ name: 'a', why: expect.stringContaining('found no dead sandbox') }],
      },
    })
  })

  test('asks for the answers of the last attempt, by name', () => {
    const facts = { agentTasks: undefined } as object
    expect(afterRecycling(next, [], { facts })).toEqual({
      kind: 'Ask',
      facts: [{ fact: 'agentTasks', names: ['task-a', 'task-b'] }],
    })
  })
})

test('a node is not flagged where the answers of its agent are gone', () => {
  expect(afterRecycling('FlagNode', [])).toMatchObject({ kind: 'Hold', reason: 'FactUnknown' })
  expect(afterRecycling('FlagNode', [], { facts: { agentTasks: unknown('403') } })).toMatchObject({ kind: 'Hold' })
})

test('a restart that the agent began, because it saw a dead sandbox, lets the node be flagged; a refused one does not', () => {
  const restart = (phase: 'Failed' | 'Refused', before?: object): NodeTask => ({
    ...aRecycling('', {
      phase,
      reason: phase === 'Refused' ? 'NotNeeded' : 'Error',
      message: 'm',
      ...(before && { before }),
    }),
    spec: {
      nodeName: 'n1',
      nodeUid: 'node-1',
      verb: 'RestartRuntime',
      restartRuntime: { runtime: 'containerd', reason: 'SandboxesStuck', podUids: ['uid-a', 'uid-b'] },
      deadline: '',
    },
  })
  expect(afterRecycling('FlagNode', [restart('Failed', { bootId: 'b' })])).toMatchObject({ plan: { type: 'FlagNode' } })
  expect(afterRecycling('FlagNode', [restart('Refused')])).toMatchObject({ kind: 'Hold', reason: 'FactUnknown' })
})

test.each(['SandboxStale', 'SandboxNameConflict'] as const)(
  '%s, which only Events name, flags no node by itself',
  (cause) => {
    for (const inspection of [undefined, unknown('no agent runs there')]) {
      const facts = inspection && { inspection }
      const verdict = decide(aNodeCase({ cause, policies: policies('FlagNode'), ...(facts && { facts }) }))
      expect(verdict).toMatchObject({
        kind: 'Hold',
        reason: 'FactUnknown',
        message: expect.stringContaining('RecycleSandbox'),
      })
    }
  },
)
