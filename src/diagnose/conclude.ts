import type { Evidence } from '../api/remediation.ts'
import { areaOfFinding, type Cause, isNodeCause, type NodeCause } from '../model/causes.ts'
import { normalImage } from '../model/image-reference.ts'
import { serves } from '../model/decision-input.ts'
import {
  type Diagnosis,
  type Fact,
  type FactName,
  type Facts,
  type FailingPod,
  type Finding,
  type Incident,
  nodeOfPod,
  type PodNode,
  type RegistryAnswer,
} from '../model/incident.ts'
import { evidence, MAX_EVIDENCE } from './incident.ts'
import type { Gather } from './gather.ts'
import { permanentFix } from './gitops/source.ts'
import { detailFacts, explainImages } from './image/explanations.ts'
import { confirmOnNode, evidenceOfNode, permanentFixOfNode } from './node/conclude.ts'

const SOURCE_RANK = { registry: 0, agent: 0, kubelet: 1, event: 2 } as const

const isBare = ({ cause }: Finding): boolean => cause === 'BackOffOnly' || cause === 'Unknown'

/** Confirmed findings before reported ones, a cause before a bare back-off. */
const rankOf = (finding: Finding): number =>
  SOURCE_RANK[finding.source] + (finding.cause === 'BackOffOnly' ? 10 : isBare(finding) ? 20 : 0)

/** What fails: of a node each message, for it names what the pod waits for; else a container and its image. */
const subjectOf = ({ container, init, image, cause, message }: Finding): string =>
  JSON.stringify(isNodeCause(cause) ? [message] : [container, init, image])

/** The different causes of one subject, each by its firmest finding. A bare back-off only where no pod shows what is behind it. */
const distinctCauses = (findings: readonly Finding[]): readonly Finding[] => {
  const firmest = findings.toSorted((a, b) => rankOf(a) - rankOf(b))
  const explained = firmest.filter((finding) => !isBare(finding))
  const told = explained.length > 0 ? explained : firmest.slice(0, 1)
  return told.filter(({ cause }, at) => told.findIndex((other) => other.cause === cause) === at)
}

/** Each failure once; firmest first. */
const distinctFailures = (pods: readonly FailingPod[]): readonly Finding[] => {
  const bySubject = Map.groupBy(
    pods.flatMap(({ findings }) => findings),
    subjectOf,
  )
  return [...bySubject.values()].flatMap(distinctCauses).toSorted((a, b) => rankOf(a) - rankOf(b))
}

/** Each pod with its own findings in the area of the incident, as `refineOne` makes them of all that is known. */
const judge = (
  { pods, area }: Incident,
  refineOne: (finding: Finding, pod: FailingPod['pod']) => Finding,
): readonly FailingPod[] =>
  pods.map(({ pod, findings, since }) => ({
    pod,
    findings: findings.filter((finding) => areaOfFinding(finding) === area).map((finding) => refineOne(finding, pod)),
    since,
  }))

/** A registry's answer as a sentence that a person can check. */
export const describeAnswer = (image: string, fact: Fact<RegistryAnswer>): string => {
  if (!fact.known) return `${image}: not asked (${fact.why})`
  const answer = fact.value
  switch (answer.kind) {
    case 'exists': {
      const platforms = answer.platforms.length === 0 ? '' : ` for ${answer.platforms.join(', ')}`
      return `${image} exists (${answer.digest})${platforms}`
    }
    case 'projectMissing':
      return `the project of ${image} does not exist: ${answer.message}`
    case 'repositoryMissing':
      return `the repository of ${image} does not exist: ${answer.message}`
    case 'tagMissing':
      return `${image} does not exist in its repository: ${answer.message}`
    case 'denied':
      return answer.withCredentials
        ? `access to ${image} is denied with the pod's pull secret: ${answer.message}`
        : `anonymous pull of ${image} is denied: ${answer.message}. No pull secret of the pod applies; credentials of the node itself (a credential provider, its own configuration) are not visible from here`
    case 'limited':
      return `${image}: the registry limits requests from here: ${answer.message}`
    case 'unreachable':
      return `${image}: the registry cannot be reached from here: ${answer.message}. The node may still reach it`
    case 'refused':
      return `${image} was not looked up: ${answer.message}`
  }
}

const describeListed = (image: string, what: 'tags' | 'repositories', listed: Fact<readonly string[]>): string =>
  listed.known
    ? `${image}: its registry lists ${listed.value.length} ${what}`
    : `${image}: its registry does not list ${what}: ${listed.why}`

/** What was read to distinguish a wrong name from missing credentials. */
const evidenceOfDetails = ({ anonymous = {}, tags = {}, repositories = {}, knownImages }: Facts) => [
  ...Object.entries(anonymous).map(([image, answer]) =>
    evidence('Registry', `asked anonymously: ${describeAnswer(image, answer)}`),
  ),
  ...Object.entries(tags).map(([image, listed]) => evidence('Tags', describeListed(image, 'tags', listed))),
  ...Object.entries(repositories).map(([image, listed]) =>
    evidence('Repositories', describeListed(image, 'repositories', listed)),
  ),
  ...(knownImages === undefined
    ? []
    : [
        evidence(
          'KnownImages',
          knownImages.known
            ? `images used in the cluster that were compared: ${knownImages.value.length}`
            : `images used in the cluster are unknown: ${knownImages.why}`,
        ),
      ]),
]

const evidenceOfFacts = (facts: Facts): readonly Evidence[] => [
  ...(facts.pullSecrets?.known
    ? facts.pullSecrets.value.slice(0, 16).map((message) => evidence('PullSecrets', message))
    : []),
  ...Object.entries(facts.registry).map(([image, answer]) => evidence('Registry', describeAnswer(image, answer))),
  ...evidenceOfDetails(facts),
]

/** Causes that mean that the image is not available at all. */
const MISSING: ReadonlySet<Cause> = new Set<Cause>([
  'ProjectNotFound',
  'RepositoryNotFoundOrDenied',
  'ManifestNotFound',
  'Unauthorized',
  'Forbidden',
])

/** Contradictions between the status and the registry, explained to the reader. */
const contradictions = (findings: readonly Finding[], facts: Facts): readonly Evidence[] =>
  findings.flatMap(({ image, cause, source }): readonly Evidence[] => {
    const answer = facts.registry[normalImage(image)]
    if (answer?.known !== true || answer.value.kind !== 'exists' || !MISSING.has(cause)) return []
    const who =
      source === 'kubelet' ? 'the kubelet reported otherwise at its last attempt' : 'only an Event reports otherwise'
    return [evidence('Registry', `${cause} contradicts this: the image exists now; ${who}`)]
  })

/** Of a node: what the agent and the pods' own status confirm or refute. */
const concludeOnNode = (area: NodeCause, incident: Incident, facts: Facts): Diagnosis => {
  const pods = judge(incident, (finding, pod) => confirmOnNode(finding, pod, facts))
  const findings = distinctFailures(pods)
  const ruledOut = findings.every((finding) => finding.ruledOut !== undefined) ? findings[0]?.ruledOut : undefined
  const fix = ruledOut === undefined ? permanentFixOfNode(area, findings, facts) : undefined
  return {
    cause: area,
    findings,
    pods,
    evidence: [...incident.evidence, ...evidenceOfNode(area, findings, facts)].slice(0, MAX_EVIDENCE),
    ...(fix !== undefined && { permanentFix: fix }),
    ...(ruledOut !== undefined && { ruledOut }),
  }
}

/**
 * What is the matter, from all that is known: the findings in the light of the registry's answers on the present images,
 * the evidence in the order in which it was found, and the permanent fix. Pure; with the same facts, the same.
 */
export const conclude = (incident: Incident, facts: Facts): Diagnosis => {
  const { owner, area } = incident
  if (isNodeCause(area)) return concludeOnNode(area, incident, facts)
  const pods = judge(incident, (finding, pod) => {
    const answer = finding.image === '' ? undefined : facts.registry[normalImage(finding.image)]
    return answer?.known ? refine(finding, answer.value, nodeOfPod(facts, pod)) : finding
  })
  const findings = distinctFailures(pods)
  const found = [...incident.evidence, ...evidenceOfFacts(facts), ...contradictions(findings, facts)]
  const fixLocationFacts: readonly FactName[] =
    owner.managers[0]?.keptBy && facts.source === undefined ? [{ fact: 'source' }] : []
  const missing = detailFacts(findings, facts)
  const explanations = explainImages(findings, facts)
  const fix = permanentFix(owner, findings, { source: facts.source, explanations })
  return {
    cause: findings[0]?.cause ?? 'Unknown',
    findings,
    pods,
    evidence: found.slice(0, MAX_EVIDENCE),
    ...(fix !== undefined && { permanentFix: fix }),
    ...(explanations.length > 0 && { explanations }),
    ...(missing.length > 0 && { detailFacts: missing }),
    ...(fixLocationFacts.length > 0 && { fixLocationFacts }),
  }
}

/** Reads the facts that are asked for and adds them to the known ones, then concludes from all of them. */
export const diagnose = async (
  incident: Incident,
  asked: readonly FactName[],
  have: Facts,
  gather: Gather,
): Promise<{ readonly diagnosis: Diagnosis; readonly facts: Facts }> => {
  const facts = asked.length === 0 ? have : await gather(incident, asked, have)
  return { diagnosis: conclude(incident, facts), facts }
}

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
    source: 'registry',
    possibleCauses: [],
  }
}

const mayBeCause = ({ cause, possibleCauses }: Finding, to: Cause): boolean =>
  cause === to || possibleCauses.includes(to)

/**
 * A finding, refined by the registry's answer on the pod's current image, for the platform of the pod's own node. Only what the registry knows by itself counts:
 * that it cannot be reached from here, or limits our pulls, says nothing about the node. Pure.
 */
export const refine = (finding: Finding, answer: RegistryAnswer, node: Fact<PodNode> | undefined): Finding => {
  switch (answer.kind) {
    case 'projectMissing':
    case 'repositoryMissing':
    case 'tagMissing': {
      const cause = CAUSE_OF[answer.kind] ?? finding.cause
      return mayBeCause(finding, cause) ? confirmed(finding, cause) : { ...finding, possibleCauses: [] }
    }
    case 'denied': {
      // The node may have credentials that are not visible: a denied anonymous pull proves nothing about the pod, nor
      // against what an earlier answer proved.
      if (!answer.withCredentials) return finding
      if (DENIALS.has(finding.cause)) return confirmed(finding, finding.cause)
      return mayBeCause(finding, 'Unauthorized')
        ? confirmed(finding, 'Unauthorized')
        : { ...finding, possibleCauses: [] }
    }
    case 'exists': {
      const platform = node?.known === true ? node.value.platform : ''
      const fits = platform === '' || answer.platforms.length === 0 || serves(answer.platforms, platform)
      if (!fits && mayBeCause(finding, 'PlatformMismatch')) return confirmed(finding, 'PlatformMismatch')
      return { ...finding, possibleCauses: [] }
    }
    case 'limited':
    case 'unreachable':
    case 'refused':
      return finding
  }
}
