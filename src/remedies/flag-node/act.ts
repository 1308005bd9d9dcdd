/** FlagNode: sets or removes a condition, a label and optionally a taint on a node. */
import { conflict, invalid, notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import type { NodeCause } from '../../model/causes.ts'
import type { Node } from '../../model/kubernetes.ts'
import type { Outcome } from '../../model/plan.ts'
import type { RbacGrant } from '../../model/rbac.ts'
import type { PatchOperation } from '../rewrite-image/json-patch.ts'
import { currentNode, type NodeRef } from '../node/current.ts'
import { type ActDeps, refusalIfDisabled, refusalOf } from '../writes.ts'
import { flagPatch, statusPatch, type WantedFlag } from './json-patch.ts'
import type { FlagNodePlan } from './plan.ts'

export const RBAC: RbacGrant = {
  action: 'FlagNode',
  rules: [
    {
      apiGroups: [''],
      resources: ['nodes'],
      verbs: ['get', 'patch'],
      why: 'to add a label and a taint to a node that lacks something, and to remove them',
    },
    {
      apiGroups: [''],
      resources: ['nodes/status'],
      verbs: ['patch'],
      why: 'to write a node condition that says what the node lacks',
    },
  ],
}

/** Retry limit; a kubelet writes its node's status every few seconds at most. */
const MAX_ROUNDS = 6

/** Patches a node; after a conflict, rebuilds the patch from a fresh read. */
const patchNode = async (
  ref: NodeRef,
  subresource: 'status' | undefined,
  patchOf: (node: Node) => readonly PatchOperation[],
  deps: ActDeps,
): Promise<'Patched' | Exclude<Outcome, { kind: 'Done' }>> => {
  const { name } = ref
  let seen: string | undefined
  for (let round = 1; ; round += 1) {
    const current = await currentNode(ref, deps)
    if ('stale' in current) return current.stale
    const { node } = current
    const body = patchOf(node)
    if (body.length === 0) return { kind: 'AlreadyDone' }
    try {
      await deps.kube.patch(pathOf({ kind: 'Node', name, subresource }), body, { type: 'json' })
      return 'Patched'
    } catch (error) {
      if (notFound(error)) return { kind: 'Stale', why: `node ${name} is gone` }
      const moved = conflict(error) || invalid(error)
      // If the object has not changed, the request itself is rejected.
      if (!moved || node.metadata.resourceVersion === seen || round === MAX_ROUNDS) {
        const refused = refusalOf(error)
        if (refused) return refused
        if (moved) return { kind: 'Stale', why: `node ${name} keeps changing` }
        throw new Error(`patching node ${name}`, { cause: error })
      }
      seen = node.metadata.resourceVersion
    }
  }
}

/** The condition first: it explains the label and the taint. */
const writeFlag = async (node: NodeRef, wanted: WantedFlag, deps: ActDeps): Promise<Outcome> => {
  const { clock } = deps
  const condition = await patchNode(node, 'status', (now) => statusPatch(now, wanted, clock.now()), deps)
  if (condition !== 'Patched' && condition.kind !== 'AlreadyDone') return condition
  const marks = await patchNode(node, undefined, (now) => flagPatch(now, wanted), deps)
  if (marks !== 'Patched' && marks.kind !== 'AlreadyDone') return marks
  if (condition !== 'Patched' && marks !== 'Patched') return { kind: 'AlreadyDone' }
  const ref = { kind: 'Node', name: node.name, uid: node.uid }
  return { kind: 'Done', at: clock.now(), wrote: [{ verb: 'flagged', ref }], left: [] }
}

/** Flags the node; idempotent. Throws if the outcome is unknown. */
export const act = (plan: FlagNodePlan, deps: ActDeps): Promise<Outcome> => {
  const { cause, detail, reason, message, taint } = plan
  return writeFlag(plan.target, { cause, status: 'True', reason, message, mark: { value: detail, taint } }, deps)
}

export interface Clearing extends NodeRef {
  readonly cause: NodeCause
  /** Why it is over, in a sentence. */
  readonly message: string
}

/**
 * Removes a flag: sets the condition to False and removes label and taint. Writes nothing without a flag, to a node that
 * opted out, or if the action is disabled.
 */
export const clearFlag = async ({ name, uid, cause, message }: Clearing, deps: ActDeps): Promise<Outcome> =>
  refusalIfDisabled('FlagNode', deps) ??
  writeFlag({ name, uid }, { cause, status: 'False', reason: 'Recovered', message }, deps)
