/** What a person reads before deciding: pure. */
import { governingPolicy } from '../api/governing-policy.ts'
import type { Remediation } from '../api/objects.ts'
import { shortHash } from './approve-record.ts'
import { ago, field, type TextOptions } from './incident-text.ts'
import { paintDiff } from './output.ts'

/** The plan that is proposed: what fails, since when, by which policy, until when, and the change itself. */
export const proposalText = (record: Remediation, options: TextOptions): string => {
  const { paint, now } = options
  const { metadata, spec, status } = record
  const { kind, name } = spec.target
  const { planHash = '', expiresAt, firstSeen, failingPods, action, steps = [] } = status ?? {}
  const pods = failingPods === undefined ? '' : `, ${failingPods} failing ${failingPods === 1 ? 'pod' : 'pods'}`
  const before = spec.approval
  const diff = steps.findLast((step) => step.planHash === planHash)?.diff
  const lines = [
    paint.bold(`Remediation ${metadata.name} in namespace ${metadata.namespace}`),
    ...field('target', `${kind} ${name} fails: ${status?.cause ?? spec.cause}${pods}`, options),
    ...(firstSeen === undefined ? [] : field('since', ago(firstSeen, now), options)),
    ...field('policy', governingPolicy(record).name, options),
    ...(before === undefined
      ? []
      : field('before', `${before.by} ${before.decision.toLowerCase()} plan ${shortHash(before.planHash)}`, options)),
    ...field('plan', `${shortHash(planHash)}: ${action ?? 'unknown'}`, options),
    ...(expiresAt === undefined ? [] : field('until', expiresAt.replace(/\.\d+Z$/, 'Z'), options)),
    ...(diff === undefined ? [] : ['', paintDiff(diff, paint)]),
  ]
  return `${lines.join('\n')}\n`
}
