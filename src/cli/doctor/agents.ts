/** What `doctor` checks of the node agents. */
import type { NodeTask, RemediationPolicy } from '../../api/kinds.ts'
import { type KubeClient, listAll } from '../../kube/client.ts'
import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { parseTime } from '../../model/duration.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import { API_VERSION, NODE_TASK_POLICY } from '../../model/names.ts'
import { ACTION_TYPES, type ActionType } from '../../api/policy/actions.ts'
import { remedyOf } from '../../remedies/list.ts'
import { type Admission, ADMISSION_TODO, readAdmission, weaknessOf } from './admission.ts'
import { type Check, fail, ok, orUndefined, unreadable, warn } from './check.ts'

/** The names of the checks. */
export const AGENT_CHECKS = {
  agent: 'node agent',
  chains: 'node agent settings',
  tasks: 'node tasks',
  overdue: 'node task status',
} as const

/** Actions that need an agent. */
const NODE_ACTIONS = ACTION_TYPES.filter((type) => remedyOf(type).needsAgent)

const MAX_NAMED = 5

/** An agent that starts or finishes in time reports a little later, and clocks differ. */
const GRACE_MS = 30_000

/** What is read of a DaemonSet. */
export interface DaemonSet extends KubeObject {
  readonly spec?: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly args?: readonly string[] }[] } }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly desiredNumberScheduled?: number
    readonly numberReady?: number
  }
}

const named = (names: readonly string[]): string => {
  const more = names.length - MAX_NAMED
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

const agentPodsCommand = (namespace: string): string =>
  `kubectl -n ${namespace} get pods -l app.kubernetes.io/component=agent -o wide`

/** Whether each node that should have an agent has one that is ready. */
export const checkDaemonSet = ({ metadata, status }: DaemonSet, namespace: string): Check => {
  const { desiredNumberScheduled: desired = 0, numberReady: ready = 0, observedGeneration = 0 } = status ?? {}
  const describe = `kubectl -n ${namespace} describe daemonset ${metadata.name}`
  if (observedGeneration < (metadata.generation ?? 0)) {
    return warn(
      AGENT_CHECKS.agent,
      `DaemonSet ${metadata.name} was changed, and the change is not rolled out yet`,
      describe,
    )
  }
  if (desired === 0) {
    return warn(AGENT_CHECKS.agent, 'installed, but agent.nodeSelector matches no node', describe)
  }
  const message = `${ready} of ${desired} ready`
  return ready < desired
    ? warn(AGENT_CHECKS.agent, `${message}: failures on the other nodes stay unknown`, agentPodsCommand(namespace))
    : ok(AGENT_CHECKS.agent, message)
}

/** No agent: ok unless a policy enables an action that needs one. */
export const checkAbsentAgent = (policies: readonly RemediationPolicy[]): Check => {
  const absent = 'no agent is installed on the nodes'
  const wanted = (policy: RemediationPolicy): readonly ActionType[] =>
    policy.spec.mode === 'Observe'
      ? []
      : policy.spec.actions.map(({ type }) => type).filter((type) => NODE_ACTIONS.includes(type))
  const asking = policies.filter((policy) => wanted(policy).length > 0)
  if (asking.length === 0) return ok(AGENT_CHECKS.agent, `${absent}: node failures are explained at most`)
  const names = named(asking.map(({ metadata }) => metadata.name))
  const actions = NODE_ACTIONS.filter((type) => asking.some((policy) => wanted(policy).includes(type)))
  return warn(
    AGENT_CHECKS.agent,
    `${absent}, but ${asking.length === 1 ? `policy ${names} needs` : `policies ${names} need`} one for ${actions.join(', ')}`,
    'set agent.enabled=true in the chart (docs/node-agent.md), or mode Observe in the policy',
  )
}

/** What the agent must be allowed to read before a missing chain is confirmed: its flag, and the chart's value. */
const FOR_CHAINS = [
  ['--chains', 'agent.chains.enabled=true'],
  ['--docker-config', 'agent.docker.enabled=true'],
  ['--system-bus', 'agent.systemBus.enabled=true'],
] as const

/** Undefined unless a policy acts on a missing chain: without these settings each of its incidents is held. */
export const checkChainSettings = ({ spec }: DaemonSet, policies: readonly RemediationPolicy[]): Check | undefined => {
  const acting = policies.filter(
    ({ spec: { mode, match, actions } }) =>
      mode !== 'Observe' && actions.length > 0 && match.causes.includes('IptablesChainMissing'),
  )
  if (acting.length === 0) return undefined
  const args = spec?.template.spec.containers.flatMap((container) => container.args ?? []) ?? []
  const lacking = FOR_CHAINS.filter(([flag]) => !args.some((arg) => arg === flag || arg.startsWith(`${flag}=`)))
  if (lacking.length === 0) return ok(AGENT_CHECKS.chains, 'the agents may read what a missing chain depends on')
  const names = named(acting.map(({ metadata }) => metadata.name))
  const who = acting.length === 1 ? `policy ${names} acts` : `policies ${names} act`
  return warn(
    AGENT_CHECKS.chains,
    `${who} on IptablesChainMissing, and the agents run without ${lacking.map(([flag]) => flag).join(', ')}: whether a chain is missing stays unknown`,
    `set ${lacking.map(([, value]) => value).join(', ')} in the chart (docs/node-agent.md)`,
  )
}

/** Whether tasks can be created, and whether the API server checks who creates them and who reports on them. */
export const checkNodeTaskKind = (served: boolean, admission: Admission): Check => {
  const check = AGENT_CHECKS.tasks
  if (!served) return fail(check, 'kind NodeTask is not served, so agents get no tasks', 'kubectl apply -f crds/')
  const weakness = weaknessOf(admission, NODE_TASK_POLICY)
  if (!weakness)
    return ok(check, 'kind NodeTask is served, and the API server checks who creates tasks and who reports on them')
  const anyone = 'anyone who may write NodeTasks can give tasks to nodes, and an agent can report for any node'
  return weakness.denies === 'some'
    ? warn(check, weakness.message, ADMISSION_TODO)
    : fail(check, `${weakness.message}: ${anyone}`, ADMISSION_TODO)
}

const isOverdue = ({ spec, status }: NodeTask, now: number): boolean => {
  const isOpen = status?.phase === undefined || status.phase === 'Running'
  const deadline = parseTime(spec.deadline)
  return isOpen && deadline !== undefined && now > deadline + GRACE_MS
}

/** Tasks that are still open after their deadline. */
export const checkOverdueTasks = (tasks: readonly NodeTask[], namespace: string, now: number): Check => {
  const overdue = tasks.filter((task) => isOverdue(task, now))
  if (overdue.length === 0) return ok(AGENT_CHECKS.overdue, 'no task is past its deadline')
  const nodes = [...new Set(overdue.map(({ spec }) => spec.nodeName))].toSorted()
  const verbs = [...new Set(overdue.map(({ spec }) => spec.verb))].toSorted().join(', ')
  const who = nodes.length === 1 ? `agent on node ${named(nodes)} does` : `agents on nodes ${named(nodes)} do`
  return warn(AGENT_CHECKS.overdue, `the ${who} not respond: ${verbs} past the deadline`, agentPodsCommand(namespace))
}

// What `doctor` reads of the node agents.

type Client = Pick<KubeClient, 'get' | 'list'>

const DAEMON_SET = 'podmend-agent'

/** `installed` is undefined where it cannot be seen. */
interface Installation {
  readonly installed?: boolean
  readonly check: Check
  readonly settings?: Check | undefined
}

const readDaemonSet = (
  client: Client,
  namespace: string,
  policies: readonly RemediationPolicy[],
): Promise<Installation> =>
  client
    .get<DaemonSet>(pathOf({ kind: 'DaemonSet', namespace, name: DAEMON_SET }))
    .catch(orUndefined)
    .then(
      (found) =>
        found
          ? {
              installed: true,
              check: checkDaemonSet(found, namespace),
              settings: checkChainSettings(found, policies),
            }
          : { installed: false, check: checkAbsentAgent(policies) },
      (error: unknown) => ({ check: unreadable(AGENT_CHECKS.agent)(error) }),
    )

/** The group's resources as everybody may read them, whatever rights on them there are. */
interface Discovery {
  readonly resources?: readonly { readonly kind?: string }[]
}

const readNodeTaskKind = (client: Client): Promise<Check> =>
  Promise.all([
    client.get<Discovery>(`/apis/${API_VERSION}`).catch(orUndefined),
    readAdmission(client, NODE_TASK_POLICY),
  ])
    .then(([group, admission]) =>
      checkNodeTaskKind(group?.resources?.some(({ kind }) => kind === 'NodeTask') === true, admission),
    )
    .catch(unreadable(AGENT_CHECKS.tasks))

const readNodeTasks = (client: Client, namespace: string, now: number): Promise<Check | undefined> =>
  listAll<NodeTask>(client, pathOf({ kind: 'NodeTask', namespace })).then(
    ({ items }) => checkOverdueTasks(items, namespace, now),
    // Without the kind there are no tasks: another check reports that.
    (error: unknown) => (notFound(error) ? undefined : unreadable(AGENT_CHECKS.overdue)(error)),
  )

/** One check where there is no agent and no policy that needs one; `now` in ms since the epoch. */
export const readAgents = async (
  client: Client,
  namespace: string,
  policies: readonly RemediationPolicy[],
  now: number,
): Promise<readonly Check[]> => {
  const { installed, check, settings } = await readDaemonSet(client, namespace, policies)
  if (installed === false) return [check]
  const [tasks, answers] = await Promise.all([
    installed === true ? readNodeTaskKind(client) : undefined,
    readNodeTasks(client, namespace, now),
  ])
  return [check, settings, tasks, answers].filter((one) => one !== undefined)
}
