import type { KubeObject } from '../api/kubernetes.ts'
import type { KubeClient, ListOptions } from './kube-client.ts'

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const MAX_PAGES = 4

/**
 * Whether resource version `a` is later than `b`. They are decimal numbers, ordered since Kubernetes has been on etcd
 * 3.
 */
export const laterVersion = (a: string, b: string): boolean => (a.length === b.length ? a > b : a.length > b.length)

export type ProbeResult =
  /**
   * Something changed after `since`, or of what is known something is gone: a watch that said nothing of it is dead.
   */
  | { readonly kind: 'Changed' }
  /** Nothing did, up to this version. */
  | { readonly kind: 'Unchanged'; readonly resourceVersion: string }
  /** More objects than a probe should read. */
  | { readonly kind: 'Unknown' }

interface Probe {
  readonly client: Pick<KubeClient, 'list'>
  readonly path: string
  readonly query: Pick<ListOptions, 'fieldSelector' | 'labelSelector'>
  readonly since: string
  /** By uid. */
  readonly known: ReadonlyMap<string, unknown>
}

/**
 * Asks whether a silent watch should have said something. Nothing but the collection itself can tell a quiet one from
 * a half-open connection: events have no watch cache and so no bookmarks, and for others the first bookmark of a watch
 * can take two minutes (measured on Kubernetes 1.36).
 */
export const probeForChange = async ({ client, path, query, since, known }: Probe): Promise<ProbeResult> => {
  const missing = new Set(known.keys())
  let token: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const list = await client.list<KubeObject>(path, { ...query, limit: 500, continue: token, accept: METADATA_ONLY })
    for (const { metadata } of list.items) {
      if (laterVersion(metadata.resourceVersion, since)) return { kind: 'Changed' }
      missing.delete(metadata.uid)
    }
    if (list.continue === undefined) {
      return missing.size > 0 ? { kind: 'Changed' } : { kind: 'Unchanged', resourceVersion: list.resourceVersion }
    }
    token = list.continue
  }
  return { kind: 'Unknown' }
}
