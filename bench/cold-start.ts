/** P4: a start beside many healthy pods with little memory. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, eachContender } from './bench.ts'
import { type Launch, startContender } from './contenders.ts'
import { medianMemory, peakOf } from './memory.ts'
import { makeMemoryLimit } from './memory-limit.ts'
import type { ColdStart, P4 } from './results.ts'

const LIMIT = 128 * 2 ** 20
/** Those that are killed restart for ever, or fight for memory: one that is not ready by then will not be. */
const READY_MS = 45_000

/** Without a control group: the heap, which is what grows. */
const limitedHeap = (launch: Launch): Launch => ({
  ...launch,
  env: { ...launch.env, NODE_OPTIONS: `--max-old-space-size=${LIMIT / 2 ** 20 / 2}` },
})

const coldStartOf = async (launch: Launch, stabilizationMs: number): Promise<ColdStart> => {
  const { name } = launch
  try {
    const contender = await startContender(launch, READY_MS)
    try {
      await sleep(stabilizationMs)
      if (contender.isGone()) return { name, why: 'killed after it was ready' }
      const { resident } = await medianMemory(contender.pid)
      return { name, readyMs: contender.readyMs, peak: await peakOf(contender.pid), settled: resident }
    } finally {
      await contender.stop()
    }
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0]?.replace(/\|/g, '/').slice(0, 120) : ''
    return { name, why: why ?? String(error) }
  }
}

export const coldStartsOf = async (bench: Bench): Promise<P4> => {
  const { contenders, options, progress, launch, against } = bench
  let by: P4['by'] = 'cgroup'
  progress(`cold starts with ${LIMIT / 2 ** 20} MiB`)
  const found = await eachContender(bench, async (user): Promise<ColdStart | undefined> => {
    const it = launch(user, against(user))
    const limit = makeMemoryLimit(user, LIMIT)
    if (!limit) by = 'node'
    if (!limit && user !== 'podmend' && user !== 'reference') return undefined
    const start = await coldStartOf(limit ? limit.limited(it) : limitedHeap(it), options.stabilizationMs)
    limit?.remove()
    return start
  })
  return { pods: options.many, limit: LIMIT, by, contenders: contenders.flatMap((user) => found[user] ?? []) }
}
