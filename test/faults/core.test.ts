/** A few places of each kind; `npm run faults` plays all. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FaultCluster, makeFaultCluster } from '../../faults/cluster.ts'
import type { Case } from '../../faults/disturbances.ts'
import { playCases, type Result } from '../../faults/sweep.ts'
import { failureOf } from '../../faults/table.ts'

const INTENT = 'update remediations.podmend.io/status#1'
const PATCH = 'patch deployments.apps#1'

const cases = (
  [
    ['crash-after', INTENT],
    ['crash-after', PATCH],
    ['dropped-after', PATCH],
    ['409', INTENT],
    ['503', PATCH],
    ['pods-replaced', PATCH],
    ['policy-deleted', 'get deployments.apps#1'],
    ['namespace-excluded', INTENT],
    ['owner-excluded', 'patch deployments.apps dry#1'],
    ['crash+policy-deleted', INTENT],
    ['crash+image-reverted', PATCH],
    ['stale-list', PATCH],
    ['410', 'watch pods 2'],
    ['cut-in-line', 'watch remediations.podmend.io 2'],
  ] as const
).map(([fault, at]): Case => ({ workload: 'deployment', fault, at }))

let cluster: FaultCluster | undefined
beforeAll(async () => {
  cluster = await makeFaultCluster(4, () => {})
}, 180_000)
afterAll(() => cluster?.down())

test('no fault at the writes of incident A leads to another end, a second write or a write without its intent', async () => {
  if (!cluster) throw new Error('there is no cluster')
  const results: Result[] = []
  await playCases(cluster, cases, (result) => results.push(result))
  expect(results.filter(({ verdict }) => verdict === 'failed').map(failureOf)).toEqual([])
  expect(results.filter(({ verdict }) => verdict === 'passed')).toHaveLength(cases.length + 1)
}, 300_000)
