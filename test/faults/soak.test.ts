/** A minute of it; `npm run soak -- --minutes N` goes on for as long as wanted. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FaultCluster, makeFaultCluster } from '../../faults/cluster.ts'
import { soak } from '../../faults/soak/soak.ts'

let cluster: FaultCluster | undefined
beforeAll(async () => {
  cluster = await makeFaultCluster(1, () => {})
}, 180_000)
afterAll(() => cluster?.down())

test('incidents and faults by seed: each is repaired in time, and no write breaks a rule', async () => {
  if (!cluster) throw new Error('there is no cluster')
  const { complaints, repairMs, incidents, faults, usage } = await soak(cluster, {
    durationMs: 45_000,
    seed: 1,
    width: 3,
  })
  expect(complaints).toEqual([])
  expect(repairMs).toHaveLength(incidents)
  expect(incidents).toBeGreaterThanOrEqual(3)
  expect(usage).toEqual([
    expect.stringMatching(/^connections: at most \d+ at once; allowed 28$/),
    expect.stringMatching(/^memory: at most \d+ MiB at once; allowed 384, the chart's limit$/),
    expect.stringMatching(/^growth: not judged;/),
  ])
  expect(Object.keys(faults).length).toBeGreaterThan(0)
}, 400_000)
