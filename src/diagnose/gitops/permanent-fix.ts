import type { Explanation, Fact, Finding, Owner } from '../../model/incident.ts'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

const nameOfOwner = ({ ref }: Owner): string =>
  `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`

export interface FixContext {
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

/** What to change at the source, so that the next deployment has it; undefined where that is unknown. */
export const permanentFix = (
  owner: Owner,
  findings: readonly Finding[],
  { source, explanations = [] }: FixContext = {},
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
        : ` (also managed by ${others
            .slice(0, 3)
            .map(({ editAt }) => editAt)
            .join(', ')})`
    const from =
      source === undefined
        ? ''
        : source.known
          ? `, which comes from ${source.value}`
          : ` (its source is unknown: ${source.why})`
    return first.writesBack
      ? `Change ${what} in ${first.editAt}${from}${also}: it reverts changes made on the object itself.`
      : `Change ${what} in ${first.editAt}${from}${also}: its next upgrade restores the old one.`
  }
  if (owner.templateFixed) {
    const again = owner.annotations[LAST_APPLIED] === undefined ? 'create it again' : 'apply its manifest again'
    return `Change ${what} at the source of ${nameOfOwner(owner)}, then delete it and ${again}: a Job's template is immutable, and its further pods start with the old image.`
  }
  if (owner.ref.kind === 'Pod' && owner.support === 'unsupported') return `Change ${what} in the manifest on the node.`
  if (owner.annotations[LAST_APPLIED] !== undefined) {
    return `Change ${what} in the manifest that ${nameOfOwner(owner)} was applied from: the next kubectl apply restores the old one.`
  }
  return `Change ${what} at the source of ${nameOfOwner(owner)}: the next deployment restores the old one.`
}
