/** Shared code for the messages, diffs and hashes of plans. */
import { createHash } from 'node:crypto'
import type { ActionType } from '../api/policy/actions.ts'
import type { ObjectRef } from '../model/kubernetes.ts'
import type { Matched } from '../model/decision-input.ts'
import type { ImageEdit, PlacedChange, Plan, PodLeft, PodToDelete } from '../model/plan.ts'
import { isNodeItself } from '../model/pod.ts'

/** Limit of the record's schema. */
const MAX_DIFF = 16_000
const MAX_PODS_SHOWN = 20

const pathOf = ({ kind, namespace, name }: ObjectRef): string =>
  `${kind.toLowerCase()}/${namespace ? `${namespace}/` : ''}${name}`

const podLines = (pods: readonly PodToDelete[]): readonly string[] => {
  const shown = pods
    .slice(0, MAX_PODS_SHOWN)
    .map(({ namespace, name, uid }) => `- pod/${namespace}/${name} (uid ${uid})`)
  const more = pods.length - shown.length
  return pods.length === 0 ? [] : ['@@ pods @@', ...shown, ...(more > 0 ? [`- and ${more} more`] : [])]
}

const editLines = ({ target, changes }: Pick<ImageEdit, 'target' | 'changes'>): readonly string[] => [
  `--- a/${pathOf(target)}`,
  `+++ b/${pathOf(target)}`,
  ...changes
    .filter(({ was, to }) => was !== to)
    .flatMap(({ pointer, container, was, to }) => [
      `@@ ${pointer} (${container}) @@`,
      `- image: ${was}`,
      `+ image: ${to}`,
    ]),
]

/** The plan as a unified diff of the affected fields: of the target, of deleted pods, of patched pods. */
export const diffOf = (
  target: ObjectRef,
  changes: readonly PlacedChange[],
  pods: readonly PodToDelete[],
  edits: readonly ImageEdit[] = [],
): string => {
  const more = edits.length - MAX_PODS_SHOWN
  const written = changes.some(({ was, to }) => was !== to) || edits.length === 0
  const lines = [
    ...(written ? editLines({ target, changes }) : []),
    ...podLines(pods),
    ...edits.slice(0, MAX_PODS_SHOWN).flatMap(editLines),
    ...(more > 0 ? [`@@ and ${more} more pods in the same way @@`] : []),
  ]
  return lines.join('\n').slice(0, MAX_DIFF)
}

// What a plan leaves out: named as data, and in its diff for whoever approves it.

const sayUnproven = ({ finding: { container, init, cause, ruledOut } }: Matched): string => {
  const which = container === '' ? '' : `${init ? 'init container' : 'container'} ${container}: `
  return ruledOut === undefined
    ? `${which}only an Event reports ${cause}; nothing confirms it`
    : `${which}${cause} is ruled out: ${ruledOut}`
}

/** Failing pods as those that a plan leaves out; each with the first reason, a node itself not at all. */
export const leaveOut = <M extends Matched>(left: readonly M[], why: (matched: M) => string): readonly PodLeft[] => {
  const pods = left.filter(({ failing }) => !isNodeItself(failing.pod))
  const named = pods.map((matched): readonly [string, PodLeft] => {
    const { namespace, name, uid } = matched.failing.pod.metadata
    return [uid, { ...(namespace !== undefined && { namespace }), name, uid, why: why(matched) }]
  })
  return [...new Map(named.toReversed()).values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

interface Touched {
  readonly changes?: readonly { readonly container: string; readonly init: boolean }[] | undefined
  readonly pods?: readonly { readonly uid: string }[] | undefined
}

const isTouched = ({ changes, pods = [] }: Touched, { failing, finding }: Matched): boolean =>
  changes === undefined
    ? pods.some(({ uid }) => uid === failing.pod.metadata.uid)
    : changes.some(({ container, init }) => container === finding.container && init === finding.init)

/** The plan with the pods that are left out because nothing proves their failure; `touched` is what it writes to. */
export const namingLeftOut = <P extends Plan>(plan: P, unproven: readonly Matched[], touched: Touched): P => {
  const left = leaveOut(
    unproven.filter((matched) => !isTouched(touched, matched)),
    sayUnproven,
  )
  const leftOut = [...(plan.leftOut ?? []), ...left.filter(({ uid }) => !plan.leftOut?.some((one) => one.uid === uid))]
  if (leftOut.length === 0) return plan
  const shown = leftOut.slice(0, MAX_PODS_SHOWN).map(({ namespace, name, why }) => {
    const pod = namespace === undefined ? name : `${namespace}/${name}`
    return `  pod/${pod}: ${why}`
  })
  const more = leftOut.length - shown.length
  const lines = ['@@ left out @@', ...shown, ...(more > 0 ? [`  and ${more} more`] : [])]
  return { ...plan, leftOut, diff: [plan.diff, ...lines].join('\n').slice(0, MAX_DIFF) }
}

interface Hashed {
  /** Of the policy. */
  readonly generation: number
  readonly type: ActionType
  readonly target: ObjectRef
  readonly changes: readonly PlacedChange[]
  readonly pods: readonly PodToDelete[]
  /** The template is not written: an approval of that does not cover a write to the template. */
  readonly podsOnly?: boolean
}

/**
 * Hash of the changes, their target and the generation of the policy: 64 hex digits. Excludes resourceVersions, index and
 * digests, so that it is stable between evaluations; an approval names it.
 */
export const hashOf = ({ generation, type, target, changes, pods, podsOnly }: Hashed): string => {
  const canonical = JSON.stringify([
    generation,
    type,
    target.uid,
    changes.map(({ container, init, from, to }) => [container, init, from, to]).toSorted(byText),
    pods.map(({ uid }) => uid).toSorted(),
    ...(podsOnly === true ? ['pods only'] : []),
  ])
  return createHash('sha256').update(canonical).digest('hex')
}

/** uids of pods that a plan shows beside its own change. */
export interface Shown {
  /** Running pods that it stops. */
  readonly stops?: readonly string[]
  /** Failing pods for which it is done, of a remedy that writes to none of them. */
  readonly pods?: readonly string[]
}

/**
 * The same plan in another attempt, under another policy, stopping other pods or for other pods is a different plan: an
 * approval covers one execution of what was shown.
 */
export const hashOfAttempt = (hash: string, attempt: number, policyUid: string, { stops, pods }: Shown): string =>
  createHash('sha256')
    .update(JSON.stringify([hash, attempt, policyUid, stops?.toSorted() ?? [], pods?.toSorted() ?? []]))
    .digest('hex')

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

/** `Deployment shop/web`. */
export const nameOf = ({ kind, namespace, name }: ObjectRef): string =>
  `${kind} ${namespace ? `${namespace}/` : ''}${name}`

/** `pods a, b and 3 more`. */
export const sayPods = (
  pods: readonly { readonly name: string; readonly namespace?: string | undefined }[],
): string => {
  const names = pods.slice(0, 5).map(({ name, namespace }) => (namespace === undefined ? name : `${namespace}/${name}`))
  return `${pods.length === 1 ? 'pod' : 'pods'} ${names.join(', ')}${pods.length > 5 ? ` and ${pods.length - 5} more` : ''}`
}

/** For writes to workloads and pods. */
export const POD_WRITTEN = {
  written: 'the API server accepted the write',
  awaited: 'the containers to start and keep running',
} as const
