import type { ActionType } from '../api/reasons.ts'
import type { Clock } from '../runtime/clock.ts'

/** What the actors need of the Kubernetes API; `KubeClient` of runtime/ has this shape. Everything rejects with `KubeError`. */
export interface ActApi {
  get<T>(path: string): Promise<T>
  create<T>(path: string, body: unknown, options?: { query?: Readonly<Record<string, string>> }): Promise<T>
  patch<T>(
    path: string,
    body: unknown,
    options: { readonly type: 'json'; readonly dryRun?: boolean; readonly fieldManager?: string },
  ): Promise<T>
  remove<T>(
    path: string,
    body?: {
      readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
      readonly dryRun?: readonly 'All'[]
    },
  ): Promise<T>
}

export interface ActDeps {
  readonly kube: ActApi
  readonly clock: Clock
  /** Switched off at install, whatever rights allow. */
  readonly refusedActions?: readonly ActionType[]
  /** The operator's own, where orders to agents and the pods that install lie. */
  readonly namespace?: string
  /** Where remediators share leases of nodes; without it none is taken. */
  readonly nodeLeaseNamespace?: string
  /** Image of the agent, which the pod that installs a mount helper runs as well; without it nothing is installed. */
  readonly agentImage?: AgentImage
}

export interface AgentImage {
  readonly name: string
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined
  readonly pullSecrets?: readonly string[] | undefined
  /** Socket on the nodes; /run/dbus/system_bus_socket by default. */
  readonly systemBus?: string | undefined
  /** Of the pod's security context, where AppArmor or SELinux would forbid it the system bus. */
  readonly appArmorProfile?: Readonly<Record<string, string>> | undefined
  readonly seLinuxOptions?: Readonly<Record<string, string>> | undefined
}
