/** Repairs that wait for a person. */
import assert from 'node:assert/strict'
import type { Remediation } from '../src/api/kinds.ts'
import { eventOf, LABELS, readUntouched, staysUntouched, type Untouched } from './held.ts'
import { deployment } from './objects.ts'
import type { Fixture } from './scenario.ts'

export interface Asked {
  readonly record: Remediation
  readonly was: Untouched
  readonly planHash: string
}

/** A Deployment whose repair waits for a person, and is left alone until then. */
export const asked = async (fixture: Fixture, policy: object = {}): Promise<Asked> => {
  await fixture.apply(deployment(fixture.namespace))
  await fixture.failing(LABELS)
  const was = await readUntouched(fixture)
  await fixture.policy({ mode: 'Approve', ...policy })
  const reason = 'AwaitingApproval'
  const record = await staysUntouched(fixture, was, { phase: reason, reason, says: 'approv' })
  const { planHash } = record.status ?? {}
  assert.ok(planHash, 'the record has the hash of its plan')
  const event = await eventOf(fixture, record, reason)
  assert.ok(event.message?.includes(`kubectl mend approve ${record.metadata.name} -n ${fixture.namespace}`))
  return { record, was, planHash }
}
