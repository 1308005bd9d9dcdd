/**
 * Loaded first by a contender: prints its event loop delay to standard error on SIGUSR2.
 * Source: node:perf_hooks, monitorEventLoopDelay, which includes its own resolution.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delays.enable()
process.on('SIGUSR2', () => {
  const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  process.stderr.write(`loop-delay ${ms(delays.percentile(99))} ${ms(delays.percentile(50))} ${delays.count}\n`)
})
