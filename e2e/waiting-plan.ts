/** Repairs that wait for a person. */
import assert from 'node:assert/strict'
import type { Remediation } from '../src/api/kinds.ts'
import { type AsItIs, asItIs, eventOf, LABELS, leftAlone } from './left-alone.ts'
import { deployment } from './objects.ts'
import type { Stage } from './scenario.ts'

export interface Asked {
  readonly record: Remediation
  readonly was: AsItIs
  readonly planHash: string
}

/** A Deployment whose repair waits for a person, and is left alone until then. */
export const asked = async (stage: Stage, policy: object = {}): Promise<Asked> => {
  await stage.apply(deployment(stage.namespace))
  await stage.failing(LABELS)
  const was = await asItIs(stage)
  await stage.policy({ mode: 'Approve', ...policy })
  const reason = 'AwaitingApproval'
  const record = await leftAlone(stage, was, { phase: reason, reason, says: 'approv' })
  const { planHash } = record.status ?? {}
  assert.ok(planHash, 'the record has the hash of its plan')
  const event = await eventOf(stage, record, reason)
  assert.ok(event.message?.includes(`kubectl mend approve ${record.metadata.name} -n ${stage.namespace}`))
  return { record, was, planHash }
}
