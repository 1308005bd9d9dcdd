/** What the agents cost while nothing is wrong. */
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AGENT_USER, NAMESPACE } from '../operator.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const WATCH_MS = 90_000
const HOUR_MS = 3_600_000

interface Sample {
  readonly bytes: number
  readonly cpuSeconds: number
  readonly at: number
}

/** The agent's container as the kubelet of the node sees it. */
const sampleOf = async ({ kubectl }: Fixture, node: string): Promise<Sample> => {
  const text = await kubectl(['get', '--raw', `/api/v1/nodes/${node}/proxy/metrics/resource`])
  const read = (metric: string): readonly number[] => {
    const line = text
      .split('\n')
      .find((each) => each.startsWith(`${metric}{container="agent",namespace="${NAMESPACE}"`))
    return (line?.split('} ')[1] ?? '').split(' ').map(Number)
  }
  const [bytes = Number.NaN] = read('container_memory_working_set_bytes')
  const [cpuSeconds = Number.NaN, at = Number.NaN] = read('container_cpu_usage_seconds_total')
  return { bytes, cpuSeconds, at }
}

const rest: Scenario = {
  name: 'agent-at-rest',
  title: 'an idle agent uses little memory, hardly any CPU, and makes few API requests',
  alone: true,
  timeoutMs: 240_000,
  run: async (fixture) => {
    const { cluster, note } = fixture
    const { nodes, auditLog } = cluster
    const before = await Promise.all(nodes.map((node) => sampleOf(fixture, node)))
    const from = statSync(auditLog).size
    const began = Date.now()
    await sleep(WATCH_MS)
    const after = await Promise.all(nodes.map((node) => sampleOf(fixture, node)))
    const asked = readFileSync(auditLog)
      .subarray(from)
      .toString()
      .split('\n')
      .filter((line) => line.includes(`"username":"${AGENT_USER}"`)).length
    const megabytes = Math.max(...after.map(({ bytes }) => bytes)) / 1e6
    const shares = after.map(({ cpuSeconds, at }, i) => {
      const was = before[i]
      return was ? (cpuSeconds - was.cpuSeconds) / ((at - was.at) / 1000) : Number.NaN
    })
    const requests = (asked / nodes.length) * (HOUR_MS / (Date.now() - began))
    note(
      `memory at most ${megabytes.toFixed(0)} MB, CPU at most ${(Math.max(...shares) * 1000).toFixed(2)} m, ` +
        `${requests.toFixed(0)} API requests an hour a node`,
    )
    assert.ok(megabytes < 96, `${megabytes} MB`)
    assert.ok(
      shares.every((share) => share < 0.02),
      `CPU ${shares.join(' ')}`,
    )
  },
}

export const scenarios: readonly Scenario[] = [rest]
