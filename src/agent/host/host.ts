/** What the verbs need of the node that they run on; implemented over D-Bus and CRI, and by nothing in tests of the rest. */

/** A unit as reported by systemd. */
export interface UnitState {
  readonly name: string
  /** loaded, not-found, masked, … */
  readonly load: string
  /** active, inactive, failed, activating, deactivating. */
  readonly active: string
  /** enabled, disabled, static, masked; empty where systemd says nothing. */
  readonly enabled: string
  /** Hexadecimal; another one with each start. Absent where the unit never ran. */
  readonly invocationId?: string
  /** RFC 3339. */
  readonly activeSince?: string
}

/** systemd on the node. Each call rejects with a sentence where the bus cannot be reached or says no. */
export interface Systemd {
  unit(name: string): Promise<UnitState>
  /** Command lines of the processes of a service, else those of its unit file. They may hold secrets: never report them. */
  commands(name: string): Promise<readonly string[]>
  /** Restarts a unit of the allow-list and waits for the job: `done`, or what else systemd says of it. */
  restart(name: string, timeoutMs: number): Promise<string>
  close(): void
}

export interface Sandbox {
  readonly id: string
  readonly state: 'ready' | 'notready'
  /** ms since the epoch. */
  readonly createdAt: number
}

/** The container runtime of the kubelet. Opened anew often enough that a restarted runtime does not matter. */
export interface Cri {
  version(timeoutMs: number): Promise<{ readonly name: string; readonly version: string; readonly tookMs: number }>
  sandboxesOf(podUid: string): Promise<readonly Sandbox[]>
  runningContainers(sandboxId: string): Promise<number>
  stop(sandboxId: string): Promise<void>
  /** One that is gone already counts as removed. */
  remove(sandboxId: string): Promise<void>
  close(): void
}
