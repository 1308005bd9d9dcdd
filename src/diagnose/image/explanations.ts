/**
 * Why an image cannot be pulled, where the registry's message leaves it open: a wrong name, or credentials? Only evidence
 * decides: what the registry answers with and without the pod's credentials, which names it lists, which names the cluster ran.
 * Pure; what is not known yet is asked for, cheapest first.
 */
import type { Cause } from '../../model/causes.ts'
import { type ImageReference, normalImage, parseImage } from '../../model/image-reference.ts'
import type {
  Explanation,
  Fact,
  FactName,
  Facts,
  Finding,
  ImageFactName,
  RegistryAnswer,
} from '../../model/incident.ts'
import { type Candidate, similarImages } from './candidates.ts'

/** Causes behind which a name may be wrong, or a credential. */
const OPEN: ReadonlySet<Cause> = new Set<Cause>([
  'RepositoryNotFoundOrDenied',
  'ManifestNotFound',
  'ProjectNotFound',
  'Unauthorized',
  'Forbidden',
  'RegistryDNSFailure',
])

const HUB = 'docker.io'
/** At most so many similar names are looked up. */
const MAX_CANDIDATES = 3
const MAX_LISTED = 5

interface Question {
  readonly finding: Finding
  /** In normal form, as facts are kept. */
  readonly image: string
  readonly reference: ImageReference
}

const questionsOf = (findings: readonly Finding[]): readonly Question[] =>
  findings.flatMap((finding) => {
    const parsed = OPEN.has(finding.cause) && finding.image !== '' ? parseImage(finding.image) : undefined
    return parsed?.ok ? [{ finding, image: normalImage(finding.image), reference: parsed.reference }] : []
  })

const answerOf = (facts: Facts, image: string): RegistryAnswer | undefined => {
  const fact = facts.registry[image]
  return fact?.known ? fact.value : undefined
}

const missing = (facts: Facts, names: readonly FactName[]): readonly FactName[] =>
  names.filter((name) =>
    'image' in name ? facts[name.fact]?.[name.image] === undefined : facts[name.fact] === undefined,
  )

/** A registry whose name does not resolve cannot be asked; Docker Hub lists no repositories. */
const missingFacts = ({ finding, image, reference }: Question, facts: Facts): readonly FactName[] => {
  const of = (fact: ImageFactName['fact']): FactName => ({ fact, image })
  const first = missing(facts, [
    ...(finding.cause === 'RegistryDNSFailure' ? [] : [of('registry')]),
    { fact: 'knownImages' },
  ])
  if (first.length > 0) return first
  const answer = answerOf(facts, image)
  const names: readonly FactName[] =
    answer?.kind === 'tagMissing'
      ? [of('tags')]
      : answer?.kind === 'denied' || answer?.kind === 'repositoryMissing' || answer?.kind === 'projectMissing'
        ? [
            ...(reference.host === HUB ? [] : [of('repositories')]),
            ...(answer.kind === 'denied' && answer.withCredentials ? [of('anonymous')] : []),
          ]
        : []
  const next = missing(facts, names)
  if (next.length > 0) return next
  return missing(
    facts,
    similarImages(image, reference, facts)
      .slice(0, MAX_CANDIDATES)
      .map((candidate) => ({ fact: 'registry', image: candidate.image })),
  )
}

/** The missing facts that would say more, each once; empty once everything is known. */
export const detailFacts = (findings: readonly Finding[], facts: Facts): readonly FactName[] => {
  const names = questionsOf(findings).flatMap((question) => missingFacts(question, facts))
  return [...new Map(names.map((name) => [JSON.stringify(name), name])).values()]
}

const nameOf = ({ host, repository }: ImageReference): string => `${host}/${repository}`

const projectOf = ({ host, repository }: ImageReference): string =>
  [host, ...repository.split('/').slice(0, -1)].join('/')

/** Whether both are pushed by the same people: someone else may have chosen a similar name on purpose. */
const sameProject = (image: string, reference: ImageReference): boolean => {
  const parsed = parseImage(image)
  return parsed.ok && projectOf(parsed.reference) === projectOf(reference)
}

/** The most similar image that the registry has; `sure` if it is in the same project and no other is as similar. */
const bestOf = (question: Question, facts: Facts): (Candidate & { readonly sure: boolean }) | undefined => {
  const there = similarImages(question.image, question.reference, facts)
    .slice(0, MAX_CANDIDATES)
    .filter(({ image }) => answerOf(facts, image)?.kind === 'exists')
  const [best, second] = there
  if (!best) return undefined
  const only = second === undefined || second.distance > best.distance
  return { ...best, sure: only && sameProject(best.image, question.reference) }
}

const explainTypo = (question: Question, facts: Facts, kind: 'LikelyTypo' | 'WrongTag'): Explanation | undefined => {
  const best = bestOf(question, facts)
  if (!best) return undefined
  const seen = best.where === undefined ? '' : `, seen ${best.where}`
  return {
    kind,
    of: question.finding.image,
    message: `the registry has ${best.image}, a similar name${seen}: "${best.typed}" may be a typo for "${best.meant}"`,
    image: best.image,
    ...(best.sure && { found: true }),
  }
}

const abbreviated = (names: readonly string[]): string =>
  names.length <= MAX_LISTED
    ? names.join(', ')
    : `${names.slice(0, MAX_LISTED).join(', ')} and ${names.length - MAX_LISTED} more`

/** `1.25` of `1.25.9-alpine`: what a newer build of the same thing shares. */
const seriesOf = (tag: string): string | undefined => /^v?\d+(?:\.\d+)?(?=\.\d)/.exec(tag)?.[0]

const byVersion = new Intl.Collator('en', { numeric: true })

const describeTags = (tag: string, listed: Fact<readonly string[]> | undefined): string => {
  if (!listed?.known) return listed === undefined ? '' : `; its tags are unknown: ${listed.why}`
  if (listed.value.length === 0) return '; it has no tags'
  const series = seriesOf(tag)
  const same = series === undefined ? [] : listed.value.filter((one) => seriesOf(one) === series)
  const newest = same.toSorted((a, b) => byVersion.compare(b, a))
  if (newest.length > 0) return `; its tags of series ${series}: ${abbreviated(newest)}`
  return `; its tags: ${abbreviated(listed.value.toSorted((a, b) => byVersion.compare(b, a)))}`
}

const explainMissingTag = (question: Question, facts: Facts): readonly Explanation[] => {
  const { finding, image, reference } = question
  const what = reference.digest === undefined ? `tag ${reference.tag}` : `digest ${reference.digest}`
  const near = reference.digest === undefined ? explainTypo(question, facts, 'WrongTag') : undefined
  const tags = describeTags(reference.tag ?? '', facts.tags?.[image])
  const message = `the registry has ${nameOf(reference)}, but not ${what}${tags}`
  return [near ? { ...near, message: `${message}; ${near.message}` } : { kind: 'WrongTag', of: finding.image, message }]
}

const explainMissingName = (question: Question, facts: Facts, reported: string): readonly Explanation[] => {
  const near = explainTypo(question, facts, 'LikelyTypo')
  if (near) return [{ ...near, message: `the registry reports that it does not exist; ${near.message}` }]
  const message = `the registry reports that ${nameOf(question.reference)} does not exist (${reported}), and no similar name is known: it was renamed, deleted or never pushed, or the name is wrong`
  return [{ kind: 'Undetermined', of: question.finding.image, message }]
}

/** Whether the cluster has pulled this very repository, or one beside it. */
const relativesOf = ({ host, repository }: ImageReference, facts: Facts) => {
  const parent = repository.split('/').slice(0, -1).join('/')
  const images = facts.knownImages?.known ? facts.knownImages.value : []
  const parsed = images.flatMap(({ image, where }) => {
    const one = parseImage(image)
    return one.ok && one.reference.host === host ? [{ repository: one.reference.repository, image, where }] : []
  })
  return {
    itself: parsed.find((one) => one.repository === repository),
    sibling:
      parent === '' || (host === HUB && parent === 'library')
        ? undefined
        : parsed.find((one) => one.repository.startsWith(`${parent}/`)),
  }
}

const EXPIRED = /\bexpired\b/i

const explainDenial = (
  question: Question,
  facts: Facts,
  { message: reported, withCredentials }: Extract<RegistryAnswer, { kind: 'denied' }>,
): readonly Explanation[] => {
  const { finding, image, reference } = question
  const of = finding.image
  const { itself, sibling } = relativesOf(reference, facts)
  const typo = itself ? undefined : explainTypo(question, facts, 'LikelyTypo')
  const anonymous = facts.anonymous?.[image]
  if (withCredentials) {
    const expired =
      EXPIRED.test(reported) || EXPIRED.test(finding.message) ? 'expired' : 'wrong, expired or not permitted to pull it'
    const isPublic = anonymous?.known && anonymous.value.kind === 'exists'
    const message = isPublic
      ? `anonymous pull is allowed, but the registry rejects the pod's credentials: they are ${expired}`
      : `the registry rejects the pod's own pull secret (${reported}): it is ${expired}${typo || itself ? '' : ', or the name is wrong: this registry does not distinguish the two'}`
    const credentials: Explanation = { kind: 'WrongCredentials', of, message }
    return typo && !isPublic ? [typo, credentials] : [credentials]
  }
  const message = itself
    ? `the name is correct, ${itself.image} was seen ${itself.where}; no pull secret of the pod is for ${reference.host}, and anonymous pull is denied`
    : sibling
      ? `this cluster pulls other images beside it (${sibling.image}, seen ${sibling.where}); no pull secret of the pod is for ${reference.host}, and anonymous pull is denied`
      : `no pull secret of the pod is for ${reference.host}, and anonymous pull is denied`
  const credentials: Explanation = { kind: 'MissingCredentials', of, message }
  if (typo) return [typo, credentials]
  if (itself || sibling) return [credentials]
  const open = `the registry does not reveal whether ${nameOf(reference)} is missing or private, and no similar name is known: check the name first, then the credentials`
  return [{ kind: 'Undetermined', of, message: open }, credentials]
}

const explainUnasked = (question: Question, facts: Facts, why: string): readonly Explanation[] => {
  const near = explainTypo(question, facts, 'LikelyTypo')
  if (near) return [near]
  const of = question.finding.image
  const [ran] = similarImages(question.image, question.reference, facts)
  if (ran?.where === undefined) return [{ kind: 'Undetermined', of, message: why }]
  const message = `"${ran.typed}" may be a typo for "${ran.meant}", which was seen ${ran.where}; whether the registry has ${ran.image} is unknown: ${why}`
  return [{ kind: 'LikelyTypo', of, message }]
}

const explain = (question: Question, facts: Facts): readonly Explanation[] => {
  const fact = facts.registry[question.image]
  if (question.finding.cause === 'RegistryDNSFailure') {
    const host = question.reference.host
    return explainUnasked(
      question,
      facts,
      `the name ${host} does not resolve on the node, and no registry with a similar name is known`,
    )
  }
  if (!fact?.known) return explainUnasked(question, facts, `the registry was not asked: ${fact?.why ?? 'not yet'}`)
  const answer = fact.value
  switch (answer.kind) {
    case 'exists':
      return []
    case 'tagMissing':
      return explainMissingTag(question, facts)
    case 'repositoryMissing':
    case 'projectMissing':
      return explainMissingName(question, facts, answer.message)
    case 'denied':
      return explainDenial(question, facts, answer)
    case 'limited':
    case 'unreachable':
    case 'refused':
      return explainUnasked(question, facts, `the registry could not be asked: ${answer.message}`)
  }
}

/** Likeliest first for each failing image; empty until all facts that could say more are there. */
export const explainImages = (findings: readonly Finding[], facts: Facts): readonly Explanation[] => {
  if (facts.knownImages === undefined || detailFacts(findings, facts).length > 0) return []
  return questionsOf(findings).flatMap((question) => explain(question, facts))
}
