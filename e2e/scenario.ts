/** What a scenario is, and what it is given. */
import type { Remediation, RemediationPolicy } from '../src/api/kinds.ts'
import type { Pod, Workload } from '../src/model/kubernetes.ts'
import type { Patience } from '../testbed/eventually.ts'
import type { KindCluster } from '../testbed/kind/cluster.ts'
import type { Kubectl } from '../testbed/kubectl.ts'
import type { Operator } from './operator.ts'
import type { Registries } from './registries.ts'

export interface Scenario {
  /** For `--only`; lower case with dashes, no two alike. */
  readonly name: string
  /** What should happen, in one sentence. */
  readonly title: string
  /** Belongs to the part that CI runs, `--core`. */
  readonly core?: true
  /** Disturbs others: runs alone, after those that run side by side. */
  readonly alone?: boolean
  /** Scenarios that name the same thing here, such as a node, run one after the other. */
  readonly lane?: string
  /** Needs nodes of our own image: Docker on them, and network plugins that fail on purpose. Left out on others. */
  readonly breaks?: true
  /** Default three minutes. */
  readonly timeoutMs?: number
  /** Throws if something is not as expected. */
  run(fixture: Fixture): Promise<void>
}

export interface Wanted {
  readonly phase?: string
  /** As in the Remediation's status. */
  readonly reason?: string
}

/** A scenario's part of the environment: a namespace of its own, deleted afterwards, and helpers. */
export interface Fixture {
  readonly cluster: KindCluster
  readonly registries: Registries
  readonly operator: Operator
  readonly kubectl: Kubectl
  /** Fresh, and only this scenario's. */
  readonly namespace: string
  /** Bytes of the audit log when it began: what an earlier run wrote to a cluster that was kept does not count. */
  readonly auditedFrom: number
  /** Aborted when the scenario's time is over or the run was interrupted. */
  readonly signal: AbortSignal
  /** Applies an object, as the administrator. */
  apply(object: object): Promise<string>
  /** `kubectl get … -o json`, parsed. */
  get<T>(...args: readonly string[]): Promise<T>
  /**
   * Applies a policy for the scenario's namespace (or another) that acts at once and knows where the project moved; `spec`
   * is laid over it. Named as the scenario's namespace, and removed after it.
   */
  policy(spec?: object, options?: { readonly name?: string; readonly namespace?: string }): Promise<RemediationPolicy>
  /** The only record of a namespace that is as wanted; of the others, which came before or after it, one is open at most. */
  record(wanted?: Wanted, options?: { readonly namespace?: string } & Patience): Promise<Remediation>
  records(namespace?: string): Promise<readonly Remediation[]>
  workload(kind: string, name?: string, namespace?: string): Promise<Workload>
  pods(labels?: string, namespace?: string): Promise<readonly Pod[]>
  /** The pods of these labels, once there are so many, all running and ready, none of them going. */
  running(count: number, labels?: string, options?: { readonly namespace?: string } & Patience): Promise<readonly Pod[]>
  /** The pods of these labels, once a container of one of them waits for this reason (default: back-off after a pull). */
  failing(labels?: string, options?: { readonly namespace?: string; readonly reason?: string } & Patience): Promise<Pod>
  /** Runs the attempt until it does not throw; patient by default. */
  eventually<T>(attempt: () => T | Promise<T>, patience?: Patience): Promise<T>
  /** Shown in the table at the end. */
  note(text: string): void
  /** Shown at once. */
  say(text: string): void
  /** Runs after the scenario, last registered first, however the scenario ended. */
  onEnd(close: () => unknown): void
}
