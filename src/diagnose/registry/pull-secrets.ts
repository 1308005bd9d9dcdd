import type { Reads } from '../../kube/client.ts'
import { pathOf, whyUnread } from '../../kube/paths.ts'
import { parseImage } from '../../model/image-reference.ts'
import { isTable } from '../../model/json.ts'
import type { Pod, Secret, ServiceAccount } from '../../model/kubernetes.ts'
import { compileGlob } from '../../model/pattern.ts'
import type { Credential } from './auth.ts'

/** What a pod may pull with, as far as the API server shows it. */
export interface PullSecrets {
  readonly entries: readonly KeyringEntry[]
  /** What was found, in sentences; names only. */
  readonly sentences: readonly string[]
}

/** More than anyone names; each is one request. */
const MAX_SECRETS = 16

const readOne = async (namespace: string, name: string, reads: Reads): Promise<PullSecrets> => {
  let path = ''
  try {
    path = pathOf({ kind: 'Secret', namespace, name })
    const secret = await reads.get<Secret>(path)
    const { entries, sentences } = readDockerConfig(secret)
    const hosts = [...new Set(entries.map(({ key }) => key))].slice(0, 8).join(', ')
    return {
      entries,
      sentences: [...(hosts === '' ? [] : [`secret ${namespace}/${name} has credentials for ${hosts}`]), ...sentences],
    }
  } catch (error) {
    const why = path === '' ? 'its name is not valid' : whyUnread(path, error)
    return { entries: [], sentences: [`pull secret "${name.slice(0, 80)}" is not used: ${why}`] }
  }
}

/**
 * Worth reading only where a registry denied the pod: the service account's secrets came into the pod's spec when it was
 * made, and one that was added since helps only new pods. Never rejects.
 */
export const secretsAddedSince = async (pod: Pod, reads: Reads): Promise<readonly string[]> => {
  if (pod.spec?.imagePullSecrets?.length) return []
  const namespace = pod.metadata.namespace ?? 'default'
  const name = pod.spec?.serviceAccountName || 'default'
  try {
    const account = await reads.get<ServiceAccount>(pathOf({ kind: 'ServiceAccount', namespace, name }))
    const secrets = (account.imagePullSecrets ?? []).flatMap((reference) => reference.name ?? [])
    if (secrets.length === 0) return []
    return [
      `service account ${name} has pull secret ${secrets.slice(0, 4).join(', ')}, which was added after this pod was created`,
    ]
  } catch {
    return []
  }
}

/**
 * The pull secrets that count for a pod: those in its own spec, from its own namespace (plugin/pkg/admission/serviceaccount
 * copies the service account's there when the pod is made and has none). Secrets that are missing, unreadable or no
 * docker config are sentences, and the rest counts. Never rejects.
 */
export const readPullSecrets = async (pod: Pod, reads: Reads): Promise<PullSecrets> => {
  const namespace = pod.metadata.namespace ?? 'default'
  const named = (pod.spec?.imagePullSecrets ?? []).flatMap((reference) => reference?.name || [])
  const names = [...new Set(named)].slice(0, MAX_SECRETS)
  if (names.length === 0) {
    return { entries: [], sentences: ['the pod names no pull secret'] }
  }
  const read = await Promise.all(names.map((name) => readOne(namespace, name, reads)))
  return {
    entries: read.flatMap(({ entries }) => entries),
    sentences: read.flatMap(({ sentences }) => sentences),
  }
}

/** One entry of a docker config: for which images, and what. */
export interface KeyringEntry {
  /** Host, with port and path where given; the host's parts may hold wildcards. */
  readonly key: string
  readonly credential: Credential
}

export interface ReadConfig {
  readonly entries: readonly KeyringEntry[]
  /** What is wrong or odd about it, in sentences that repeat nothing of its content. */
  readonly sentences: readonly string[]
}

/** core/v1: SecretTypeDockerConfigJson and SecretTypeDockercfg, and the key that each must have. */
const KEYS: Readonly<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
}

const MAX_ENTRIES = 256

/** As the kubelet: scheme off, `/v1/` and `/v2/` are the host itself. pkg/credentialprovider/keyring.go, Add. */
const keyOf = (location: string): string => {
  const bare = location.replace(/^https?:\/\//, '')
  const slash = bare.indexOf('/')
  if (slash < 0) return bare
  const path = bare.slice(slash).replace(/^\/v[12](?=\/)/, '')
  return `${bare.slice(0, slash)}${path === '/' ? '' : path}`
}

const credentialOf = (entry: Record<string, unknown>, source: string): Credential | undefined => {
  const { auth } = entry
  if (typeof auth === 'string' && auth !== '') {
    const text = Buffer.from(auth, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1), source }
  }
  const { username, password } = entry
  return typeof username === 'string' && typeof password === 'string' && username !== ''
    ? { username, password, source }
    : undefined
}

/** Reads what a pull secret holds, as the kubelet does. Whatever it is: sentences, never an error, nothing else lost. */
export const readDockerConfig = (secret: Secret): ReadConfig => {
  const source = `secret ${secret.metadata.namespace ?? ''}/${secret.metadata.name}`
  const key = KEYS[secret.type ?? '']
  const fault = (sentence: string): ReadConfig => ({ entries: [], sentences: [`${source} ${sentence}`] })
  if (key === undefined)
    return fault(`is of type ${secret.type ?? '(none)'}, which the kubelet does not use for pulling`)
  const data = secret.data?.[key]
  if (data === undefined || data === '') return fault(`lacks the key ${key}`)
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(data, 'base64').toString('utf8'))
  } catch {
    return fault(`holds no JSON under ${key}; the kubelet cannot read it either`)
  }
  const auths = key === '.dockercfg' ? json : isTable(json) ? json['auths'] : undefined
  if (!isTable(auths)) return fault(`holds no registries under ${key}`)
  const entries: KeyringEntry[] = []
  const sentences: string[] = []
  for (const [location, entry] of Object.entries(auths).slice(0, MAX_ENTRIES)) {
    const credential = isTable(entry) ? credentialOf(entry, source) : undefined
    const name = keyOf(location)
    if (credential !== undefined) entries.push({ key: name, credential })
    else if (isTable(entry) && entry['identitytoken'] !== undefined) {
      sentences.push(`${source} has an identity token for ${name}, which the kubelet does not use`)
    } else sentences.push(`${source} has no user and password for ${name}`)
  }
  return { entries, sentences }
}

/** One part of a host name; a key is untrusted text, so its wildcards are matched in linear time. */
const partMatches = (part: string, text: string): boolean => {
  if (!/[*?]/.test(part)) return part === text
  const glob = compileGlob(part)
  return glob.ok && glob.test(text)
}

const splitKey = (key: string): { readonly parts: readonly string[]; readonly port: string; readonly path: string } => {
  const slash = key.indexOf('/')
  const host = slash < 0 ? key : key.slice(0, slash)
  const colon = /:(\d*)$/.exec(host)
  return {
    parts: (colon ? host.slice(0, colon.index) : host).split('.'),
    port: colon?.[1] ?? '',
    path: slash < 0 ? '' : key.slice(slash),
  }
}

const matches = (key: string, image: string): boolean => {
  const [want, have] = [splitKey(key), splitKey(image)]
  return (
    want.port === have.port &&
    want.parts.length === have.parts.length &&
    have.path.startsWith(want.path) &&
    want.parts.every((part, i) => partMatches(part, have.parts[i] ?? ''))
  )
}

/**
 * Credentials for an image in the order in which the kubelet tries them: longer, more particular keys first; for Docker
 * Hub at last `https://index.docker.io/v1/`. pkg/credentialprovider/keyring.go, Lookup and URLsMatch.
 */
export const credentialsFor = (entries: readonly KeyringEntry[], image: string): readonly Credential[] => {
  const parsed = parseImage(image)
  if (!parsed.ok) return []
  const { host, repository } = parsed.reference
  // 255 characters a key is more than any host and repository have; it bounds the wildcards.
  const usable = entries.filter(({ key }) => key.length <= 255)
  const fit = usable
    .filter(({ key }) => matches(key, `${host}/${repository}`))
    .toSorted((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0))
  const found = fit.length > 0 || host !== 'docker.io' ? fit : usable.filter(({ key }) => key === 'index.docker.io')
  return found.map(({ credential }) => credential)
}
