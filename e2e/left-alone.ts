/** Workloads that shall stay as they are, with the reason told on the record and in an Event. */
import assert from 'node:assert/strict'
import type { Remediation } from '../src/api/kinds.ts'
import type { KubeEvent, Workload } from '../src/model/kubernetes.ts'
import { deployment, type Parts } from './objects.ts'
import type { Scenario, Stage } from './scenario.ts'

export const LABELS = 'app=web'
const REPORTER = 'podmend.io/controller'

/** What a write of ours to a Deployment or its pods would change; its status, which moves by itself, is not in it. */
export interface AsItIs {
  readonly workload: Pick<Workload['metadata'], 'uid' | 'generation' | 'annotations' | 'labels'>
  readonly image: string | undefined
  readonly pods: readonly string[]
}

/** Reads the scenario's Deployment `web` and its pods. */
export const asItIs = async ({ workload, pods }: Stage): Promise<AsItIs> => {
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

export const imageOf = async (stage: Stage): Promise<string | undefined> => (await asItIs(stage)).image

/** The operator's Event of this reason about the workload of the record, once there is one. */
export const eventOf = (
  { get, eventually, namespace }: Stage,
  record: Remediation,
  reason: string,
): Promise<KubeEvent> =>
  eventually(async () => {
    const { items } = await get<{ items: KubeEvent[] }>('events', '-n', namespace)
    const ours = items.filter(({ reportingComponent }) => reportingComponent === REPORTER)
    const { uid } = record.spec.target
    const told = ours.find((event) => event.reason === reason && event.involvedObject?.uid === uid)
    if (!told) throw new Error(`no Event says ${reason}, there are: ${ours.map((each) => each.reason).join(' ')}`)
    return told
  })

export interface Held {
  readonly reason: string
  /** Default `Held`. */
  readonly phase?: string
  /** Stands in the record's message and in the Event's. */
  readonly says: string
}

/** Waits for the reason on the record and in an Event, and throws where the workload is not as it was. */
export const leftAlone = async (stage: Stage, was: AsItIs, { reason, phase = 'Held', says }: Held) => {
  const record = await stage.record({ phase, reason })
  const { message = '' } = record.status ?? {}
  assert.ok(message.includes(says), `the record says ${says}: ${message}`)
  const event = await eventOf(stage, record, reason)
  assert.ok(event.message?.includes(says), `the Event says ${says}: ${event.message}`)
  assert.deepEqual(await asItIs(stage), was)
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
  readonly before?: (stage: Stage) => unknown
  /** Once it is held. */
  readonly after?: (stage: Stage, record: Remediation) => Promise<unknown>
}

/** A Deployment in back-off, and then a policy that would repair it if it were not for the reason. */
export const held = ({ name, title, alone, parts, policy, before, after, ...wanted }: Hold): Scenario => ({
  name: `held-${name}`,
  title,
  ...(alone !== undefined && { alone }),
  run: async (stage) => {
    await before?.(stage)
    await stage.apply(deployment(stage.namespace, parts))
    await stage.failing(LABELS)
    const was = await asItIs(stage)
    const began = Date.now()
    await stage.policy(policy?.(stage.namespace))
    const record = await leftAlone(stage, was, wanted)
    stage.note(`${wanted.reason} ${((Date.now() - began) / 1000).toFixed(1)} s after the policy came`)
    await after?.(stage, record)
  },
})

/** The Deployment runs repaired and its record has succeeded; notes the time since `since`, with the words. */
export const repaired = async (stage: Stage, since: number, after: string): Promise<Remediation> => {
  await stage.running(1, LABELS)
  stage.note(`Running ${((Date.now() - since) / 1000).toFixed(1)} s after ${after}`)
  return stage.record({ phase: 'Succeeded' })
}
