import type { Explanation, Fact, Finding, Owner } from '../../model/incident.ts'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

const placeOf = ({ ref }: Owner): string =>
  `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`

export interface FixWords {
  /** Where a GitOps tool or Helm has the owner from. */
  readonly source?: Fact<string> | undefined
  /** Why the image cannot be pulled, likeliest first. */
  readonly explanations?: readonly Pick<Explanation, 'kind'>[]
}

const OF_CREDENTIALS: ReadonlySet<Explanation['kind']> = new Set(['MissingCredentials', 'WrongCredentials'])

const nameImage = ({ container, image, imageSource }: Finding): string => {
  const whose = imageSource?.kind === 'Volume' ? `volume ${imageSource.volume}` : `container ${container}`
  return `${whose} (${image.slice(0, 256)})`
}

/** What to change for good, so that the next deploy carries it; undefined where nobody can say. */
export const permanentFix = (
  owner: Owner,
  findings: readonly Finding[],
  { source, explanations = [] }: FixWords = {},
): string | undefined => {
  const images = findings.filter(({ image }) => image !== '')
  if (images.length === 0) return undefined
  const named = [...new Set(images.map(nameImage))]
  // The name is right, then: to change it would be no remedy.
  const ofCredentials = named.length === 1 && explanations[0] !== undefined && OF_CREDENTIALS.has(explanations[0].kind)
  const what = `${ofCredentials ? 'the pull secrets for' : 'the image of'} ${named.slice(0, 4).join(' and ')}`
  const [first, ...others] = owner.managers
  if (first !== undefined) {
    const also =
      others.length === 0
        ? ''
        : ` (${others
            .slice(0, 3)
            .map(({ editAt }) => editAt)
            .join(', ')} made it as well)`
    const from =
      source === undefined
        ? ''
        : source.known
          ? `, that is in ${source.value}`
          : ` (from where is unknown: ${source.why})`
    return first.writesBack
      ? `Change ${what} in ${first.editAt}${from}${also}: it writes back whatever is changed on the object itself.`
      : `Change ${what} in ${first.editAt}${from}${also}: its next upgrade writes the old one again.`
  }
  if (owner.templateFixed) {
    const again = owner.annotations[LAST_APPLIED] === undefined ? 'make it anew' : 'apply its manifest anew'
    return `Change ${what} wherever ${placeOf(owner)} is made from, then delete it and ${again}: a Job's template cannot be changed, and further pods of it come with the old image.`
  }
  if (owner.ref.kind === 'Pod' && owner.support === 'unsupported') return `Change ${what} in the manifest on the node.`
  if (owner.annotations[LAST_APPLIED] !== undefined) {
    return `Change ${what} in the manifest that ${placeOf(owner)} was applied from: the next kubectl apply writes the old one again.`
  }
  return `Change ${what} wherever ${placeOf(owner)} is made from: the next deploy writes the old one again.`
}
