/** The steps of the demo, in order, and the check of their outcome. */
import type { Remediation } from '../src/api/kinds.ts'
import type { Workload } from '../src/model/kubernetes.ts'
import { readWrites } from '../testbed/audit.ts'
import { CONTROLLER_USER } from '../testbed/controller.ts'
import { eventually } from '../testbed/eventually.ts'
import { openApi } from '../testbed/kubelet/api.ts'
import { type DemoCluster, enforce, type OnClose } from './cluster.ts'
import {
  fixtureManifest,
  LEFT_ALONE,
  MEMBERS,
  neighbourManifest,
  NEIGHBOURS,
  type Place,
  POLICY,
  REPAIRED,
  REPAIRED_TOO,
  REPAIRS,
  secondPolicy,
} from './fixture.ts'
import { type EvidenceSource, startObserver } from './observer.ts'
import { startRegistryObserver } from './registry-observer.ts'
import type { Timeline } from './timeline.ts'
import { type Outcome, problemsIn } from './verify.ts'

export interface DemoResult {
  readonly outcome: Outcome
  /** Empty if the demo ended as expected. */
  readonly problems: readonly string[]
  /** Seconds from the first failure of the repaired workload. */
  readonly runningAfter: number
  readonly verifiedAfter: number
}

/** Time for a person to read the plans before the policy is set to Enforce. */
const READING_MS = 3000
/** Until the controllers have written the last status of a failing Deployment. */
const QUIET_MS = 1000

const listDeployments = async ({ kubectl }: DemoCluster): Promise<Workload[]> => {
  const text = await kubectl(['get', 'deployments', '-A', '-o', 'json'])
  return (JSON.parse(text) as { items: Workload[] }).items
}

/** The Deployments, once two reads in a row are equal. */
const rolledOutDeployments = async (cluster: DemoCluster): Promise<Workload[]> => {
  let before = await listDeployments(cluster)
  return eventually(
    async () => {
      const now = await listDeployments(cluster)
      const same = JSON.stringify(now) === JSON.stringify(before)
      before = now
      if (!same) throw new Error('the Deployments are still changing')
      return now
    },
    { everyMs: QUIET_MS },
  )
}

const finished = (record: Remediation | undefined): boolean => record?.status?.finishedAt !== undefined

const observeFirst = async (
  cluster: DemoCluster,
  timeline: Timeline,
  observer: EvidenceSource,
): Promise<Workload[]> => {
  await cluster.kubectl(['apply', '-f', '-'], { input: neighbourManifest() })
  await observer.until(() => NEIGHBOURS.every(({ place }) => observer.runningAt.has(place)), {
    what: 'the healthy neighbours run',
    timeoutMs: 30_000,
  })
  // Reported before kubectl runs: the first one fails before kubectl has applied all of them.
  timeline.say({ who: 'you', what: 'Apply', text: `apply ${MEMBERS.map(({ place }) => place).join(', ')}` })
  await cluster.kubectl(['apply', '-f', '-'], { input: fixtureManifest() })
  await observer.until(() => MEMBERS.every(({ place }) => observer.failedAt.has(place)), {
    what: 'every broken pod fails',
    timeoutMs: 30_000,
  })
  timeline.waitFor('podmend diagnoses the failures')
  await observer.until(() => MEMBERS.every(({ place }) => observer.recordOf(place)?.status?.phase !== undefined), {
    what: 'each has a Remediation',
    timeoutMs: 30_000,
  })
  const observed = observer.recordOf(REPAIRED.place)?.status
  if (observed?.phase !== 'Observed')
    throw new Error(`the policy is in mode Observe, but the record is ${observed?.phase}`)
  const before = await rolledOutDeployments(cluster)
  await new Promise((resolve) => setTimeout(resolve, READING_MS))
  return before
}

/** Runs the incident to its end and checks the outcome. Throws if a step times out. */
export const runDemoSteps = async (cluster: DemoCluster, timeline: Timeline, onClose: OnClose): Promise<DemoResult> => {
  const api = openApi(cluster.plane.kubeconfig)
  onClose(() => api.close())
  const observer = startObserver(api, timeline)
  onClose(observer.stop)
  onClose(startRegistryObserver(cluster.proxies, timeline))

  const before = await observeFirst(cluster, timeline, observer)
  await enforce(cluster.kubectl)
  const text = `review the plans, then enable policy ${POLICY}: mode Observe → Enforce`
  timeline.say({ who: 'you', what: 'Enforce', text })
  await cluster.kubectl(['apply', '-f', '-'], { input: secondPolicy() })
  const other = `apply a policy for the other registry, where ${REPAIRED_TOO.place} fails for the same reason`
  timeline.say({ who: 'you', what: 'Enforce', about: REPAIRED_TOO.place, text: other })

  timeline.waitFor('the policy waits until the pods have failed for 30 s')
  await observer.until(() => observer.runningAt.has(REPAIRED.place) || finished(observer.recordOf(REPAIRED.place)), {
    what: `a pod of ${REPAIRED.place} runs`,
    timeoutMs: 90_000,
  })
  timeline.waitFor('the containers must keep running before the repair counts as verified')
  const finishedAt = (place: Place): Promise<number> =>
    observer.until(() => finished(observer.recordOf(place)), {
      what: `the Remediation of ${place} is finished`,
      timeoutMs: 60_000,
    })
  const verifiedAt = await finishedAt(REPAIRED.place)
  await finishedAt(REPAIRED_TOO.place)
  // Another controller writes the Deployment's status, at about the same time.
  for (const { place } of REPAIRS) {
    const isReady = (): boolean => (observer.deployments.get(place)?.status?.readyReplicas ?? 0) > 0
    await observer.until(isReady, { what: `${place} is ready`, timeoutMs: 10_000 })
  }
  timeline.waitFor(undefined)

  const outcome: Outcome = {
    repaired: REPAIRS,
    leftAlone: LEFT_ALONE,
    before,
    after: await listDeployments(cluster),
    records: [...observer.records.values()],
    writes: readWrites(cluster.plane.auditLog, CONTROLLER_USER),
  }
  const failedAt = observer.failedAt.get(REPAIRED.place) ?? verifiedAt
  const after = (at: number): number => Math.round((at - failedAt) / 100) / 10
  return {
    outcome,
    problems: problemsIn(outcome),
    runningAfter: after(observer.runningAt.get(REPAIRED.place) ?? verifiedAt),
    verifiedAfter: after(verifiedAt),
  }
}
