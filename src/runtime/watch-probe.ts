import type { KubeObject } from '../api/kubernetes.ts'
import type { KubeClient, ListOptions } from './kube-client.ts'

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const MAX_PAGES = 4

/** Whether resource version `a` is later than `b`. They are decimal numbers, ordered since Kubernetes has been on etcd 3. */
export const laterVersion = (a: string, b: string): boolean => (a.length === b.length ? a > b : a.length > b.length)

export type ProbeResult =
  /** Something changed after `since`: a watch that said nothing of it is dead. */
  | { readonly kind: 'Newer' }
  /** Nothing did, up to this version. */
  | { readonly kind: 'Nothing'; readonly resourceVersion: string }
  /** More objects than a probe should read. */
  | { readonly kind: 'Unknown' }

/**
 * Asks whether a silent watch should have said something. Events have no watch cache and so no periodic bookmarks:
 * silence there is quiet or a half-open connection, and nothing but the collection itself can tell.
 */
export const probeForNewer = async (
  client: Pick<KubeClient, 'list'>,
  path: string,
  query: Pick<ListOptions, 'fieldSelector' | 'labelSelector'>,
  since: string,
): Promise<ProbeResult> => {
  let token: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const list = await client.list<KubeObject>(path, { ...query, limit: 500, continue: token, accept: METADATA_ONLY })
    if (list.items.some(({ metadata }) => laterVersion(metadata.resourceVersion, since))) return { kind: 'Newer' }
    if (list.continue === undefined) return { kind: 'Nothing', resourceVersion: list.resourceVersion }
    token = list.continue
  }
  return { kind: 'Unknown' }
}
