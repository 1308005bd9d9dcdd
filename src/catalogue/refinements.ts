import type { Cause } from '../model/causes.ts'

/**
 * What a registry's answer may turn a cause into. Registries word a missing project, a missing repository and missing
 * rights alike, on purpose; a back-off hides the error altogether. Causes that are not here stand as the message has them.
 */
const REFINEMENTS: Partial<Record<Cause, readonly Cause[]>> = {
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

/** Causes that a registry's answer may put in the place of this one; empty where the message settles it. */
export const refinements = (cause: Cause): readonly Cause[] => REFINEMENTS[cause] ?? []
