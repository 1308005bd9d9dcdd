/** An image as a runtime sees it. Written apart from the product's own parser, so that both cannot err alike unseen. */
export interface Reference {
  readonly host: string
  readonly repository: string
  /** Tag or digest: what is asked of the registry. */
  readonly wanted: string
  /** `docker.io/library/nginx:1`: what containerd speaks of. */
  readonly full: string
  /** `nginx`: what Docker speaks of. */
  readonly familiarName: string
}

const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/

/** Throws the sentence that ends a kubelet's message about a bad name. */
export const readReference = (image: string): Reference => {
  const [name = '', digest] = image.split('@')
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const named = slash > 0 && (/[.:]/.test(first) || first === 'localhost')
  const rest = named ? name.slice(slash + 1) : name
  const [path = '', tag] = rest.split(':')
  if (/[A-Z]/.test(path)) throw new Error('invalid reference format: repository name must be lowercase')
  if (!REPOSITORY.test(path) || (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag))) {
    throw new Error('invalid reference format')
  }
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error('invalid reference format')
  const host = named && first !== 'index.docker.io' ? first : 'docker.io'
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path
  const wanted = digest ?? tag ?? 'latest'
  return {
    host,
    repository,
    wanted,
    full: `${host}/${repository}${digest ? `@${digest}` : `:${wanted}`}`,
    familiarName: host === 'docker.io' ? repository.replace(/^library\//, '') : `${host}/${repository}`,
  }
}

/** The kubelet adds the default tag before it speaks of the image. */
export const withDefaultTag = (image: string): string =>
  image.includes('@') || /:[^/]*$/.test(image) ? image : `${image}:latest`
