/** Mutants that no test can notice, or need not, by reason. */
import type { Mutant } from './mutants.ts'

export interface Equivalent {
  readonly why: string
  /**
   * By file, each as `npm run mutants` prints it; followed by ` in ` and the line where the same stands on others too. Twice
   * where it is there twice.
   */
  readonly mutants: Readonly<Record<string, readonly string[]>>
}

export const EQUIVALENT: readonly Equivalent[] = [
  {
    why: 'askFor has returned where the fact was not read: the chain is for the compiler',
    mutants: {
      'src/decide/guardrails/evidence.ts': [
        'inspection?.known → inspection.known',
        'inspection?.why → inspection.why',
        'node?.known → node.known',
        'facts.pods?.known → facts.pods.known',
        'fact?.known → fact.known',
      ],
      'src/decide/guardrails/permission.ts': ['namespace?.known → namespace.known'],
      'src/decide/match.ts': [
        'node?.known → node.known in if (nodeSelector && node?.known && !selects(nodeSelector, node.value.labels)) return undefined',
        'node?.known → node.known in if (node?.known === false) return { unknown: `whether nodeSelector matches is unknown: ${node.why}` }',
      ],
      'src/remedies/flag-node/resume.ts': ['node?.known → node.known', 'node?.known → node.known'],
      'src/remedies/install-mount-helper/plan.ts': ['inspection?.known → inspection.known'],
      'src/remedies/install-mount-helper/resume.ts': [
        'installer?.known → installer.known',
        'installer?.why → installer.why',
      ],
      'src/remedies/install-mount-helper/verify.ts': [
        'installer?.known → installer.known',
        'inspection?.known → inspection.known',
        'inspection?.known → inspection.known',
      ],
      'src/remedies/node-tasks/plan.ts': ['tasks?.known → tasks.known', 'tasks?.why → tasks.why'],
      'src/remedies/node-tasks/verify.ts': ['tasks?.known → tasks.known'],
      'src/remedies/node/plan.ts': [
        "inspection?.known → inspection.known in inspection?.known === false ? inspection.why : 'the node was not inspected'",
      ],
      'src/remedies/node/verify.ts': ['nodePods?.known → nodePods.known'],
      'src/remedies/recycle-pod/resume.ts': ['seen?.known → seen.known', 'seen?.why → seen.why'],
      'src/remedies/restart-runtime/plan.ts': [
        'inspection?.known → inspection.known',
        'inspection?.known → inspection.known',
        'optOuts?.known → optOuts.known',
        'inspection?.known → inspection.known',
        'nodePods?.known → nodePods.known',
        'nodePods?.known → nodePods.known',
      ],
      'src/remedies/restart-runtime/verify.ts': ['node?.known → node.known'],
      'src/remedies/rewrite-image/plan.ts': ['node?.known → node.known', 'pods?.known → pods.known'],
      'src/remedies/rewrite-image/resume.ts': [
        "seen?.known → seen.known in if (needsPods && !seen?.known) return { unseen: seen?.why ?? 'the pods were not read' }",
        'seen?.why → seen.why',
        "pods?.known → pods.known in if (owner.patchesPods && !pods?.known) return { unseen: pods?.why ?? 'not read' }",
        'pods?.why → pods.why',
      ],
    },
  },
  {
    why: 'only the sign of a comparison counts, and no two that are sorted have the same name',
    mutants: {
      'src/remedies/node/plan.ts': ['nameOf(a) < nameOf(b) → (nameOf(a)) <= (nameOf(b))', '1 → (2)', '1 → (2)'],
      'src/remedies/recycle-pod/plan.ts': ['a.name < b.name → (a.name) <= (b.name)', '1 → (2)', '1 → (2)'],
      'src/remedies/rewrite-image/plan.ts': [
        'a.pointer < b.pointer → (a.pointer) <= (b.pointer)',
        '1 → (2)',
        '1 → (2)',
      ],
      'src/remedies/text.ts': [
        'a.name < b.name → (a.name) <= (b.name)',
        '1 → (2)',
        '1 → (2)',
        'JSON.stringify(a) < JSON.stringify(b) → (JSON.stringify(a)) <= (JSON.stringify(b))',
        '1 → (2)',
        '1 → (2)',
      ],
    },
  },
  {
    why: 'a step of this action has it on its record; the schema alone leaves it open',
    mutants: {
      'src/decide/attempt/in-progress.ts': ['status?.steps → status.steps'],
      'src/decide/guardrails/target.ts': [
        'record.status?.steps?.some → record.status?.steps.some',
        'record.status?.steps → record.status.steps',
        'step.changes?.some → step.changes.some',
      ],
      'src/remedies/flag-node/resume.ts': ['step.node?.detail → step.node.detail'],
      'src/remedies/flag-node/verify.ts': ['inProgress.step.node?.message → inProgress.step.node.message'],
      'src/remedies/install-mount-helper/resume.ts': ['step.node?.tasks → step.node.tasks'],
      'src/remedies/install-mount-helper/verify.ts': [
        'inProgress.step.node?.tasks → inProgress.step.node.tasks',
        'step.node?.detail → step.node.detail',
      ],
      'src/remedies/node-tasks/plan.ts': ['node?.tasks → node.tasks'],
      'src/remedies/node-tasks/verify.ts': ['step.node?.tasks → step.node.tasks'],
      'src/remedies/recycle-pod/verify.ts': ['step.pods?.map → step.pods.map', 'step.pods?.map → step.pods.map'],
      'src/remedies/recycle-sandbox/resume.ts': ['step.node?.tasks → step.node.tasks'],
      'src/remedies/restart-runtime/plan.ts': ['step.node?.reason → step.node.reason'],
      'src/remedies/restart-runtime/verify.ts': [
        'step.node?.reason → step.node.reason',
        'step.node?.reason → step.node.reason',
        'step.node?.reason → step.node.reason',
      ],
      'src/remedies/rewrite-image/resume.ts': [
        'step.changes?.some → step.changes.some',
        'step.changes?.some → step.changes.some',
      ],
      'src/remedies/rewrite-image/verify.ts': [
        'step.changes?.find → step.changes.find',
        'step.changes?.some → step.changes.some',
      ],
    },
  },
  {
    why: 'any time long past means the same',
    mutants: {
      'src/decide/attempt/in-progress.ts': ['0 → (1)', '0 → (-1)'],
      'src/remedies/node-tasks/verify.ts': [
        '0 → (1) in const until = Math.max(...open.map(({ spec }) => parseTime(spec.deadline) ?? 0)) + GRACE_MS',
        '0 → (-1) in const until = Math.max(...open.map(({ spec }) => parseTime(spec.deadline) ?? 0)) + GRACE_MS',
        '0 → (1) in at: Math.max(...done.map(({ status }) => parseTime(status?.finishedAt) ?? 0)),',
        '0 → (-1) in at: Math.max(...done.map(({ status }) => parseTime(status?.finishedAt) ?? 0)),',
      ],
      'src/remedies/node/verify.ts': [
        "0 → (-1) in if (condition) return condition.status === 'True' ? (parseTime(condition.lastTransitionTime) ?? 0) : undefined",
        '0 → (-1) in const at = parseTime(state?.running?.startedAt) ?? (state?.terminated || lastState?.terminated ? 0 : undefined)',
      ],
      'src/remedies/restart-runtime/verify.ts': ['0 → (1)', '0 → (-1)', '0 → (1)', '0 → (-1)'],
    },
  },
  {
    why: 'the case does what those below it, or none, would do',
    mutants: {
      'src/decide/guardrails/permission.ts': ["'Approved' → ''"],
      'src/remedies/flag-node/plan.ts': ["'UnknownOs' → ''", "'SandboxNameConflict' → ''"],
      'src/remedies/recycle-sandbox/plan.ts': [
        "'IptablesChainMissing' → ''",
        "'SandboxStale' → ''",
        "'SandboxNameConflict' → ''",
      ],
    },
  },
  {
    why: 'a pod has a namespace: the default is for the compiler',
    mutants: {
      'src/decide/match.ts': ["'' → 'mutant'", "'' → 'mutant'"],
      'src/remedies/node/plan.ts': ["'' → 'mutant'"],
      'src/remedies/recycle-pod/plan.ts': ["'' → 'mutant'"],
      'src/remedies/rewrite-image/plan.ts': [
        "'' → 'mutant' in .map(({ metadata: { namespace = '', name, uid, resourceVersion } }) => ({ namespace, name, uid, resourceVersion }))",
      ],
    },
  },
]

const textsOf = ({ before, after, source }: Mutant): readonly string[] => [
  `${before} → ${after}`,
  `${before} → ${after} in ${source}`,
]

/** Why no test needs to notice the mutant; undefined if it is not listed. */
export const reasonFor = (entries: readonly Equivalent[], mutant: Mutant): string | undefined => {
  const texts = textsOf(mutant)
  return entries.find(({ mutants }) => mutants[mutant.file]?.some((text) => texts.includes(text)))?.why
}

/** What is wrong with the entries on these files: each must be about mutants that are there. */
export const staleEntries = (
  entries: readonly Equivalent[],
  files: readonly string[],
  mutants: readonly Mutant[],
): readonly string[] =>
  files.flatMap((file) => {
    const there = mutants.filter((mutant) => mutant.file === file)
    const listed = entries.flatMap((entry) => entry.mutants[file] ?? [])
    return [...new Set(listed)].flatMap((text) => {
      const found = there.filter((mutant) => textsOf(mutant).includes(text)).length
      const expected = listed.filter((one) => one === text).length
      return found === expected ? [] : [`${file}: "${text}" is listed ${expected} times and there ${found} times`]
    })
  })
