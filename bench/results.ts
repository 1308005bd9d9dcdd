import type { LoopDelay } from './contenders.ts'
import type { Costs } from './costs.ts'
import type { Latency } from './latency.ts'
import type { Memory } from './memory.ts'
import type { Remedy } from './objects.ts'
import type { Row } from './options.ts'

/** Of a contender, `podmend` first. */
export interface Named {
  readonly name: string
}

export interface P1 {
  /** ms: the bare loop's p50 from the commit to the response to its write. */
  readonly f: number
  /** ms: the same by the clock of the bare process, from the line of the watch on. */
  readonly fOwnClock: number
  readonly perSecond: number
  readonly contenders: readonly (Named & { readonly latency: Latency })[]
}

export interface P2 {
  readonly workloads: number
  /** Actions per second that podmend may begin. */
  readonly limit: number
  readonly contenders: readonly (Named & {
    /** Seconds from the first failing status to the arrival of the last action. */
    readonly lastS: number
    readonly missed: number
    /** Writes that removed a pod, of which each workload needs one. */
    readonly actions: number
  })[]
}

export interface P3 {
  /** Healthy pods in `full`. */
  readonly pods: number
  readonly contenders: readonly (Named & { readonly empty: Memory; readonly full: Memory })[]
}

export interface ColdStart extends Named {
  /** ms; absent if it was killed or not ready in time. */
  readonly readyMs?: number
  readonly peak?: number
  readonly settled?: number
  /** Why it was not ready. */
  readonly why?: string
}

export interface P4 {
  readonly pods: number
  /** Bytes. */
  readonly limit: number
  /** By the kernel, or the heap alone by Node.js where control groups cannot be made. */
  readonly by: 'cgroup' | 'node'
  readonly contenders: readonly ColdStart[]
}

export interface P5 {
  readonly remedy: Remedy
  /** Incidents one after the other, or many at a time. */
  readonly load: string
  readonly podmend: Costs
  readonly reference: Costs
}

export interface P6 extends Named {
  readonly calls: number
  readonly connections: number
  /** Of these, before the first incident. */
  readonly atStart: number
}

export interface P7 {
  readonly seconds: number
  readonly contenders: readonly (Named & {
    readonly watches: number
    /** Watches that ended by themselves while nothing happened. */
    readonly ended: number
    /** Mean of the `timeoutSeconds` that the contender asks for; the API server's minimum if it asks for none. */
    readonly askedSeconds: number
  })[]
}

export interface P8 {
  readonly pods: number
  /** ms from exec to ready, the median. */
  readonly contenders: readonly (Named & { readonly readyMs: number })[]
}

export interface P9 {
  readonly patterns: number
  readonly memory: Memory
}

/** Medians of idle agents. */
export interface P10 {
  readonly agents: number
  /** How long they were observed. */
  readonly seconds: number
  readonly memory: Memory
  /** Thousandths of a core. */
  readonly milliCpu: number
  /** Requests of one agent: restarts of its watch, and all others. */
  readonly watchesAnHour: number
  readonly othersAnHour: number
}

/** Messages per second, and ms. */
export interface P11 {
  readonly messages: number
  readonly rows: number
  readonly classified: number
  /** The same rows in a plain loop. */
  readonly loop: number
  readonly policies: number
  /** Messages that were compared with the patterns of all these policies. */
  readonly matched: number
  /** The slowest valid pattern on the longest text that is matched. */
  readonly slowest: { readonly source: string; readonly ms: number }
  /** Healthy pods that were read. */
  readonly pods: number
  /** The event loop while all pods are read. */
  readonly sync: readonly (Named & LoopDelay)[]
}

/** Bytes from the API server per second, TLS included. */
export interface P12 {
  readonly pods: number
  readonly updatesPerSecond: number
  readonly seconds: number
  /** Of a watch of all pods. */
  readonly unfiltered: number
  readonly contenders: readonly (Named & { readonly bytes: number })[]
}

export interface P13 {
  readonly incidents: number
  /** Seconds from the moment at which all connections became half-open. */
  readonly contenders: readonly (Named & {
    /** To the next request of the contender that arrived. */
    readonly noticedS: number
    /** To the arrival of its last action. */
    readonly healedS: number
    readonly missed: number
  })[]
}

export interface P15 {
  readonly incidents: number
  readonly seconds: number
  /** Changes of a pod's status that were written, per second. */
  readonly flipsPerSecond: number
  /** Why they were held, and how many. */
  readonly held: Readonly<Record<string, number>>
  /** Requests of podmend per incident and minute. */
  readonly each: number
  readonly requests: Readonly<Record<string, number>>
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  /** The load average of the last minute before the start. */
  readonly load: number
  readonly node: string
  readonly kubernetes: string
}

export interface Figures {
  readonly P1: P1
  readonly P2: P2
  readonly P3: P3
  readonly P4: P4
  readonly P5: readonly P5[]
  readonly P6: readonly P6[]
  readonly P7: P7
  readonly P8: P8
  readonly P9: P9
  readonly P10: P10
  readonly P11: P11
  readonly P12: P12
  readonly P13: P13
  readonly P15: P15
}

/** One row, when and where it was measured, and what that cost. */
export interface Entry<R extends Row> {
  readonly date: string
  readonly machine: Machine
  readonly tookS: number
  readonly figures: Figures[R]
}

export type Results = { readonly [R in Row]?: Entry<R> }
