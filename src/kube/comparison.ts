/**
 * Compares a collection with what a watch of it delivered. A bookmark promises that everything up to its version was delivered; a
 * proxy, or a server that is broken, may have dropped it and gone on with bookmarks.
 */
import type { KubeObject, ObjectMeta } from '../model/kubernetes.ts'
import { type Clock, sleep } from '../runtime/clock.ts'
import type { KubeClient, ListOptions } from './client.ts'
import { laterVersion, METADATA_ONLY_LIST } from './watch-stream.ts'

/** Pauses between comparisons: while something is in the collection, and while nothing is. */
const PAUSE_MS = { busy: 60_000, empty: 300_000 }
/** A deletion that only the list shows may still be on its way to the watch. */
const GRACE_MS = 3_000
const MAX_PAGES = 4

interface Compared {
  readonly client: Pick<KubeClient, 'list'>
  readonly path: string
  readonly query: Pick<ListOptions, 'fieldSelector' | 'labelSelector'>
  /** Everything that is kept of the collection, by uid. */
  readonly known: ReadonlyMap<string, Pick<ObjectMeta, 'resourceVersion'>>
}

interface Undelivered {
  /** Certain: the change is not later than the bookmark. */
  readonly changed: boolean
  /** uids of objects that are not there any more. */
  readonly gone: readonly string[]
}

/** Undefined if the collection is too large for that. */
const findUndelivered = async (
  { client, path, query, known }: Compared,
  since: string,
): Promise<Undelivered | undefined> => {
  const versions = new Map([...known].map(([uid, { resourceVersion }]) => [uid, resourceVersion]))
  let changed = false
  let token: string | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const options = { ...query, limit: 500, continue: token, accept: METADATA_ONLY_LIST }
    const list = await client.list<KubeObject>(path, options)
    for (const { metadata } of list.items) {
      const before = versions.get(metadata.uid)
      const isNews = before === undefined || laterVersion(metadata.resourceVersion, before)
      changed ||= isNews && !laterVersion(metadata.resourceVersion, since)
      versions.delete(metadata.uid)
    }
    if (list.continue === undefined) return { changed, gone: [...versions.keys()] }
    token = list.continue
  }
  return undefined
}

interface ComparisonOptions extends Compared {
  readonly clock: Clock
  readonly onUndelivered: () => void
}

/** Compares at bookmarks, at most once a minute: one list of metadata, as large as the collection. */
export const createComparison = ({ clock, onUndelivered, ...compared }: ComparisonOptions) => {
  let comparedAt = 0

  const compare = async (since: string, watching: AbortSignal): Promise<void> => {
    const found = await findUndelivered(compared, since).catch(() => undefined)
    if (!found) return
    if (!found.changed && found.gone.length > 0) await sleep(clock, GRACE_MS, watching)
    const isUndelivered = found.changed || found.gone.some((uid) => compared.known.has(uid))
    if (isUndelivered && !watching.aborted) onUndelivered()
  }

  return {
    /** Everything was just listed. */
    listed: (): void => {
      comparedAt = clock.monotonic()
    },
    /** `since`: the version of the bookmark. */
    atBookmark: (since: string, watching: AbortSignal): void => {
      const pauseMs = compared.known.size > 0 ? PAUSE_MS.busy : PAUSE_MS.empty
      if (clock.monotonic() - comparedAt < pauseMs) return
      comparedAt = clock.monotonic()
      void compare(since, watching)
    },
  }
}
