import type { Clock } from '../../runtime/clock.ts'
import type { Cri } from '../host/host.ts'
import { callGrpc, GrpcError, UnexpectedAnswer } from './grpc.ts'
import {
  listRunningRequest,
  listSandboxesRequest,
  readRunning,
  readSandboxes,
  readVersion,
  sandboxRequest,
  versionRequest,
} from './protobuf.ts'

interface CriOptions {
  /** Socket of the runtime. Its folder must be what is mounted: a socket mounted alone is dead once the runtime restarted. */
  readonly path: string
  readonly clock: Clock
  /** How long a list may take; 10 s by default. */
  readonly listMs?: number
  /** How long stopping or removing may take; the kubelet grants two minutes, so does this by default. */
  readonly actMs?: number
}

const NOT_FOUND = 5

const decoded = <Result>(read: () => Result): Result => {
  try {
    return read()
  } catch (cause) {
    throw new UnexpectedAnswer('its response could not be decoded', { cause })
  }
}

/** The container runtime by the CRI, `runtime.v1`. */
export const createCri = ({ path, clock, listMs = 10_000, actMs = 120_000 }: CriOptions): Cri => {
  const stopping = new AbortController()

  const call = async (name: string, request: Buffer, timeoutMs: number): Promise<Buffer> => {
    const method = `/runtime.v1.RuntimeService/${name}`
    try {
      return await callGrpc({ path, method, request, timeoutMs, clock, signal: stopping.signal })
    } catch (cause) {
      throw new Error(`calling ${name} on the container runtime`, { cause })
    }
  }
  const actOn = async (name: string, sandboxId: string): Promise<void> => {
    try {
      await call(name, sandboxRequest(sandboxId), actMs)
    } catch (error) {
      const gone = error instanceof Error && error.cause instanceof GrpcError && error.cause.status === NOT_FOUND
      if (!gone) throw error
    }
  }

  return {
    version: async (timeoutMs) => {
      const from = clock.monotonic()
      const answer = await call('Version', versionRequest(), timeoutMs)
      return { ...decoded(() => readVersion(answer)), tookMs: clock.monotonic() - from }
    },
    sandboxesOf: async (podUid) =>
      readSandboxes(await call('ListPodSandbox', listSandboxesRequest(podUid), listMs), podUid),
    runningContainers: async (sandboxId) =>
      readRunning(await call('ListContainers', listRunningRequest(sandboxId), listMs), sandboxId),
    stop: (sandboxId) => actOn('StopPodSandbox', sandboxId),
    remove: (sandboxId) => actOn('RemovePodSandbox', sandboxId),
    close: () => stopping.abort(),
  }
}

/** DEADLINE_EXCEEDED and UNAVAILABLE: words for no answer. */
const NO_ANSWER: ReadonlySet<number> = new Set([4, 14])

const causesOf = (error: unknown): readonly unknown[] => {
  const causes: unknown[] = []
  for (let at = error; at !== undefined && causes.length < 6; at = at instanceof Error ? at.cause : undefined) {
    causes.push(at)
  }
  return causes
}

/** What a failed call tells of the socket; `odd` where somebody answers whose words are not understood. */
export const socketStateOf = (error: unknown): 'silent' | 'answers' | 'odd' | 'absent' | 'forbidden' => {
  for (const each of causesOf(error)) {
    if (each instanceof GrpcError) return NO_ANSWER.has(each.status) ? 'silent' : 'answers'
    if (each instanceof UnexpectedAnswer) return 'odd'
    const { code } = each as NodeJS.ErrnoException
    // What came is no HTTP/2.
    if (code === 'ERR_HTTP2_ERROR') return 'odd'
    if (code === 'ENOENT') return 'absent'
    if (code === 'EACCES' || code === 'EPERM') return 'forbidden'
  }
  return 'silent'
}
