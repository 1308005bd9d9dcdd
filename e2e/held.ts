/** Workloads that shall stay as they are, with the reason told on the record and in an Event. */
import assert from 'node:assert/strict'
import type { Remediation } from '../src/api/kinds.ts'
import type { KubeEvent, Workload } from '../src/model/kubernetes.ts'
import { deployment, type Parts } from './objects.ts'
import type { Fixture, Scenario } from './scenario.ts'

export const LABELS = 'app=web'
const REPORTER = 'podmend.io/controller'

/** What a write of ours to a Deployment or its pods would change; its status, which moves by itself, is not in it. */
export interface Untouched {
  readonly workload: Pick<Workload['metadata'], 'uid' | 'generation' | 'annotations' | 'labels'>
  readonly image: string | undefined
  readonly pods: readonly string[]
}

/** Reads the scenario's Deployment `web` and its pods. */
export const readUntouched = async ({ workload, pods }: Fixture): Promise<Untouched> => {
  const { metadata, spec } = await workload('Deployment')
  const { uid, generation, annotations, labels } = metadata
  return {
    workload: {
      uid,
      ...(generation !== undefined && { generation }),
      annotations: annotations ?? {},
      labels: labels ?? {},
    },
    image: spec?.template?.spec?.containers?.[0]?.image,
    pods: (await pods(LABELS)).map((pod) => pod.metadata.uid).toSorted(),
  }
}

export const imageOf = async (fixture: Fixture): Promise<string | undefined> => (await readUntouched(fixture)).image

/** The operator's Event of this reason about the workload of the record, once there is one. */
export const eventOf = (
  { get, eventually, namespace }: Fixture,
  record: Remediation,
  reason: string,
): Promise<KubeEvent> =>
  eventually(async () => {
    const { items } = await get<{ items: KubeEvent[] }>('events', '-n', namespace)
    const ours = items.filter(({ reportingComponent }) => reportingComponent === REPORTER)
    const { uid } = record.spec.target
    const told = ours.find((event) => event.reason === reason && event.involvedObject?.uid === uid)
    if (!told) throw new Error(`expected an Event ${reason}, found: ${ours.map((each) => each.reason).join(' ')}`)
    return told
  })

export interface Held {
  readonly reason: string
  /** Default `Held`. */
  readonly phase?: string
  /** Part of the record's message and of the Event's. */
  readonly says: string
}

/** Waits for the reason on the record and in an Event, and throws where the workload is not as it was. */
export const staysUntouched = async (fixture: Fixture, was: Untouched, { reason, phase = 'Held', says }: Held) => {
  const record = await fixture.record({ phase, reason })
  const { message = '' } = record.status ?? {}
  assert.ok(message.includes(says), `the record says ${says}: ${message}`)
  const event = await eventOf(fixture, record, reason)
  assert.ok(event.message?.includes(says), `the Event says ${says}: ${event.message}`)
  assert.deepEqual(await readUntouched(fixture), was)
  assert.deepEqual(record.status?.attempts ?? [], [])
  return record
}

export interface Hold extends Held {
  /** Without `held-`. */
  readonly name: string
  readonly title: string
  readonly alone?: boolean
  readonly parts?: Parts
  /** Laid over the policy's spec. */
  readonly policy?: (namespace: string) => object
  /** Before there is a workload. */
  readonly before?: (fixture: Fixture) => unknown
  /** Once it is held. */
  readonly after?: (fixture: Fixture, record: Remediation) => Promise<unknown>
}

/** A Deployment in back-off, then a policy that would repair it but for the reason. */
export const held = ({ name, title, alone, parts, policy, before, after, ...wanted }: Hold): Scenario => ({
  name: `held-${name}`,
  title,
  ...(alone !== undefined && { alone }),
  run: async (fixture) => {
    await before?.(fixture)
    await fixture.apply(deployment(fixture.namespace, parts))
    await fixture.failing(LABELS)
    const was = await readUntouched(fixture)
    const began = Date.now()
    await fixture.policy(policy?.(fixture.namespace))
    const record = await staysUntouched(fixture, was, wanted)
    fixture.note(`${wanted.reason} ${((Date.now() - began) / 1000).toFixed(1)} s after the policy was created`)
    await after?.(fixture, record)
  },
})

/** The Deployment runs repaired and its record has succeeded; notes the time since `since`, and what that was. */
export const repaired = async (fixture: Fixture, since: number, after: string): Promise<Remediation> => {
  await fixture.running(1, LABELS)
  fixture.note(`Running ${((Date.now() - since) / 1000).toFixed(1)} s after ${after}`)
  return fixture.record({ phase: 'Succeeded' })
}
