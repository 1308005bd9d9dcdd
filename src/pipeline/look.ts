import type { IncidentArea } from '../api/causes.ts'
import type { Pod } from '../api/kubernetes.ts'
import { areaOfFinding } from '../diagnose/findings.ts'
import type { FailingPod } from '../diagnose/incident.ts'
import type { Board } from '../watch/board.ts'
import type { PodRef, Word } from '../watch/sighting.ts'
import type { Filing, Incidents } from './incidents.ts'

/** What a look at one pod needs. */
export interface LookDeps {
  readonly board: Pick<Board, 'get' | 'forget'>
  readonly incidents: Incidents
  /** The pod as it is now; undefined where it is gone or another pod has its name. */
  readonly readPod: (ref: PodRef) => Promise<Pod | undefined>
  /** Under what a pod that fails so is filed. */
  readonly file: (failing: FailingPod, areas: readonly IncidentArea[]) => Promise<readonly Filing[]>
  readonly examine: (pod: Pod, words: readonly Word[]) => FailingPod
  readonly enqueue: (key: string) => void
}

/** Areas in which a pod fails now; empty for a healthy one. */
export const failingAreas = (failing: FailingPod): readonly IncidentArea[] => [
  ...new Set(failing.findings.flatMap((finding) => areaOfFinding(finding) ?? [])),
]

/** Looks at one pod that may be broken and files it under the incidents of its owner and its node, or takes it out of them. */
export const createLook =
  ({ board, incidents, readPod, file, examine, enqueue }: LookDeps) =>
  async (uid: string): Promise<void> => {
    const recovered = (): void => incidents.recovered(uid).forEach(enqueue)

    const sighting = board.get(uid)
    if (!sighting) return recovered()
    const pod = sighting.pod ?? (await readPod(sighting.ref))
    if (!pod || pod.metadata.deletionTimestamp !== undefined) {
      board.forget(uid)
      return recovered()
    }
    const failing = examine(pod, sighting.words)
    const areas = failingAreas(failing)
    if (areas.length === 0) {
      // A pod that runs again is forgotten with its words; one that is only starting may still say more.
      if (!sighting.pod) board.forget(uid)
      return recovered()
    }
    // Who owns a pod does not change while it fails; what it says does, with each Event and each back-off.
    const filed = incidents.refile(failing, areas)
    if (filed) return filed.forEach(enqueue)
    incidents.report(failing, await file(failing, areas)).forEach(enqueue)
  }
