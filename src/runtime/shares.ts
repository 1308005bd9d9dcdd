import PQueue from 'p-queue'

/** Runs tasks of several shares, so that no share keeps the others waiting. */
export interface Shares {
  /**
   * Runs the task in the turn of its share. If the signal aborts, rejects with its reason and gives the place to the next:
   * a task that waits is never started, one that runs must end by the same signal. The highest priority goes first.
   */
  readonly run: <T>(share: string, task: () => Promise<T>, options?: TurnOptions) => Promise<T>
}

export interface TurnOptions {
  readonly signal?: AbortSignal
  /** Default 0. */
  readonly priority?: number
}

export interface SharesOptions {
  /** Tasks of one share that run at the same time. */
  readonly perShare: number
  /** Tasks of all shares that run at the same time; default without limit. */
  readonly total?: number
}

/**
 * A line for each share before the line of all: no share has more than `perShare` tasks in the latter, so a task waits
 * there for at most that many of each other share, however many of theirs are waiting. Holds memory only for shares with
 * tasks.
 */
export const createShares = ({ perShare, total = Number.POSITIVE_INFINITY }: SharesOptions): Shares => {
  const all = new PQueue({ concurrency: total })
  const lines = new Map<string, PQueue>()
  return {
    run: async (share, task, options = {}) => {
      const line = lines.get(share) ?? new PQueue({ concurrency: perShare })
      lines.set(share, line)
      try {
        return await line.add(() => all.add(task, options), options)
      } finally {
        // p-queue counts a task that just ended until its next microtask.
        await Promise.resolve()
        if (line.size === 0 && line.pending === 0 && lines.get(share) === line) lines.delete(share)
      }
    },
  }
}
