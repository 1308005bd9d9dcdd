/**
 * Where a change has to be made to last: the source of what a GitOps tool writes (repository, path and, if the image is in
 * Helm values, which of them), and the sentence that says so.
 */
import type { Reads } from '../../kube/client.ts'
import { notFound } from '../../kube/errors.ts'
import { pathOf, whyUnread } from '../../kube/paths.ts'
import {
  type Explanation,
  type Fact,
  type Finding,
  type Incident,
  type KeptBy,
  known,
  type Owner,
  unknown,
} from '../../model/incident.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import { imageValues, readHelmRelease } from './helm.ts'

type GitOpsKind = Exclude<KeptBy['kind'], 'Release'>

const GITOPS_KINDS: Readonly<Record<GitOpsKind, { readonly apiVersion: string; readonly plural: string }>> = {
  Application: { apiVersion: 'argoproj.io/v1alpha1', plural: 'applications' },
  Kustomization: { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', plural: 'kustomizations' },
  HelmRelease: { apiVersion: 'helm.toolkit.fluxcd.io/v2', plural: 'helmreleases' },
}
const SOURCES: Readonly<Record<string, string>> = {
  GitRepository: 'gitrepositories',
  OCIRepository: 'ocirepositories',
  HelmRepository: 'helmrepositories',
  Bucket: 'buckets',
}

interface ArgoSource {
  readonly repoURL?: unknown
  readonly path?: unknown
  readonly chart?: unknown
  readonly targetRevision?: unknown
  readonly helm?: { readonly valuesObject?: unknown; readonly parameters?: unknown }
}

interface Spec {
  readonly source?: ArgoSource
  readonly sources?: readonly ArgoSource[]
  readonly path?: unknown
  readonly sourceRef?: { readonly kind?: unknown; readonly name?: unknown; readonly namespace?: unknown }
  readonly chart?: { readonly spec?: { readonly chart?: unknown; readonly sourceRef?: Spec['sourceRef'] } }
  readonly values?: unknown
}
type GitOpsObject = KubeObject & { readonly spec?: Spec }

const MAX_TEXT = 300
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : undefined

/** Without the password that an address may have. */
const address = (value: unknown): string | undefined =>
  text(value)?.replace(/^(?<scheme>[a-z+]+:\/\/)[^/@]*@/, '$<scheme>')

const describeValues = (values: unknown, images: readonly string[]): string => {
  const paths = images.flatMap((image) => imageValues(values, image))
  return paths.length === 0 ? '' : `, Helm value ${[...new Set(paths)].slice(0, 4).join(' and ')}`
}

/** Argo's `parameters` are values by their dotted names. */
const parametersOf = ({ helm }: ArgoSource): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    (Array.isArray(helm?.parameters)
      ? (helm.parameters as readonly { name?: unknown; value?: unknown }[])
      : []
    ).flatMap((one) => (typeof one?.name === 'string' ? [[one.name, one.value]] : [])),
  )

const describeArgo = (source: ArgoSource, images: readonly string[]): string | undefined => {
  const repo = address(source.repoURL)
  if (repo === undefined) return undefined
  const what = text(source.path) ?? (text(source.chart) && `chart ${text(source.chart)}`) ?? '.'
  const at = text(source.targetRevision)
  const values = describeValues({ ...Object(source.helm?.valuesObject), ...parametersOf(source) }, images)
  return `${what} of ${repo}${at === undefined ? '' : ` at ${at}`}${values}`
}

const readSourceRef = async (ref: Spec['sourceRef'], home: string | undefined, reads: Reads): Promise<string> => {
  const [kind, name] = [text(ref?.kind) ?? '', text(ref?.name) ?? '']
  const plural = SOURCES[kind]
  const named = `${kind} ${name}`.trim() || 'its source'
  if (plural === undefined) return named
  try {
    const namespace = text(ref?.namespace) ?? home
    const path = pathOf({ apiVersion: 'source.toolkit.fluxcd.io/v1', plural, namespace, name })
    const { spec } = await reads.get<{ spec?: { url?: unknown } }>(path)
    return address(spec?.url) ?? named
  } catch {
    return named
  }
}

const describeFlux = async (
  gitOpsObject: GitOpsObject,
  images: readonly string[],
  reads: Reads,
): Promise<string | undefined> => {
  const { spec = {}, metadata } = gitOpsObject
  const chart = spec.chart?.spec
  const from = await readSourceRef(chart?.sourceRef ?? spec.sourceRef, metadata.namespace, reads)
  const what = chart ? `chart ${text(chart.chart) ?? ''}`.trim() : (text(spec.path) ?? '.')
  return `${what} of ${from}${describeValues(spec.values, images)}`
}

const readGitOpsObject = async (
  { kind, namespace, name }: KeptBy & { readonly kind: GitOpsKind },
  reads: Reads,
): Promise<GitOpsObject | undefined> => {
  const resource = GITOPS_KINDS[kind]
  if (namespace !== undefined) return reads.get<GitOpsObject>(pathOf({ ...resource, namespace, name }))
  const { items } = await reads.list<GitOpsObject>(pathOf(resource), { fieldSelector: `metadata.name=${name}` })
  // Two with one name in two namespaces: which one is unknown.
  return items.length === 1 ? items[0] : undefined
}

/**
 * `deploy/web of https://git.example.com/team.git at main, Helm value image.tag`. `readsReleases`: whether secrets may be
 * listed, for releases of Helm's own. Never rejects.
 */
export const readSourceOfTruth = async (
  { owner, pods }: Incident,
  reads: Reads,
  readsReleases: boolean,
): Promise<Fact<string>> => {
  const keptBy = owner.managers[0]?.keptBy
  if (!keptBy) return unknown('the object that manages it is unknown')
  const images = [...new Set(pods.flatMap(({ findings }) => findings.map(({ image }) => image)))].filter(Boolean)
  const { kind, name, namespace } = keptBy
  if (kind === 'Release') {
    return readsReleases
      ? readHelmRelease(keptBy, images, reads)
      : unknown(`run helm get values ${name}${namespace === undefined ? '' : ` -n ${namespace}`} --all`)
  }
  return readGitOps({ kind, name, ...(namespace !== undefined && { namespace }) }, images, reads)
}

const readGitOps = async (
  keptBy: KeptBy & { readonly kind: GitOpsKind },
  images: readonly string[],
  reads: Reads,
): Promise<Fact<string>> => {
  let path = ''
  try {
    path = pathOf(GITOPS_KINDS[keptBy.kind])
    const gitOpsObject = await readGitOpsObject(keptBy, reads)
    if (!gitOpsObject) return unknown(`${keptBy.kind} ${keptBy.name} is not in this cluster, or there is more than one`)
    const { spec } = gitOpsObject
    const source =
      keptBy.kind === 'Application'
        ? [spec?.source, ...(Array.isArray(spec?.sources) ? spec.sources : [])]
            .flatMap((source) => (source ? (describeArgo(source, images) ?? []) : []))
            .slice(0, 3)
            .join('; ')
        : await describeFlux(gitOpsObject, images, reads)
    return source ? known(source) : unknown(`${keptBy.kind} ${keptBy.name} names no source`)
  } catch (error) {
    // Many tools keep their objects in a cluster of their own.
    if (notFound(error)) return unknown(`${keptBy.kind} ${keptBy.name} is not in this cluster`)
    return unknown(path === '' ? 'its name is not valid' : whyUnread(path, error))
  }
}

// The permanent fix. Pure.

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
