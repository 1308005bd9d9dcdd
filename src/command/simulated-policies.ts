/** The policies of a simulation: those of the files in the place of their namesakes in the cluster. Pure. */
import { isDeepStrictEqual } from 'node:util'
import { admitPolicy } from '../api/admit-policy.ts'
import type { RemediationPolicy } from '../api/objects.ts'
import type { PolicyInForce } from '../decide/case.ts'
import type { FileEntry } from './policy-files.ts'

export interface PolicyReport {
  readonly name: string
  readonly at: string
  readonly ok: boolean
  readonly mode?: string
  /** Why it would not be in force. */
  readonly sentences: readonly string[]
  readonly warnings: readonly string[]
}

/** What the server would give it: a new policy a first generation, a changed one the next. */
const asIfApplied = (object: object, known: RemediationPolicy | undefined): object => {
  const given = object as { readonly metadata: object; readonly spec?: unknown }
  const { uid, generation = 1 } = known?.metadata ?? {}
  const changed = known !== undefined && !isDeepStrictEqual(known.spec, given.spec)
  const name = (given.metadata as { readonly name: string }).name
  return {
    ...given,
    metadata: { ...given.metadata, uid: uid ?? `file/${name}`, generation: changed ? generation + 1 : generation },
  }
}

/** Admits each; a bad one is reported with its sentences, and so is the second of two with one name. */
export const admitEntries = (
  entries: readonly FileEntry[],
  inCluster: readonly RemediationPolicy[],
): { readonly reports: readonly PolicyReport[]; readonly policies: readonly PolicyInForce[] } => {
  const reports: PolicyReport[] = []
  const policies = new Map<string, PolicyInForce>()
  for (const entry of entries) {
    if (entry.kind !== 'Policy') {
      const said = [entry.sentence]
      reports.push({
        name: '',
        at: entry.at,
        ok: entry.kind === 'Skipped',
        sentences: entry.kind === 'Error' ? said : [],
        warnings: entry.kind === 'Skipped' ? said : [],
      })
      continue
    }
    const { name } = entry.object.metadata
    const report = { name, at: entry.at }
    if (reports.some((other) => other.name === name)) {
      reports.push({
        ...report,
        ok: false,
        sentences: [`metadata.name: ${name} stands in these files twice`],
        warnings: [],
      })
      continue
    }
    const known = inCluster.find(({ metadata }) => metadata.name === name)
    const admission = admitPolicy(asIfApplied(entry.object, known))
    if (!admission.ok) {
      reports.push({ ...report, ok: false, sentences: admission.sentences, warnings: [] })
      continue
    }
    policies.set(name, admission.policy)
    reports.push({ ...report, ok: true, mode: admission.policy.spec.mode, sentences: [], warnings: admission.warnings })
  }
  return { reports, policies: [...policies.values()] }
}

/** Those of the files, and of the cluster those that no file names; a name whose file is bad is left out. */
export const joinPolicies = (
  inCluster: readonly PolicyInForce[],
  inFiles: readonly PolicyInForce[],
  reports: readonly PolicyReport[],
): readonly PolicyInForce[] => [
  ...inFiles,
  ...inCluster.filter(({ name }) => !reports.some((report) => report.name === name)),
]
