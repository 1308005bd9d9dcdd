import type { Api } from './api.ts'

export interface Login {
  readonly user: string
  readonly password: string
}

interface Secret {
  type: string
  data?: Record<string, string>
}

interface AuthEntry {
  auth?: string
  username?: string
  password?: string
}

const loginsOf = ({ type, data = {} }: Secret, host: string): Login[] => {
  let entries: Record<string, AuthEntry>
  try {
    const file = type === 'kubernetes.io/dockercfg' ? data['.dockercfg'] : data['.dockerconfigjson']
    const parsed = JSON.parse(Buffer.from(file ?? '', 'base64').toString()) as Record<string, never>
    entries = type === 'kubernetes.io/dockercfg' ? parsed : (parsed['auths'] ?? {})
  } catch {
    return [] // the kubelet ignores a secret that it cannot read
  }
  return Object.entries(entries).flatMap(([key, entry]) => {
    const known = key.replace(/^https?:\/\//, '').split('/')[0]
    const isDockerHub = host === 'docker.io' && (known === 'index.docker.io' || known === 'registry-1.docker.io')
    if (known !== host && !isDockerHub) return []
    if (entry.username !== undefined) return [{ user: entry.username, password: entry.password ?? '' }]
    const pair = Buffer.from(entry.auth ?? '', 'base64').toString()
    const colon = pair.indexOf(':')
    return colon < 0 ? [] : [{ user: pair.slice(0, colon), password: pair.slice(colon + 1) }]
  })
}

/** The logins for a registry host in the pod's pull secrets (admission has copied the service account's there). */
export const findLogins = async (
  api: Api,
  namespace: string,
  secretNames: readonly string[],
  host: string,
): Promise<Login[]> => {
  const logins: Login[] = []
  for (const name of secretNames) {
    try {
      const secret = await api.call<Secret>('GET', `/api/v1/namespaces/${namespace}/secrets/${name}`)
      logins.push(...loginsOf(secret, host))
    } catch {
      // A secret that is not there is ignored, with an Event that is not needed here.
    }
  }
  return logins
}
