import { type Area, areaOf, type Cause, isNodeCause } from '../model/causes.ts'
import type { Runtime } from './contexts.ts'
import { buildMatcher, MAX_MESSAGE, normalise } from './matcher.ts'
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

/**
 * The kubelet chooses the waiting reason of a container, but its message also quotes what the authors of the pod, of the
 * image and of the registry chose: a command may be `nfs filesystem not supported by the system`. So the reason
 * decides which causes a message can have at all. None is a cause of the node: those come before a container is
 * created, and are reported by Events, which the agent on the node must confirm.
 */
interface StatusReason {
  readonly stage: 'image' | 'container'
  /** Areas of the causes that the kubelet reports by this reason; absent: only `cause`. */
  readonly areas?: readonly Area[]
  /** The cause by the reason alone, if the message is not recognized. */
  readonly cause?: Cause
}

/** The message quotes the image reference and the registry's response. */
const IMAGE = { stage: 'image', areas: ['image'] } as const
/** The message quotes names of ConfigMaps, Secrets and keys, users, paths of mounts, the command and its arguments. */
const CREATION = { stage: 'container', areas: ['container', 'volume'] } as const

/**
 * Image manager: pkg/kubelet/images/types.go, cri-api/pkg/errors/errors.go. Creation and start:
 * pkg/kubelet/kuberuntime/kuberuntime_container.go, container/sync_result.go.
 */
const STATUS_REASONS: Readonly<Record<string, StatusReason>> = {
  ErrImagePull: IMAGE,
  ImagePullBackOff: { ...IMAGE, cause: 'BackOffOnly' },
  InvalidImageName: { ...IMAGE, cause: 'InvalidImageName' },
  ErrImageNeverPull: { ...IMAGE, cause: 'PullNever' },
  ImageInspectError: IMAGE,
  RegistryUnavailable: { ...IMAGE, cause: 'RegistryUnreachable' },
  SignatureValidationFailed: { ...IMAGE, cause: 'SignatureRejected' },
  CreateContainerConfigError: CREATION,
  CreateContainerError: CREATION,
  PreCreateHookError: CREATION,
  PreStartHookError: CREATION,
  // The rest of the message is the output of the hook.
  PostStartHookError: { stage: 'container', cause: 'PostStartHook' },
  RunContainerError: CREATION,
  CrashLoopBackOff: { stage: 'container', areas: ['container'], cause: 'CrashLoop' },
}

/** Reasons of a terminated container whose message the runtime wrote; any other message is the container's own. */
const RUNTIMES_REASONS: ReadonlySet<string> = new Set(['StartError', 'ContainerCannotRun'])

const reasonNamed = (reason: string): StatusReason | undefined =>
  Object.hasOwn(STATUS_REASONS, reason) ? STATUS_REASONS[reason] : undefined

/** What failed by a waiting reason; undefined for one that only says that the container is starting. */
export const stageOf = (reason: string): StatusReason['stage'] | undefined => reasonNamed(reason)?.stage

/** The cause by a waiting reason alone. */
export const causeOfReason = (reason: string): Cause | undefined => reasonNamed(reason)?.cause

/** Whether the runtime wrote the message of a terminated container. The container itself writes any other one. */
export const isRuntimesMessage = (reason: string | undefined): boolean =>
  reason !== undefined && RUNTIMES_REASONS.has(reason)

/**
 * The cause of a message in a container's status, if its reason can have it; else `Unknown`. Causes of nodes are passed over,
 * so that a quoted one does not hide what the kubelet says.
 */
export const classifyStatus = (failure: FailureMessage): Classification => {
  const known = reasonNamed(failure.reason)
  const areas: readonly Area[] = known?.areas ?? (known ? [] : CREATION.areas)
  const found = classify(failure, (cause) => (areas.length > 0 ? !isNodeCause(cause) : cause === known?.cause))
  const area = areaOf(found.cause)
  return areas.length === 0 || (area !== undefined && areas.includes(area)) ? found : { cause: 'Unknown' }
}
