import type { LoopDelay } from './contenders.ts'
import type { Costs } from './costs.ts'
import type { Latency } from './latency.ts'
import type { Memory } from './memory.ts'
import type { Remedy } from './objects.ts'

export interface P1 {
  /** ms: the bare loop's p50 from the commit to the response to its write. */
  readonly f: number
  /** ms: the same by the clock of the bare process, from the line of the watch on. */
  readonly fOwnClock: number
  readonly podmend: Latency
  readonly reference: Latency
}

export interface Residence {
  readonly name: string
  readonly empty: Memory
  readonly full: Memory
}

export interface P5 {
  readonly remedy: Remedy
  /** Incidents one after the other, or many at a time. */
  readonly load: string
  readonly podmend: Costs
  readonly reference: Costs
}

export interface P6 {
  readonly name: string
  readonly calls: number
  readonly connections: number
  /** Of these, before the first incident. */
  readonly atStart: number
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
  readonly sync: readonly SyncDelay[]
}

/** The event loop while all pods are read. */
export interface SyncDelay extends LoopDelay {
  readonly name: string
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

export interface Results {
  readonly date: string
  readonly machine: Machine
  readonly healthy: number
  readonly incidents: number
  readonly perSecond: number
  readonly p1?: P1
  readonly p3?: readonly Residence[]
  readonly p5?: readonly P5[]
  readonly p6?: readonly P6[]
  readonly p10?: P10
  readonly p11?: P11
}
