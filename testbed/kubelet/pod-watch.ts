import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from './api.ts'
import type { Pod } from './objects.ts'

interface PodList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly Pod[]
}

interface WatchLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: Pod
}

interface Handlers {
  /** Also for what did not change: after each list. */
  readonly onPod: (pod: Pod) => void
  readonly onGone: (pod: Pod) => void
}

const RETRY_MS = 250

/** Lists, then watches, all pods until the signal; begins anew after any failure. Never rejects. */
export const watchPods = async (api: Api, { onPod, onGone }: Handlers, signal: AbortSignal): Promise<void> => {
  const list = async (): Promise<string> => {
    let next = ''
    for (;;) {
      const page = await api.call<PodList>('GET', `/api/v1/pods?limit=500&continue=${encodeURIComponent(next)}`)
      page.items.forEach(onPod)
      next = page.metadata.continue ?? ''
      if (next === '') return page.metadata.resourceVersion
    }
  }
  while (!signal.aborted) {
    try {
      let version = await list()
      let isFresh = true
      while (isFresh && !signal.aborted) {
        await api.watch(
          `/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=${version}`,
          (line) => {
            const { type, object } = line as WatchLine
            if (type === 'ERROR') {
              isFresh = false
              return
            }
            version = object.metadata.resourceVersion
            if (type === 'DELETED') onGone(object)
            else if (type !== 'BOOKMARK') onPod(object)
          },
          signal,
        )
      }
    } catch {
      // The API server is away or has forgotten the version: list again.
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
  }
}
