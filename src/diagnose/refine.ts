import type { Cause } from '../api/causes.ts'
import type { Fact, Finding, NodeFacts, RegistryAnswer } from './incident.ts'

/** What a missing thing in the registry makes of a cause. */
const CAUSE_OF: Partial<Record<RegistryAnswer['kind'], Cause>> = {
  projectMissing: 'ProjectNotFound',
  repositoryMissing: 'RepositoryNotFoundOrDenied',
  tagMissing: 'ManifestNotFound',
}

/** Causes that a registry's refusal of the pod's own credentials confirms. */
const DENIALS: ReadonlySet<Cause> = new Set<Cause>(['Unauthorized', 'Forbidden', 'RepositoryNotFoundOrDenied'])

const confirmed = (finding: Finding, cause: Cause): Finding => {
  const { row, ...rest } = finding
  return {
    ...rest,
    ...(cause === finding.cause && row !== undefined && { row }),
    cause,
    witness: 'registry',
    mayBe: [],
  }
}

const isOpen = ({ cause, mayBe }: Finding, to: Cause): boolean => cause === to || mayBe.includes(to)

/**
 * A finding in the light of what the registry says of the image that the pod has now. Only what the registry knows by
 * itself counts: that it cannot be reached from here, or counts our pulls, says nothing of the node. Pure.
 */
export const refine = (finding: Finding, answer: RegistryAnswer, node: Fact<NodeFacts> | undefined): Finding => {
  switch (answer.kind) {
    case 'projectMissing':
    case 'repositoryMissing':
    case 'tagMissing': {
      const cause = CAUSE_OF[answer.kind] ?? finding.cause
      return isOpen(finding, cause) ? confirmed(finding, cause) : { ...finding, mayBe: [] }
    }
    case 'denied': {
      // The node may have credentials that are nowhere to be seen: what anybody is denied proves nothing of the pod.
      if (!answer.withCredentials) return { ...finding, mayBe: [] }
      if (DENIALS.has(finding.cause)) return confirmed(finding, finding.cause)
      return isOpen(finding, 'Unauthorized') ? confirmed(finding, 'Unauthorized') : { ...finding, mayBe: [] }
    }
    case 'exists': {
      const platform = node?.known === true ? node.value.platform : ''
      const fits = platform === '' || answer.platforms.length === 0 || answer.platforms.includes(platform)
      if (!fits && isOpen(finding, 'PlatformMismatch')) return confirmed(finding, 'PlatformMismatch')
      return { ...finding, mayBe: [] }
    }
    case 'limited':
    case 'unreachable':
    case 'refused':
      return finding
  }
}
