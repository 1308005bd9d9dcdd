import type { RemediationPolicy } from '../api/kinds.ts'
import type { Admission } from '../api/policy/compile.ts'
import { laterVersion } from '../kube/watch-stream.ts'
import type { PolicyInForce } from '../model/decision-input.ts'
import type { KubeObject } from '../model/kubernetes.ts'

export interface KnownPolicy {
  readonly object: KubeObject
  readonly admitted: Admission
}

/** Policies by uid, compiled once per change. An invalid policy does not affect the others. */
export interface PolicyCache {
  /** Returns whether anything changed that decisions depend on; a status that we wrote does not count. */
  readonly put: (object: KubeObject) => boolean
  readonly drop: (uid: string) => void
  /** Accepts any version of each known policy once more: the API server was restored to an earlier state. */
  readonly forgetVersions: () => void
  /** Disables policies by name, until called again. */
  readonly exclude: (names: readonly string[]) => void
  readonly known: () => readonly KnownPolicy[]
  readonly inForce: () => readonly PolicyInForce[]
  /** The object as last watched, so that its status can be written without a read. */
  readonly named: (name: string) => RemediationPolicy | undefined
}

export const createPolicyCache = (admit: (object: unknown) => Admission): PolicyCache => {
  const byUid = new Map<string, KnownPolicy>()
  /** Policies whose known version means nothing. */
  const versionless = new Set<string>()
  let excluded: ReadonlySet<string> = new Set()
  let inForce: readonly PolicyInForce[] = []
  const collect = (): void => {
    inForce = [...byUid.values()].flatMap(({ admitted }) =>
      admitted.ok && !excluded.has(admitted.policy.name) ? [admitted.policy] : [],
    )
  }
  return {
    put: (object) => {
      const { uid, resourceVersion } = object.metadata
      const before = versionless.delete(uid) ? undefined : byUid.get(uid)
      // A policy is also read before a write, while its watch may already be ahead.
      if (before && laterVersion(before.object.metadata.resourceVersion, resourceVersion)) return false
      const same = before !== undefined && before.object.metadata.generation === object.metadata.generation
      byUid.set(uid, { object, admitted: same ? before.admitted : admit(object) })
      if (!same) collect()
      return !same
    },
    drop: (uid) => {
      byUid.delete(uid)
      versionless.delete(uid)
      collect()
    },
    forgetVersions: () => {
      for (const uid of byUid.keys()) versionless.add(uid)
    },
    exclude: (names) => {
      excluded = new Set(names)
      collect()
    },
    known: () => [...byUid.values()],
    inForce: () => inForce,
    named: (name) =>
      [...byUid.values()].find(({ object }) => object.metadata.name === name)?.object as RemediationPolicy | undefined,
  }
}
