import type { Pod, Secret, ServiceAccount } from '../api/kubernetes.ts'
import { pathOf } from '../runtime/paths.ts'
import { type KeyringEntry, readDockerConfig } from './docker-config.ts'
import { type Reads, whyUnread } from './reads.ts'

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
      sentences: [...(hosts === '' ? [] : [`secret ${namespace}/${name} is for ${hosts}`]), ...sentences],
    }
  } catch (error) {
    const why = path === '' ? 'that cannot be the name of a secret' : whyUnread(path, error)
    return { entries: [], sentences: [`pull secret "${name.slice(0, 80)}" is not used: ${why}`] }
  }
}

/**
 * Worth a look only where a registry denied the pod: the service account's secrets came into the pod's spec when it was
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
      `service account ${name} has pull secret ${secrets.slice(0, 4).join(', ')}, which this older pod does not carry`,
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
