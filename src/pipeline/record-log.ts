import { governingPolicy } from '../api/governing-policy.ts'
import type { Remediation } from '../api/objects.ts'
import type { Log } from '../runtime/log.ts'

/** One line for each move of a record: what was decided or done, and why. */
export const logRecord = (log: Log, record: Remediation): void => {
  const { metadata, spec, status } = record
  if (!status?.phase) return
  const { namespace, name } = metadata
  log.info('remediation moved', {
    phase: status.phase,
    reason: status.reason,
    target: [spec.target.kind, [spec.target.namespace, spec.target.name].filter(Boolean).join('/')].join(' '),
    cause: status.cause ?? spec.cause,
    policy: governingPolicy(record).name,
    record: `${namespace ?? ''}/${name}`,
    says: status.message,
  })
}
