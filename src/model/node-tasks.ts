/** The closed vocabulary of node tasks. Free of schemas, for the agent must stay small. */

/** What an agent can be asked; there is nothing else that it would do. */
export const NODE_VERBS = ['Inspect', 'RecycleSandbox', 'RestartRuntime'] as const
export type NodeVerb = (typeof NODE_VERBS)[number]

/** Runtimes that can be restarted. The agent knows the unit of each; a task cannot name a unit. */
export const NODE_RUNTIMES = ['docker', 'containerd', 'crio'] as const
export type NodeRuntime = (typeof NODE_RUNTIMES)[number]

/** Why a runtime is to be restarted: the agent checks it, and refuses where it is not so (any more). */
export const RESTART_REASONS = ['ChainMissing', 'Unresponsive', 'SandboxesStuck'] as const
export type RestartReason = (typeof RESTART_REASONS)[number]

/** The agent's status. `Running` is its intent, written before the act; the others are final. */
export const TASK_PHASES = ['Running', 'Succeeded', 'Failed', 'Refused'] as const
export type TaskPhase = (typeof TASK_PHASES)[number]

/** Why a task was refused or failed, in one word; `Done` where it succeeded, `AlreadyDone` where nothing was left to do. */
export const TASK_REASONS = [
  'Accepted',
  'Done',
  'AlreadyDone',
  'DeadlinePassed',
  'OtherNode',
  'VerbNotAllowed',
  'NotNeeded',
  'SandboxInUse',
  'UnitMissing',
  'ProbeFailed',
  'Interrupted',
  'TimedOut',
  'Error',
] as const
export type TaskReason = (typeof TASK_REASONS)[number]

/** systemd unit of each runtime: the allow-list. */
export const RUNTIME_UNITS: Readonly<Record<NodeRuntime, string>> = {
  docker: 'docker.service',
  containerd: 'containerd.service',
  crio: 'crio.service',
}
