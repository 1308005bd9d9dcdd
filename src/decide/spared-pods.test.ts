/** Pods of a node that fail and are spared: each pod in a plan has failed for long enough, and neither it nor its owner opted out. */
import { describe, expect, test } from 'vitest'
import { known } from '../model/incident.ts'
import { decide } from './decide.ts'
import { action, aNodeCase, aWaitingPod, type NodeInputOverrides, nodePolicy } from './testing-nodes.ts'
import { aCase, aNamespace, anOwner, aPod, aPolicy, NOW } from './testing.ts'

const EXCLUDED = { 'podmend.io/exclude': 'true' }
const TYPES = ['RecyclePod', 'RecycleSandbox', 'RestartRuntime', 'FlagNode'] as const
type Type = (typeof TYPES)[number]

const optionsOf = (type: Type): object => (type === 'RecyclePod' ? { recyclePod: { method: 'Delete' } } : {})
const policies = (type: Type, failingFor = '0s') => [
  nodePolicy({ actions: [action(type, optionsOf(type))], match: { failingFor } }),
]
const two = (words: NodeInputOverrides & { readonly type: Type }) =>
  decide(
    aNodeCase({
      policies: policies(words.type),
      pods: [aWaitingPod({ name: 'a' }), aWaitingPod({ name: 'b', namespace: 'shop' })],
      ...words,
      facts: {
        namespaces: { web: known(aNamespace({ name: 'web' })), shop: known(aNamespace({ name: 'shop' })) },
        ...words.facts,
      },
    }),
  )

describe.each(TYPES)('%s on a node', (type) => {
  const actsForA = (why: RegExp) => ({
    kind: 'Act',
    plan: {
      pods: [{ name: 'a' }],
      leftOut: [{ namespace: 'shop', name: 'b', why: expect.stringMatching(why) }],
      diff: expect.stringMatching(/@@ left out @@\n {2}pod\/shop\/b: /),
    },
  })

  test('leaves out a pod whose owner or namespace opted out, and names it', () => {
    const facts = { failingOptOuts: [{ uid: 'uid-b', by: 'Deployment b' }] }
    expect(two({ type, facts })).toMatchObject(actsForA(/^Deployment b is excluded by podmend\.io\/exclude$/))
    const namespaces = {
      web: known(aNamespace({ name: 'web' })),
      shop: known(aNamespace({ name: 'shop', annotations: EXCLUDED })),
    }
    expect(two({ type, facts: { namespaces } })).toMatchObject(actsForA(/^namespace shop is excluded by/))
  })

  test('leaves out a pod whose owner cannot be read', () => {
    const facts = { failingOptOuts: [{ uid: 'uid-b', unread: 'get deployments: forbidden' }] }
    expect(two({ type, facts })).toMatchObject(actsForA(/^whether its owner opted out is unknown: get deployments/))
  })

  test('asks for the owners before anything is planned, and holds if all of them opted out', () => {
    const facts = { failingOptOuts: undefined } as object
    expect(two({ type, facts })).toEqual({ kind: 'Ask', facts: [{ fact: 'failingOptOuts' }] })
    const all = ['uid-a', 'uid-b'].map((uid) => ({ uid, by: 'DaemonSet agent' }))
    expect(two({ type, facts: { failingOptOuts: all } })).toMatchObject({
      kind: 'Hold',
      reason: 'OptedOut',
      message: 'DaemonSet agent is excluded by podmend.io/exclude',
    })
    const unread = ['uid-a', 'uid-b'].map((uid) => ({ uid, unread: '403' }))
    expect(two({ type, facts: { failingOptOuts: unread } })).toMatchObject({ kind: 'Hold', reason: 'FactUnknown' })
  })

  test('leaves out a pod that has not been failing for long enough', () => {
    const pods = [aWaitingPod({ name: 'a' }), aWaitingPod({ name: 'b', namespace: 'shop', since: -59_000 })]
    const verdict = two({ type, policies: policies(type, '1m'), pods })
    expect(verdict).toMatchObject(actsForA(/^it has not been failing for 1m yet$/))
    expect(two({ type, policies: policies(type, '1h'), pods })).toMatchObject({ reason: 'NotFailingLongEnough' })
  })
})

test('RecyclePod of a workload leaves out a pod that has not been failing for long enough', () => {
  const finding = {
    container: 'web',
    init: false,
    image: 'web:1',
    cause: 'DiskFull',
    message: 'm',
    source: 'kubelet',
    possibleCauses: [],
  } as const
  const failing = (name: string, since: number) => ({
    pod: aPod({ name }),
    findings: [finding],
    since: NOW + since,
  })
  const verdict = decide(
    aCase({
      owner: anOwner(),
      policies: [
        aPolicy({
          actions: [action('RecyclePod', optionsOf('RecyclePod'))],
          match: { causes: ['DiskFull'], failingFor: '1m' },
        }),
      ],
      pods: [failing('a', -61_000), failing('b', -59_000)],
    }),
  )
  expect(verdict).toMatchObject({ kind: 'Act', plan: { pods: [{ name: 'a' }], leftOut: [{ name: 'b' }] } })
})
