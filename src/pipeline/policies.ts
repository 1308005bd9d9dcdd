import type { KubeObject } from '../api/kubernetes.ts'
import type { PolicyInForce } from '../decide/case.ts'

/** What became of a policy object: in force, or refused with a sentence for each fault. */
export type Admitted =
  | { readonly ok: true; readonly policy: PolicyInForce; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly sentences: readonly string[] }

export interface KnownPolicy {
  readonly object: KubeObject
  readonly admitted: Admitted
}

/** Policies by uid, understood once when they change. A bad one is kept apart; the good ones go on. */
export interface Policies {
  /** Whether anything that decisions rest on changed: a status that we wrote ourselves changes nothing. */
  readonly put: (object: KubeObject) => boolean
  readonly drop: (uid: string) => void
  readonly known: () => readonly KnownPolicy[]
  readonly inForce: () => readonly PolicyInForce[]
}

export const createPolicies = (admit: (object: KubeObject) => Admitted): Policies => {
  const byUid = new Map<string, KnownPolicy>()
  let inForce: readonly PolicyInForce[] = []
  const collect = (): void => {
    inForce = [...byUid.values()].flatMap(({ admitted }) => (admitted.ok ? [admitted.policy] : []))
  }
  return {
    put: (object) => {
      const before = byUid.get(object.metadata.uid)
      const same = before !== undefined && before.object.metadata.generation === object.metadata.generation
      byUid.set(object.metadata.uid, { object, admitted: same ? before.admitted : admit(object) })
      if (!same) collect()
      return !same
    },
    drop: (uid) => {
      byUid.delete(uid)
      collect()
    },
    known: () => [...byUid.values()],
    inForce: () => inForce,
  }
}
