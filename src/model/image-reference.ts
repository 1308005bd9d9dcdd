/**
 * Image references in their normal form (`nginx:1` is `docker.io/library/nginx:1`), and rewriting by whole
 * path segments. Grammar: github.com/distribution/reference.
 */
export interface ImageReference {
  /** Registry host with port if named, e.g. `harbor.od.com:8443`; `docker.io` where none is named. */
  readonly host: string
  /** Path below the host, e.g. `library/nginx`. */
  readonly repository: string
  /** `latest` where neither tag nor digest is named. */
  readonly tag?: string
  readonly digest?: string
}

export type ParsedReference =
  | { readonly ok: true; readonly reference: ImageReference }
  | { readonly ok: false; readonly sentence: string }

const HOST =
  /^(?:\[[0-9a-fA-F:]+\]|(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*)(?::[0-9]{1,5})?$/
const SEGMENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
/** The algorithms that runtimes know, with the length of their digests in hexadecimal digits. */
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/
/** distribution/reference calls 64 such digits an image id and refuses them as a name. */
const IDENTIFIER = /^[a-f0-9]{64}$/
/** Longest repository (distribution/reference: RepositoryNameTotalLengthMax). */
const MAX_REPOSITORY = 255
/** Room for host, repository, tag and digest at their longest. */
const MAX_TEXT = 1024

/** Quoted as JSON, so that control characters and lone surrogates cannot leave the sentence. */
const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

const refused = (text: string, why: string): ParsedReference => ({
  ok: false,
  sentence: `image ${quote(text)} is not a valid reference: ${why}`,
})

/** A first path component is a host when it has a dot or a port, is `localhost`, or has an upper-case letter (as containerd and Docker read it). */
const looksLikeHost = (part: string): boolean =>
  part.includes('.') || part.includes(':') || part === 'localhost' || part !== part.toLowerCase()

/** Parses a reference as a kubelet would; the sentence says which part is wrong. Never throws. */
export const parseImage = (text: string): ParsedReference => {
  if (text === '') return refused(text, 'it is empty')
  if (text.length > MAX_TEXT) return refused(text, `it has ${text.length} characters, at most ${MAX_TEXT} are possible`)
  const at = text.indexOf('@')
  const digest = at >= 0 ? text.slice(at + 1) : undefined
  if (digest !== undefined && !DIGEST.test(digest)) return refused(text, `${quote(digest)} is not a digest`)
  const named = at >= 0 ? text.slice(0, at) : text
  const slash = named.indexOf('/')
  const first = slash > 0 ? named.slice(0, slash) : ''
  const hasHost = slash > 0 && looksLikeHost(first)
  const rest = hasHost ? named.slice(slash + 1) : named
  const colon = rest.lastIndexOf(':')
  const tag = colon > rest.lastIndexOf('/') ? rest.slice(colon + 1) : undefined
  if (tag !== undefined && !TAG.test(tag)) return refused(text, `${quote(tag)} is not a tag`)
  const path = tag === undefined ? rest : rest.slice(0, colon)
  let host = hasHost ? first : 'docker.io'
  if (!HOST.test(host)) return refused(text, `${quote(host)} is not a registry host`)
  if (host === 'index.docker.io') host = 'docker.io'
  if (path === '') return refused(text, 'the repository is missing')
  if (IDENTIFIER.test(text)) return refused(text, 'it is an image id, not a name')
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path
  const bad = repository.split('/').find((segment) => !SEGMENT.test(segment))
  if (bad !== undefined) {
    const why =
      bad === ''
        ? 'it has an empty path segment'
        : /[A-Z]/.test(bad)
          ? `${quote(bad)} has upper-case letters, a repository is lower case`
          : `${quote(bad)} is not a path segment`
    return refused(text, why)
  }
  if (repository.length > MAX_REPOSITORY) {
    return refused(text, `its repository is longer than ${MAX_REPOSITORY} characters`)
  }
  return {
    ok: true,
    reference: {
      host,
      repository,
      ...(tag !== undefined ? { tag } : digest === undefined ? { tag: 'latest' } : {}),
      ...(digest !== undefined && { digest }),
    },
  }
}

/** The full normal form, e.g. `docker.io/library/nginx:1`. */
export const formatImage = ({ host, repository, tag, digest }: ImageReference): string =>
  `${host}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`

/** Normal form of a text, or the text itself where it is no reference (so that it still compares and prints). */
export const normalImage = (text: string): string => {
  const parsed = parseImage(text)
  return parsed.ok ? formatImage(parsed.reference) : text
}

/** Whether two texts name the same image. */
export const sameImage = (a: string, b: string): boolean => normalImage(a) === normalImage(b)

const open = (path: string): string => {
  let end = path.length
  while (path[end - 1] === '/') end--
  return path.slice(0, end)
}

/**
 * Whether an image in its normal form, or a prefix, lies under a prefix by whole path segments: `harbor.od.com/k8s/x:1`
 * under `harbor.od.com/k8s` or `harbor.od.com/k8s/`, but not `harbor.od.com/k8s-old/x:1`, nor a host under itself with a port.
 */
export const underPrefix = (image: string, prefix: string): boolean => {
  const [name, start] = [open(image), open(prefix)]
  if (!name.startsWith(start) || start === '') return false
  const next = name[start.length]
  return next === undefined || next === '/' || (start.includes('/') && (next === ':' || next === '@'))
}

/**
 * Replaces the prefix `from` of an image by `to`, by whole path segments; what follows, tag and digest stay.
 * `from` may stop anywhere between the host and the whole repository. Undefined where it does not apply, or the image
 * is no reference; the result is not checked to be one.
 */
export const rewritePrefix = (image: string, from: string, to: string): string | undefined => {
  const normal = normalImage(image)
  if (!underPrefix(normal, from) || !parseImage(normal).ok) return undefined
  return open(to) + normal.slice(open(from).length)
}
