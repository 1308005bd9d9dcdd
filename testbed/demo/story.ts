/** What happens on the stage, in order, and how it is judged. */
import type { Remediation } from '../../src/api/kinds.ts'
import type { Workload } from '../../src/model/kubernetes.ts'
import { CONTROLLER_USER } from '../controller.ts'
import { eventually } from '../eventually.ts'
import { openApi } from '../kubelet/api.ts'
import { readWrites } from './audit.ts'
import { objectionsTo, type Outcome } from './proof.ts'
import { startRegistryWitness } from './registry-witness.ts'
import {
  LEFT_ALONE,
  MEMBERS,
  neighbourManifest,
  NEIGHBOURS,
  type Place,
  POLICY,
  REPAIRED,
  REPAIRED_TOO,
  REPAIRS,
  sceneManifest,
  secondPolicy,
} from './scene.ts'
import { enforce, type OnClose, type Stage } from './stage.ts'
import type { Timeline } from './timeline.ts'
import { startWitness, type EvidenceSource } from './witness.ts'

export interface Told {
  readonly outcome: Outcome
  /** Empty when the demo ended as it must. */
  readonly objections: readonly string[]
  /** Seconds from the first failure of the repaired workload. */
  readonly runningAfter: number
  readonly verifiedAfter: number
}

/** How long a person has to read what would be done, before the policy is let act. */
const READING_MS = 3000
/** Until its controllers have said all that they have to say on a Deployment that fails. */
const QUIET_MS = 1000

const listDeployments = async ({ kubectl }: Stage): Promise<Workload[]> => {
  const text = await kubectl(['get', 'deployments', '-A', '-o', 'json'])
  return (JSON.parse(text) as { items: Workload[] }).items
}

/** The Deployments once two looks in a row saw the same. */
const settledDeployments = async (stage: Stage): Promise<Workload[]> => {
  let before = await listDeployments(stage)
  return eventually(
    async () => {
      const now = await listDeployments(stage)
      const same = JSON.stringify(now) === JSON.stringify(before)
      before = now
      if (!same) throw new Error('the Deployments still change')
      return now
    },
    { everyMs: QUIET_MS },
  )
}

const finished = (record: Remediation | undefined): boolean => record?.status?.finishedAt !== undefined

const observeFirst = async (stage: Stage, timeline: Timeline, witness: EvidenceSource): Promise<Workload[]> => {
  await stage.kubectl(['apply', '-f', '-'], { input: neighbourManifest() })
  await witness.until(() => NEIGHBOURS.every(({ place }) => witness.runningAt.has(place)), {
    what: 'the neighbours run',
    timeoutMs: 30_000,
  })
  // Said first: by the time kubectl is done with all of them the first one has failed already.
  timeline.say({ who: 'you', what: 'Apply', text: `apply ${MEMBERS.map(({ place }) => place).join(', ')}` })
  await stage.kubectl(['apply', '-f', '-'], { input: sceneManifest() })
  await witness.until(() => MEMBERS.every(({ place }) => witness.failedAt.has(place)), {
    what: 'every pod of the scene fails',
    timeoutMs: 30_000,
  })
  timeline.waitFor('what does podmend make of it?')
  await witness.until(() => MEMBERS.every(({ place }) => witness.recordOf(place)?.status?.phase !== undefined), {
    what: 'there is a Remediation for each',
    timeoutMs: 30_000,
  })
  const observed = witness.recordOf(REPAIRED.place)?.status
  if (observed?.phase !== 'Observed') throw new Error(`the policy observes, but the record is ${observed?.phase}`)
  const before = await settledDeployments(stage)
  await new Promise((resolve) => setTimeout(resolve, READING_MS))
  return before
}

/** Plays the incident to its end, and judges it. Throws where something does not come in its time. */
export const tellStory = async (stage: Stage, timeline: Timeline, onClose: OnClose): Promise<Told> => {
  const api = openApi(stage.plane.kubeconfig)
  onClose(() => api.close())
  const witness = startWitness(api, timeline)
  onClose(witness.stop)
  onClose(startRegistryWitness(stage.fronts, timeline))

  const before = await observeFirst(stage, timeline, witness)
  await enforce(stage.kubectl)
  const text = `read what it would do, and let it: policy ${POLICY}, mode Observe → Enforce`
  timeline.say({ who: 'you', what: 'Enforce', text })
  await stage.kubectl(['apply', '-f', '-'], { input: secondPolicy() })
  const other = `apply a policy for the other registry, where ${REPAIRED_TOO.place} fails by the same incident`
  timeline.say({ who: 'you', what: 'Enforce', about: REPAIRED_TOO.place, text: other })

  timeline.waitFor('the policy waits until it has failed for 30 s')
  await witness.until(() => witness.runningAt.has(REPAIRED.place) || finished(witness.recordOf(REPAIRED.place)), {
    what: `a pod of ${REPAIRED.place} runs`,
    timeoutMs: 90_000,
  })
  timeline.waitFor('it must stay so before that counts as repaired')
  const finishedAt = (place: Place): Promise<number> =>
    witness.until(() => finished(witness.recordOf(place)), {
      what: `the Remediation of ${place} is finished`,
      timeoutMs: 60_000,
    })
  const verifiedAt = await finishedAt(REPAIRED.place)
  await finishedAt(REPAIRED_TOO.place)
  // The status after the last pod's end comes from another controller, at about the same time.
  for (const { place } of REPAIRS) {
    const isReady = (): boolean => (witness.deployments.get(place)?.status?.readyReplicas ?? 0) > 0
    await witness.until(isReady, { what: `${place} is ready`, timeoutMs: 10_000 })
  }
  timeline.waitFor(undefined)

  const outcome: Outcome = {
    repaired: REPAIRS,
    leftAlone: LEFT_ALONE,
    before,
    after: await listDeployments(stage),
    records: [...witness.records.values()],
    writes: readWrites(stage.plane.auditLog, CONTROLLER_USER),
  }
  const failedAt = witness.failedAt.get(REPAIRED.place) ?? verifiedAt
  const after = (at: number): number => Math.round((at - failedAt) / 100) / 10
  return {
    outcome,
    objections: objectionsTo(outcome),
    runningAfter: after(witness.runningAt.get(REPAIRED.place) ?? verifiedAt),
    verifiedAfter: after(verifiedAt),
  }
}
