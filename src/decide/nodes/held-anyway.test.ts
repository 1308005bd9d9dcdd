import { expect, test } from 'vitest'
import { incidentId } from '../../api/incident-id.ts'
import { known } from '../../diagnose/incident.ts'
import { decide } from '../decide.ts'
import { anAttempt } from '../testing.ts'
import { aNodeCase, aStuckPod, type NodeCaseWords, nodePolicy } from './testing.ts'

const askedOf = (words: NodeCaseWords) => {
  const verdict = decide(aNodeCase({ ...words, facts: { ...words.facts, inspection: undefined } }))
  if (verdict.kind !== 'Ask') throw new Error(`it is ${verdict.kind}`)
  return verdict.facts.find(({ fact }) => fact === 'inspection')
}
const spent = [-1, -2, -3].map((hours) =>
  anAttempt(hours * 3_600_000, { incident: incidentId('node-1', 'IptablesChainMissing') }),
)
const hearsay = [aStuckPod({ finding: { witness: 'event' } })]

const held: readonly (readonly [why: string, words: NodeCaseWords])[] = [
  ['the operator is paused', { operator: { paused: known(true) } }],
  ['the policy is suspended', { policies: [nodePolicy({ suspend: true })] }],
  ['the policy only observes', { policies: [nodePolicy({ mode: 'Observe' })] }],
  ['it has not failed long enough', { policies: [nodePolicy({ match: { failingFor: '10m' } })] }],
  ['the attempts are spent', { attempts: spent }],
  [
    'the operator began as much as it may',
    { operator: { maxActionsPerHour: 1 }, attempts: [anAttempt(-60_000, { incident: 'another' })] },
  ],
  ['the policy only observes what an Event says', { policies: [nodePolicy({ mode: 'Observe' })], pods: hearsay }],
]

test.each(held)('where %s an old look will do', (_, words) => {
  expect(askedOf(words)).toEqual({ fact: 'inspection', maxAgeMs: 600_000 })
})

const open: readonly (readonly [why: string, words: NodeCaseWords])[] = [
  ['it is about to be acted on', {}],
  ['what only an Event says is to be confirmed', { pods: hearsay }],
  ['a pause between attempts is to pass', { attempts: spent.slice(0, 1) }],
]

test.each(open)('where %s the agent looks now', (_, words) => {
  expect(askedOf(words)).toEqual({ fact: 'inspection' })
})
