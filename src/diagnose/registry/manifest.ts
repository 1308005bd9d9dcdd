import { createHash } from 'node:crypto'
import { isTable } from '../../model/json.ts'

export const INDEX_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
] as const
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const
/** Schema 1, which old registries still serve; kubelets' runtimes no longer run it. */
const SCHEMA1_TYPES = [
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
]

/** Accept header of a manifest request: a registry may answer 404 for a type that was not named. */
export const ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES, ...SCHEMA1_TYPES].join(', ')

/** The media type of an answer without parameters, if it is one of a manifest. */
export const manifestType = (contentType: string | undefined): string | undefined => {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return [...INDEX_TYPES, ...MANIFEST_TYPES, ...SCHEMA1_TYPES].includes(type) ? type : undefined
}

export const isIndex = (type: string): boolean => INDEX_TYPES.some((known) => known === type)

/** A manifest whose digest leaves its signatures out, so that the body's own is another. */
export const isSchema1 = (type: string): boolean => SCHEMA1_TYPES.includes(type)

const DIGEST = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/

/** A digest as registries write it, or undefined for anything else. */
export const asDigest = (text: unknown): string | undefined =>
  typeof text === 'string' && DIGEST.test(text) ? text : undefined

/** Digest of a body, in the algorithm of another digest (default sha256). */
export const digestOf = (body: Buffer, like = 'sha256'): string => {
  const algorithm = like.startsWith('sha512') ? 'sha512' : 'sha256'
  return `${algorithm}:${createHash(algorithm).update(body).digest('hex')}`
}

/** More entries than any image has; an index beyond it is read no further. */
const MAX_PLATFORMS = 64

const parseTable = (body: Buffer): Record<string, unknown> | undefined => {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    return isTable(json) ? json : undefined
  } catch {
    return undefined
  }
}

const NAME = /^[a-z0-9._-]{1,32}$/

/** `linux/amd64` of an object with `os` and `architecture`; undefined for attestations (`unknown/unknown`) and nonsense. */
const platformOf = (value: unknown): string | undefined => {
  if (!isTable(value)) return undefined
  const { os, architecture } = value
  if (typeof os !== 'string' || typeof architecture !== 'string' || !NAME.test(os) || !NAME.test(architecture))
    return undefined
  return os === 'unknown' || architecture === 'unknown' ? undefined : `${os}/${architecture}`
}

/** What a manifest's body holds: the platforms of an index, or the digest of a single image's config, which has its platform. */
export interface ManifestBody {
  readonly platforms: readonly string[]
  readonly config?: string
}

/** Reads the body of a manifest or index; undefined where it is none. Never throws. */
export const readManifest = (body: Buffer): ManifestBody | undefined => {
  const json = parseTable(body)
  if (json === undefined) return undefined
  if (Array.isArray(json['manifests'])) {
    const platforms = json['manifests']
      .slice(0, MAX_PLATFORMS)
      .map((entry: unknown) => platformOf(isTable(entry) ? entry['platform'] : undefined))
    return { platforms: [...new Set(platforms.filter((platform) => platform !== undefined))] }
  }
  if (json['schemaVersion'] === 1) {
    const platform = platformOf({ os: 'linux', architecture: json['architecture'] })
    return { platforms: platform === undefined ? [] : [platform] }
  }
  const config = asDigest(isTable(json['config']) ? json['config']['digest'] : undefined)
  return config === undefined ? undefined : { platforms: [], config }
}

/** Platform of a single image by its config; empty where it has none. Never throws. */
export const platformsOfConfig = (body: Buffer): readonly string[] => {
  const platform = platformOf(parseTable(body))
  return platform === undefined ? [] : [platform]
}
