import { expect, test } from 'vitest'
import { known } from '../model/incident.ts'
import type { WatchName } from '../watch/informers.ts'
import { snapshotOf } from './evaluate.ts'
import type { OpenIncident } from './incidents.ts'
import { createManualClock } from '../runtime/clock.ts'
import { createState } from './state.ts'

const CONFIG = { namespace: 'ops', maxActionsPerHour: 100, stabilizationWindowMs: 30_000 }
const target = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'web', uid: 'u' }
const incident: OpenIncident = { key: 'u/image', area: 'image', target, pods: new Map() }

test.each<[WatchName, object]>([
  ['namespaces', { operator: { paused: { known: false, why: 'silent since noon' } } }],
  ['nodes', { nodes: { known: false, why: 'silent since noon' } }],
  ['remediationpolicies', { stale: ['silent since noon'] }],
  ['remediations', { stale: ['silent since noon'] }],
])('what the watch of %s reported is unknown once it is out of date', (silent, expected) => {
  const state = createState({ namespace: 'ops', clock: createManualClock(0), onPodChange: () => undefined })
  state.paused = known(false)
  state.nodes.synced()
  expect(snapshotOf(state, incident, CONFIG, 0)).toMatchObject({
    operator: { paused: known(false) },
    nodes: known([]),
    stale: [],
  })
  state.stale = (name) => (name === silent ? 'silent since noon' : undefined)
  expect(snapshotOf(state, incident, CONFIG, 0)).toMatchObject(expected)
})
