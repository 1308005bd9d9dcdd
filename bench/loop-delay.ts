/**
 * Loaded first by a contender: how long its event loop kept others waiting, told on standard error when SIGUSR2 comes.
 * Source: node:perf_hooks, monitorEventLoopDelay, which counts its own resolution in.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delays.enable()
process.on('SIGUSR2', () => {
  const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  process.stderr.write(`loop-delay ${ms(delays.percentile(99))} ${ms(delays.percentile(50))} ${delays.count}\n`)
})
