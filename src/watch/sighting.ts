import type { Pod } from '../api/kubernetes.ts'

/** A pod by what does not change about it. */
export interface PodRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** What somebody's Event says of a pod. Only a word: it makes us look, it never proves. */
export interface Word {
  readonly reason: string
  /** At most 4 KiB; an aggregation prefix is left in place. */
  readonly message: string
  /** Container that the Event's fieldPath names, if it does. */
  readonly container?: string
  /** Who reported it, e.g. `kubelet`. */
  readonly reporter: string
  /** Latest of the Event's four times, in ms since the epoch. */
  readonly lastSeen: number
}

/** All that is kept of a pod that may be broken: never kept of a healthy one. */
export interface Sighting {
  readonly ref: PodRef
  /** The pod as the Pending watch last showed it; absent where only an Event spoke of it. */
  readonly pod?: Pod
  /** Newest word for each reason and container, at most 16. */
  readonly words: readonly Word[]
}
