/** Writes the policies' status: news are gathered, and each policy is written at most once a second. */
import type { RemediationPolicy } from '../api/kinds.ts'
import { conflict, notFound } from '../kube/errors.ts'
import { pathOf } from '../kube/paths.ts'
import type { Clock } from '../runtime/clock.ts'
import { mergeUpdates, nextPolicyStatus, type PolicyStatusUpdate } from './policy-status.ts'

/** What the policies' status needs of the Kubernetes API. */
export interface PolicyStatusApi {
  get<T>(path: string): Promise<T>
  replace<T>(path: string, body: unknown): Promise<T>
}

export interface PolicyStatusDeps {
  readonly kube: PolicyStatusApi
  readonly clock: Clock
  /** The policy as a watch shows it, which saves a read; a stale one costs a conflict and then a read. */
  readonly seen?: (name: string) => RemediationPolicy | undefined
  readonly onFailure: (error: unknown, policy: string) => void
}

export interface PolicyStatusWriter {
  readonly tell: (policy: string, updates: PolicyStatusUpdate) => void
  /** Writes what is pending at once; for the end of the process. Never rejects. */
  readonly flush: () => Promise<void>
}

const PAUSE_MS = 1_000
const RETRY_MS = 5_000
const MAX_ROUNDS = 4

export const createPolicyStatusWriter = (deps: PolicyStatusDeps): PolicyStatusWriter => {
  const { kube, clock, seen, onFailure } = deps
  const pending = new Map<string, PolicyStatusUpdate>()
  const writing = new Map<string, Promise<void>>()
  const timers = new Map<string, () => void>()
  const freeAt = new Map<string, number>()

  const put = async (name: string, updates: PolicyStatusUpdate): Promise<void> => {
    for (let round = 1; ; round += 1) {
      const path = pathOf({ kind: 'RemediationPolicy', name })
      const policy = (round === 1 ? seen?.(name) : undefined) ?? (await kube.get<RemediationPolicy>(path))
      const before = policy.status ?? {}
      const status = nextPolicyStatus(before, updates, clock.now())
      if (status === before) return
      try {
        await kube.replace(pathOf({ kind: 'RemediationPolicy', name, subresource: 'status' }), { ...policy, status })
        return
      } catch (error) {
        if (!conflict(error) || round === MAX_ROUNDS) throw error
      }
    }
  }

  const write = async (name: string): Promise<void> => {
    timers.get(name)?.()
    timers.delete(name)
    const updates = pending.get(name)
    if (!updates) return
    pending.delete(name)
    freeAt.set(name, clock.monotonic() + PAUSE_MS)
    try {
      await put(name, updates)
    } catch (error) {
      if (notFound(error)) {
        freeAt.delete(name)
        return
      }
      pending.set(name, mergeUpdates(updates, pending.get(name) ?? {}))
      freeAt.set(name, clock.monotonic() + RETRY_MS)
      onFailure(error, name)
    }
  }

  const start = (name: string): void => {
    const run = write(name).finally(() => {
      writing.delete(name)
      if (pending.has(name)) schedule(name)
    })
    writing.set(name, run)
  }

  const schedule = (name: string): void => {
    if (writing.has(name) || timers.has(name)) return
    const waitMs = (freeAt.get(name) ?? 0) - clock.monotonic()
    // Even the first news waits a moment: what one reconcile has to tell comes in pieces.
    timers.set(
      name,
      clock.setTimeout(() => start(name), Math.max(waitMs, 50)),
    )
  }

  return {
    tell: (name, updates) => {
      pending.set(name, mergeUpdates(pending.get(name) ?? {}, updates))
      schedule(name)
    },
    flush: async () => {
      await Promise.all(writing.values())
      for (const name of pending.keys()) if (!writing.has(name)) start(name)
      await Promise.all(writing.values())
      for (const cancel of timers.values()) cancel()
      timers.clear()
    },
  }
}
