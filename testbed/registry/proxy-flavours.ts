/** How each kind of registry words its refusals. Pure: what is asked in, an answer out. */
import type { Presented } from './proxy-tokens.ts'

/**
 * - `harbor1`: Harbor 1.x and 2.0 name the missing project in a 401.
 * - `harbor2`: a missing project looks as a private one to anonymous clients, and is a 404 to users.
 * - `harbor2-named`: what the middleware of Harbor 2.1 and later says: a 401 that names the project in other words.
 * - `hub`: Docker Hub gives anyone a token, which is then worth nothing for what is private or missing.
 * - `plain`: the distribution registry with an htpasswd file.
 *
 * Source: github.com/goharbor/harbor, src/server/middleware/v2auth/auth.go and src/lib/errors/errors.go (a wrapped
 * error's JSON is "message: cause", which is why Harbor says things twice), src/controller/artifact/controller.go.
 */
export type Flavour = 'harbor1' | 'harbor2' | 'harbor2-named' | 'hub' | 'plain'

export interface Project {
  readonly name: string
  readonly public: boolean
  /** Who may pull when it is private; default every user. */
  readonly members?: readonly string[]
}

export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly detail?: unknown
  /** The value of `WWW-Authenticate`; Harbor sends the header empty when it has nothing to ask for. */
  readonly challenge?: string
}

export interface Asked {
  readonly flavour: Flavour
  readonly method: string
  /** The proxy's own address, for the token endpoint. */
  readonly url: string
  readonly repository: string
  /** Absent when there is no such project. */
  readonly project: Project | undefined
  readonly repositoryExists: boolean
  readonly presented: Presented
}

const SERVICES = { harbor: 'harbor-registry', hub: 'registry.docker.io' }

export const tokenPath = (flavour: Flavour): string | undefined => {
  if (flavour === 'plain') return undefined
  return flavour === 'hub' ? '/token' : '/service/token'
}

const bearer = (url: string, flavour: Flavour, repository?: string, error?: string): string => {
  const service = flavour === 'hub' ? SERVICES.hub : SERVICES.harbor
  const scope = repository === undefined ? '' : `,scope="repository:${repository}:pull"`
  return `Bearer realm="${url}${tokenPath(flavour)}",service="${service}"${scope}${error ? `,error="${error}"` : ''}`
}

const twice = (message: string): string => `${message}: ${message}`

const mayPull = (project: Project, { identity }: Presented): boolean =>
  project.public || (identity?.user !== undefined && (project.members?.includes(identity.user) ?? true))

const harborRefusal = (asked: Asked): Refusal | undefined => {
  const { flavour, method, url, repository, project, presented } = asked
  // Once a client has sent anything, Harbor asks it for Basic instead of a token.
  const challenge = presented.kind === 'none' ? bearer(url, flavour, repository) : 'Basic realm="harbor"'
  const unauthorized = (message: string, asking: string): Refusal => ({
    status: 401,
    code: 'UNAUTHORIZED',
    message: twice(message),
    challenge: asking,
  })
  if (method === 'HEAD' && presented.kind === 'none') {
    return unauthorized('authorize header needed to send HEAD to repository', challenge)
  }
  const denied = unauthorized(`unauthorized to access repository: ${repository}, action: pull`, challenge)
  if (project) return mayPull(project, presented) ? undefined : denied
  const name = repository.split('/')[0] ?? ''
  if (flavour === 'harbor1') return unauthorized(`project not found, name: ${name}`, '')
  if (flavour === 'harbor2-named') return unauthorized(`project ${name} not found`, '')
  if (presented.identity?.user === undefined) return denied
  return { status: 404, code: 'NOT_FOUND', message: `project ${name} not found` }
}

const authenticationRequired = (repository: string, challenge: string): Refusal => ({
  status: 401,
  code: 'UNAUTHORIZED',
  message: 'authentication required',
  detail: [{ Type: 'repository', Class: '', Name: repository, Action: 'pull' }],
  challenge,
})

const hubRefusal = ({ flavour, url, repository, project, repositoryExists, presented }: Asked): Refusal | undefined => {
  if (presented.kind !== 'bearer' || !presented.identity) {
    return authenticationRequired(repository, bearer(url, flavour, repository))
  }
  if (project && repositoryExists && mayPull(project, presented)) return undefined
  return authenticationRequired(repository, bearer(url, flavour, repository, 'insufficient_scope'))
}

/** Why this proxy does not serve content of the repository; undefined if the registry should answer. */
export const refusal = (asked: Asked): Refusal | undefined => {
  switch (asked.flavour) {
    case 'harbor1':
    case 'harbor2':
    case 'harbor2-named':
      return harborRefusal(asked)
    case 'hub':
      return hubRefusal(asked)
    case 'plain':
      return !asked.project || mayPull(asked.project, asked.presented)
        ? undefined
        : authenticationRequired(asked.repository, 'Basic realm="Registry Realm"')
  }
}

/** The answer to `/v2/`, which clients ask to learn how to log in; undefined: they are welcome. */
export const pingRefusal = (flavour: Flavour, url: string, presented: Presented): Refusal | undefined => {
  if (flavour === 'plain') return undefined
  if (flavour === 'hub') {
    if (presented.kind === 'bearer' && presented.identity) return undefined
    return { status: 401, code: 'UNAUTHORIZED', message: 'authentication required', challenge: bearer(url, flavour) }
  }
  if (presented.identity?.user !== undefined) return undefined
  const challenge = presented.kind === 'none' ? bearer(url, flavour) : 'Basic realm="harbor"'
  return { status: 401, code: 'UNAUTHORIZED', message: twice('unauthorized'), challenge }
}

/** Harbor 2 looks into its own database before the registry is asked, and words what is missing itself. */
export const missingContent = (
  flavour: Flavour,
  { repository, reference, repositoryExists }: { repository: string; reference: string; repositoryExists: boolean },
): Refusal | undefined => {
  if (flavour !== 'harbor2' && flavour !== 'harbor2-named') return undefined
  const what = repositoryExists
    ? `artifact ${repository}${reference.includes(':') ? '@' : ':'}${reference}`
    : `repository ${repository}`
  return { status: 404, code: 'NOT_FOUND', message: `${what} not found` }
}

export const RATE_LIMITED: Refusal = {
  status: 429,
  code: 'TOOMANYREQUESTS',
  message:
    'You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit',
}

export const BROKEN: Refusal = { status: 500, code: 'UNKNOWN', message: 'internal server error' }
