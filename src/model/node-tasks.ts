/** The closed vocabulary of node tasks. Without schemas, because the agent must stay small. */

/** The verbs of an agent; it does nothing else. */
export const NODE_VERBS = ['Inspect', 'RecycleSandbox', 'RestartRuntime'] as const
export type NodeVerb = (typeof NODE_VERBS)[number]

/** Runtimes that can be restarted. The agent knows the unit of each; a task cannot name a unit. */
export const NODE_RUNTIMES = ['docker', 'containerd', 'crio'] as const
export type NodeRuntime = (typeof NODE_RUNTIMES)[number]

/** Why a runtime should be restarted: the agent checks this, and refuses if it does not apply. */
export const RESTART_REASONS = ['ChainMissing', 'Unresponsive', 'SandboxesStuck'] as const
export type RestartReason = (typeof RESTART_REASONS)[number]

/** The agent's status. `Running` is its intent, written before the action; the others are final. */
export const TASK_PHASES = ['Running', 'Succeeded', 'Failed', 'Refused'] as const
export type TaskPhase = (typeof TASK_PHASES)[number]

/** Why a task was refused or failed; `Done` if it succeeded, `AlreadyDone` if there was nothing to do. */
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

/** Whether the agent has written the result of a task. */
export const isFinished = ({
  status,
}: {
  readonly status?: { readonly phase?: TaskPhase | undefined } | undefined
}): boolean => status?.phase !== undefined && status.phase !== 'Running'
