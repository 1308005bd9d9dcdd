import type { NodeCause } from '../../model/causes.ts'
import { activeFirewallUnits } from '../../model/firewall.ts'
import {
  type ApplicablePolicy,
  askFor,
  type DecisionInput,
  factsOfNode,
  nodeCauseOf,
} from '../../model/decision-input.ts'
import type { Facts } from '../../model/incident.ts'
import { mountHelperFor } from '../../model/mount-helpers.ts'
import { FLAG_PREFIX } from '../../model/names.ts'
import type { NodePlan } from '../../model/plan.ts'
import { policyOfStep, type Tried } from '../../model/remediation-state.ts'
import { aboutOneDetail, kubeletsRuntime, nodeBase, nodeDiff, podsOnNode } from '../node/plan.ts'
import { askForAnswers, isSandboxCause, sandboxOf } from '../node/sandboxes.ts'
import { type ActionStep, noPlan, type NoPlan, notApplicable, type Planned } from '../remedy.ts'
import { leaveOut } from '../text.ts'

export interface FlagNodePlan extends NodePlan {
  readonly type: 'FlagNode'
  readonly cause: NodeCause
  /** Value of the label and the taint, e.g. `nfs`. */
  readonly detail: string
  /** Reason and message of the condition. */
  readonly reason: string
  readonly message: string
  readonly taint: boolean
}

/** The flag of a node: the label value, and the text of the condition. */
export type Flag = Pick<FlagNodePlan, 'cause' | 'detail' | 'reason' | 'message'>
type FlagMarks = Pick<FlagNodePlan, 'cause' | 'detail' | 'taint'>

/** A label's value begins and ends with a letter or digit. */
const asLabel = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '') || 'true'

const helperMessage = (facts: Facts, fsType: string): string => {
  const missing = `nothing can mount file system type ${fsType} here: /sbin/mount.${fsType} is missing`
  const os = facts.inspection?.known && facts.inspection.value.os.known ? facts.inspection.value.os : undefined
  if (!os) return `${missing}; install the package that provides it (nfs-common or nfs-utils for nfs)`
  const helper = mountHelperFor(os, fsType)
  const named = os.name ?? os.id
  switch (helper.kind) {
    case 'Installable': {
      const { packageName, command } = helper
      return `${missing}; install ${packageName}${named ? ` (${named})` : ''}: ${command.join(' ')}`
    }
    case 'Immutable':
      return `${missing}; ${helper.why}: use a node image that has it, or a CSI driver, which needs no helper`
    case 'UnknownType':
    case 'UnknownOs':
      return `${missing}; ${helper.why}`
  }
}

const sayWipers = ({ inspection }: Facts): string => {
  const names = inspection?.known ? activeFirewallUnits(inspection.value) : []
  return names.length > 0
    ? `${names.join(' and ')} is active on the node and may remove it`
    : 'find what removes it (a firewall service, another iptables-restore)'
}

/** Upper case as file systems are written: `NFSHelperMissing`. */
const helperReason = (fsType: string): string => `${fsType.toUpperCase().replace(/[^A-Z0-9]/g, '')}HelperMissing`

/** The flag of a cause, from the inspection. */
export const flagOf = (facts: Facts, cause: NodeCause, found: string | undefined): Flag => {
  const runtime = kubeletsRuntime(facts) ?? 'the container runtime'
  const repair = (message: string): Flag => ({
    cause,
    detail: asLabel(found ?? 'true'),
    reason: 'NeedsRepair',
    message,
  })
  switch (cause) {
    case 'MountHelperMissing': {
      const fsType = found ?? 'unknown'
      return { cause, detail: asLabel(fsType), reason: helperReason(fsType), message: helperMessage(facts, fsType) }
    }
    case 'IptablesChainMissing': {
      const chain = found ?? 'of the runtime'
      return repair(
        `firewall chain ${chain} is missing: new pods get no network; its owner creates it when it is restarted; ${sayWipers(facts)}`,
      )
    }
    case 'RuntimeUnresponsive':
      return repair(`${runtime} does not respond: no pod starts or stops here; restart it, or the node`)
    case 'SandboxStale':
    case 'SandboxNameConflict':
      return repair(`${runtime} keeps dead sandboxes: some pods cannot start here; restart it, or the node`)
  }
}

/** Whether the node already has the flag, and the taint if the policy sets one. A taint from another policy may stay. */
export const isFlagged = ({ facts: { node } }: DecisionInput, { cause, detail, taint }: FlagMarks): boolean =>
  node?.known === true &&
  node.value.labels[`${FLAG_PREFIX}${cause}`] === detail &&
  node.value.conditions.some(({ type, status }) => type === cause && status === 'True') &&
  (!taint || node.value.taints.some(({ key, value }) => key === `${FLAG_PREFIX}${cause}` && value === detail))

/**
 * The existing flag from the last attempt of this policy: nothing is planned again until it is cleared or the policy
 * changes.
 */
export const flagStillStands = (c: DecisionInput, applicable: ApplicablePolicy, last: Tried): NoPlan | undefined => {
  const cause = nodeCauseOf(c)
  if (!cause) return undefined
  const { uid, generation } = policyOfStep(last.record, last.step)
  if (uid !== applicable.policy.uid || generation !== applicable.policy.generation) return undefined
  const { detail } = flagOf(c.facts, cause, aboutOneDetail(applicable).detail)
  // The same policy does not restore a taint that a person removed.
  if (!isFlagged(c, { cause, detail, taint: false })) return undefined
  return {
    reason: 'AttemptsSpent',
    message: `node ${c.incident.owner.ref.name} is flagged`,
    tryNext: false,
    noChangeNeeded: true,
  }
}

/** A node is flagged for dead sandboxes only after its agent found one; `says` if it found none. */
const withDeadSandbox = (
  c: DecisionInput,
  { matched, others }: Pick<ReturnType<typeof aboutOneDetail>, 'matched' | 'others'>,
) => {
  const found = sandboxOf(c)
  const none = matched.map(found).find((one) => one?.kind === 'None')
  return {
    matched: matched.filter((one) => found(one)?.kind === 'Dead'),
    others: [
      ...others,
      ...leaveOut(
        matched.filter((one) => found(one)?.kind !== 'Dead'),
        () => 'its agent found no dead sandbox of it',
      ),
    ],
    says: none?.kind === 'None' ? `its agent found no dead sandbox: ${none.says}` : undefined,
  }
}

/** Marks the failure on the node: a condition, a label and, if the policy sets it, a taint. */
export const planFlagNode = (
  c: DecisionInput,
  applicable: ApplicablePolicy,
  actionStep: ActionStep,
): Planned<FlagNodePlan> => {
  const cause = nodeCauseOf(c)
  if (cause === undefined) return notApplicable('RolloutBlocked', 'FlagNode applies only to failures of a node')
  const answers = askForAnswers(c)
  if (answers) return answers
  const { ref } = c.incident.owner
  const about = aboutOneDetail(applicable)
  const { detail } = about
  const { matched, others, says } = isSandboxCause(cause) ? withDeadSandbox(c, about) : { ...about, says: undefined }
  if (matched.length === 0) {
    const seen = says ?? 'no agent has acted on it: let RecycleSandbox come before FlagNode'
    return noPlan('FactUnknown', `only Events name ${cause}, and ${seen}`, true)
  }
  const ask = askFor(c.facts, [{ fact: 'node' }, ...factsOfNode(c)])
  if (ask) return ask
  const flag = flagOf(c.facts, cause, detail)
  const taint = actionStep.action.flagNode?.taint === 'NoSchedule'
  if (isFlagged(c, { ...flag, taint })) {
    const message = `node ${ref.name} is flagged: ${flag.message}`
    return { reason: 'AttemptsSpent', message, tryNext: true, noChangeNeeded: true }
  }
  const pods = podsOnNode({ matched })
  const label = `${FLAG_PREFIX}${cause}=${flag.detail}`
  const lines = [
    `+ condition ${cause}=True (${flag.reason}): ${flag.message}`,
    `+ label ${label}`,
    ...(taint ? [`+ taint ${label}:NoSchedule`] : []),
  ]
  const base = nodeBase(c, applicable, actionStep, { pods, what: lines })
  const diff = nodeDiff(ref, lines, pods)
  return { plan: { ...base, ...flag, type: 'FlagNode', taint, diff, leftOut: others } }
}
