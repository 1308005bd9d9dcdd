import type { ActionType } from '../api/reasons.ts'
import type { Clock } from '../runtime/clock.ts'

/** What the actors need of the Kubernetes API; `KubeClient` of runtime/ has this shape. Everything rejects with `KubeError`. */
export interface ActApi {
  get<T>(path: string): Promise<T>
  create<T>(path: string, body: unknown, options?: { query?: Readonly<Record<string, string>> }): Promise<T>
  patch<T>(
    path: string,
    body: unknown,
    options: { readonly type: 'json'; readonly dryRun?: boolean; readonly fieldManager?: string },
  ): Promise<T>
  remove<T>(
    path: string,
    body?: {
      readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
      readonly dryRun?: readonly 'All'[]
    },
  ): Promise<T>
}

export interface ActDeps {
  readonly kube: ActApi
  readonly clock: Clock
  /** Switched off at install, whatever rights allow. */
  readonly refusedActions?: readonly ActionType[]
}
