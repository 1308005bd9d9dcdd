import type { Cause } from '../../model/causes.ts'

/**
 * What a registry's answer may turn a cause into. Registries word a missing project, a missing repository and missing
 * rights alike, on purpose; a back-off hides the error altogether. Causes that are not listed are conclusive.
 */
const CAUSES_BEHIND: Partial<Record<Cause, readonly Cause[]>> = {
  Unauthorized: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'ManifestNotFound'],
  Forbidden: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'ManifestNotFound', 'Unauthorized'],
  RepositoryNotFoundOrDenied: ['ProjectNotFound', 'Unauthorized', 'ManifestNotFound'],
  ManifestNotFound: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'PlatformMismatch', 'Unauthorized'],
  ProjectNotFound: ['RepositoryNotFoundOrDenied', 'ManifestNotFound', 'Unauthorized'],
  BackOffOnly: [
    'ProjectNotFound',
    'RepositoryNotFoundOrDenied',
    'ManifestNotFound',
    'Unauthorized',
    'Forbidden',
    'RateLimited',
    'RegistryDNSFailure',
    'RegistryUnreachable',
    'RegistryServerError',
    'TLSUntrusted',
    'TLSHTTPMismatch',
    'PlatformMismatch',
  ],
}

/** Causes that a registry's answer may replace this one with; empty where the message is conclusive. */
export const possibleCausesOf = (cause: Cause): readonly Cause[] => CAUSES_BEHIND[cause] ?? []

/** What may be behind a back-off, whatever an Event reports about it. */
export const possibleCausesBehindBackOff = (cause: Cause): readonly Cause[] =>
  [...new Set([...possibleCausesOf(cause), ...possibleCausesOf('BackOffOnly')])].filter((other) => other !== cause)
