import type { Intent } from '../runtime/workqueue.ts'

/** Retrying cannot help: bad input, a contradiction. */
export class Terminal extends Error {
  override readonly name = 'Terminal'
}

/** Worth retrying with back-off, as is every error without a known intent. */
export class Retry extends Error {
  override readonly name = 'Retry'
}

/** Verbs as RBAC names them. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'

/** The parts of metav1.Status that are read. */
export interface StatusObject {
  readonly kind?: string
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: {
    readonly name?: string
    readonly group?: string
    readonly kind?: string
    readonly retryAfterSeconds?: number
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[]
  }
}

interface KubeErrorFields {
  /** HTTP status; 0 when there was no response (`Timeout`, `Unreachable`, `TooLarge`). */
  readonly status: number
  /** The reason of the Status object, else one of our own. */
  readonly reason: string
  readonly verb: Verb
  readonly path: string
  /** How long the server asks us to wait, within our bounds. */
  readonly retryAfterMs?: number | undefined
  readonly details?: StatusObject['details'] | undefined
}

/** A request that the API server rejected, or that got no response. */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  readonly status: number
  readonly reason: string
  readonly verb: Verb
  readonly path: string
  readonly retryAfterMs: number | undefined
  readonly details: StatusObject['details'] | undefined
  constructor(message: string, fields: KubeErrorFields, options?: ErrorOptions) {
    super(message, options)
    this.status = fields.status
    this.reason = fields.reason
    this.verb = fields.verb
    this.path = fields.path
    this.retryAfterMs = fields.retryAfterMs
    this.details = fields.details
  }
}

/** The KubeError in an error or in what caused it. */
export const kubeErrorOf = (error: unknown): KubeError | undefined => {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    if (at instanceof KubeError) return at
  }
  return undefined
}

const statusOf = (error: unknown): number | undefined => kubeErrorOf(error)?.status

export const notFound = (error: unknown): boolean => statusOf(error) === 404
/** The object has changed since it was read (409, but not `alreadyExists`). */
export const conflict = (error: unknown): boolean => statusOf(error) === 409 && !alreadyExists(error)
export const alreadyExists = (error: unknown): boolean => kubeErrorOf(error)?.reason === 'AlreadyExists'
export const forbidden = (error: unknown): boolean => statusOf(error) === 403
/** The resourceVersion or the continue token is no longer known. */
export const gone = (error: unknown): boolean => statusOf(error) === 410 || kubeErrorOf(error)?.reason === 'Expired'
/** The object failed validation, or the `test` of a JSON patch failed. */
export const invalid = (error: unknown): boolean => statusOf(error) === 422

/**
 * What the work queue does after an error. The only place that decides it. A missing right backs off as any other failure:
 * an API server that just started answers 403 for seconds.
 */
export const intentOf = (error: unknown): Intent => {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    if (at instanceof Terminal) return { kind: 'Terminal' }
    if (at instanceof Retry) return { kind: 'Retry' }
  }
  const kube = kubeErrorOf(error)
  if (kube === undefined) return { kind: 'Retry' }
  if (kube.retryAfterMs !== undefined) return { kind: 'Retry', atLeastMs: kube.retryAfterMs }
  if ([400, 405, 406, 413, 415].includes(kube.status)) return { kind: 'Terminal' }
  return { kind: 'Retry' }
}
