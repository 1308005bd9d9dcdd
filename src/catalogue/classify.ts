import type { Cause } from '../model/causes.ts'
import type { Runtime } from './contexts.ts'
import { buildMatcher } from './matcher.ts'
import { MAX_MESSAGE, normalise } from './normal-form.ts'
import type { Row } from './row.ts'
import { ROWS } from './rows.ts'

export interface FailureMessage {
  /** The event's reason or the container's waiting reason; empty where unknown. */
  readonly reason: string
  readonly message: string
  readonly runtime?: Runtime | undefined
}

export interface Classification {
  readonly cause: Cause
  /** Id of the matching row; absent for `Unknown`. */
  readonly row?: string
  /** As given, else by the message. */
  readonly runtime?: Runtime
}

/** Reasons of Events that are not about starting a pod, whatever their message. */
const UNRELATED_REASONS: ReadonlySet<string> = new Set([
  'FailedScheduling',
  'Unhealthy',
  'ProbeWarning',
  'Evicted',
  'Preempted',
  'FailedPreStopHook',
  'FailedBinding',
  'ProvisioningFailed',
  'NodeNotReady',
  'TaintManagerEviction',
])

const match = buildMatcher(ROWS)
const BY_ID = new Map(ROWS.map((row) => [row.id, row]))

/**
 * The cause of a failure by its message alone; `Unknown` where no row matches. `mayBe`: only among these causes. Pure, linear
 * in the message, never throws.
 */
export const classify = (
  { reason, message, runtime }: FailureMessage,
  mayBe?: (cause: Cause) => boolean,
): Classification => {
  // A container's state may have a reason and no message: `OOMKilled`.
  const read = match(reason, normalise(message.trim() === '' ? reason : message), mayBe)
  // A container's last message does not contradict that the kernel killed it.
  const found = read.row ?? (reason === 'OOMKilled' ? match(reason, normalise(reason), mayBe).row : undefined)
  const row = UNRELATED_REASONS.has(reason) ? undefined : found
  const runtimeOf = runtime ?? read.runtime
  return { cause: row?.cause ?? 'Unknown', ...(row && { row: row.id }), ...(runtimeOf && { runtime: runtimeOf }) }
}

/** The row of that id, with its sample, source and explanation; undefined where there is none. */
export const explainRow = (id: string): Row | undefined => BY_ID.get(id)

/** What precedes a quoted image in messages of kubelet, containerd, CRI-O and cri-dockerd. */
const QUOTED =
  /(?:pull(?:ing|ed)? image|pull and unpack image|resolve reference|inspect image|default image tag|image reference|container image|sandbox image|short-name) \\*"([^"\\\s]{1,512})\\*"/i
const BARE = /(?:image pull failed for|pull access denied for|docker:\/\/|manifest for) ?([^\s",\\]{1,512})/i

/**
 * The image that a pull failure names, as the message writes it; undefined where it names none (kubelet leaves an
 * empty quote when it does not know it). Of several the first: kubelet's own, which is as the pod has it.
 */
export const imageInMessage = (message: string): string | undefined => {
  const text = message.slice(0, MAX_MESSAGE)
  const found = QUOTED.exec(text)?.[1] ?? BARE.exec(text)?.[1]
  return found?.replace(/[:,.;]+$/, '') || undefined
}
