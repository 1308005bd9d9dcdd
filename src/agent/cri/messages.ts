/** The messages of the CRI that are used, by the field numbers of `runtime.v1` (cri-api, api.proto). */
import type { Sandbox } from '../node.ts'
import { allOf, type Field, field, numberField, numberOf, readFields, textOf } from './protobuf.ts'

/** The kubelet's label on a pod's sandboxes. */
const POD_UID_LABEL = 'io.kubernetes.pod.uid'

const SANDBOX_READY = 0
const CONTAINER_RUNNING = 1

const NS_IN_MS = 1_000_000

export const versionRequest = (): Buffer => field(1, 'v1')

export const readVersion = (answer: Buffer): { readonly name: string; readonly version: string } => {
  const fields = readFields(answer)
  return { name: textOf(fields, 2), version: textOf(fields, 3) }
}

/** PodSandboxFilter.label_selector */
export const listSandboxesRequest = (podUid: string): Buffer =>
  field(1, field(3, Buffer.concat([field(1, POD_UID_LABEL), field(2, podUid)])))

const labelOf = (fields: readonly Field[], number: number, key: string): string | undefined => {
  const entry = allOf(fields, number)
    .map(readFields)
    .findLast((each) => textOf(each, 1) === key)
  return entry && textOf(entry, 2)
}

/** Sandboxes of that pod; any other that a runtime lists, deaf to the filter, is left out. */
export const readSandboxes = (answer: Buffer, podUid: string): readonly Sandbox[] =>
  allOf(readFields(answer), 1)
    .map(readFields)
    .filter((fields) => labelOf(fields, 5, POD_UID_LABEL) === podUid && textOf(fields, 1) !== '')
    .map((fields) => ({
      id: textOf(fields, 1),
      state: numberOf(fields, 3) === SANDBOX_READY ? 'ready' : 'notready',
      createdAt: Math.round(numberOf(fields, 4) / NS_IN_MS),
    }))

/** ContainerFilter.state and .pod_sandbox_id */
export const listRunningRequest = (sandboxId: string): Buffer =>
  field(1, Buffer.concat([field(2, numberField(1, CONTAINER_RUNNING)), field(3, sandboxId)]))

/** How many containers of that sandbox run; any other that a runtime lists, deaf to the filter, does not count. */
export const readRunning = (answer: Buffer, sandboxId: string): number =>
  allOf(readFields(answer), 1)
    .map(readFields)
    .filter((fields) => textOf(fields, 2) === sandboxId && numberOf(fields, 6) === CONTAINER_RUNNING).length

/** StopPodSandboxRequest and RemovePodSandboxRequest alike. */
export const sandboxRequest = (sandboxId: string): Buffer => field(1, sandboxId)
