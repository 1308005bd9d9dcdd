import type { Api } from './api.ts'
import { findLogins } from './credentials.ts'
import type { Container, Pod } from './objects.ts'
import { type PullFailure, pullMessages, type Runtime } from './pull-messages.ts'
import { readReference, type Reference } from './reference.ts'
import { resolveImage } from './registry-client.ts'

export type PullResult =
  | {
      readonly kind: 'pulled' | 'present'
      readonly image: string
      readonly imageID: string
      readonly ms: number
      /** False when its program is for another processor: it then fails to start. */
      readonly isExecutable: boolean
    }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'never'; readonly message: string }

export interface PullerDeps {
  readonly api: Api
  readonly hostsDir: string
  readonly runtime: Runtime
  /** `linux/amd64` */
  readonly platform: string
  /** Whether the kubelet keeps gRPC's `code = Unknown`. */
  readonly keepsUnknownCode: boolean
  readonly onStored: (reference: Reference, digest: string) => void
}

/** Hosts whose images need no registry: their name defines their behaviour. */
const WITHOUT_REGISTRY = new Set(['healthy.test', 'crash.test', 'done.test'])
const NO_DIGEST = `sha256:${'0'.repeat(64)}`

interface Stored {
  readonly digest: string
  readonly isExecutable: boolean
}

/** Gets images for one node, which keeps what it once pulled. */
export const makePuller = ({ api, hostsDir, runtime, platform, keepsUnknownCode, onStored }: PullerDeps) => {
  const stored = new Map<string, Stored>()
  const scheme = runtime === 'docker' ? 'docker-pullable://' : ''
  const imageID = ({ host, repository }: Reference, digest: string): string =>
    `${scheme}${host}/${repository}@${digest}`

  const pull = async (pod: Pod, reference: Reference): Promise<Stored | { failures: PullFailure[] }> => {
    if (WITHOUT_REGISTRY.has(reference.host)) return { digest: NO_DIGEST, isExecutable: true }
    const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []))
    const logins = await findLogins(api, pod.metadata.namespace, names, reference.host)
    const failures: PullFailure[] = []
    for (const login of logins.length > 0 ? logins : [undefined]) {
      const resolution = await resolveImage(reference, { hostsDir, login, style: runtime })
      if (resolution.kind !== 'found') {
        failures.push(resolution)
        continue
      }
      const isExecutable = resolution.platforms.includes(platform)
      if (isExecutable || !resolution.isIndex) return { digest: resolution.digest, isExecutable }
      failures.push({ kind: 'no-platform', platform })
    }
    return { failures }
  }

  return async (pod: Pod, { image, imagePullPolicy = 'IfNotPresent' }: Container): Promise<PullResult> => {
    let reference: Reference
    try {
      reference = readReference(image)
    } catch (cause) {
      const why = `couldn't parse image name "${image}": ${(cause as Error).message}`
      return { kind: 'invalid', message: `Failed to apply default image tag "${image}": ${why}` }
    }
    const known = stored.get(reference.full)
    if (known !== undefined && imagePullPolicy !== 'Always') {
      const { digest, isExecutable } = known
      return { kind: 'present', image: reference.full, imageID: imageID(reference, digest), ms: 0, isExecutable }
    }
    if (imagePullPolicy === 'Never') {
      return { kind: 'never', message: `Container image "${image}" is not present with pull policy of Never` }
    }
    const began = Date.now()
    const result = await pull(pod, reference)
    if ('digest' in result) {
      stored.set(reference.full, result)
      onStored(reference, result.digest)
      const id = imageID(reference, result.digest)
      const { isExecutable } = result
      return { kind: 'pulled', image: reference.full, imageID: id, ms: Date.now() - began, isExecutable }
    }
    const messages = result.failures.map((failure) => {
      const { code, text } = pullMessages(runtime, reference, failure)
      return code === 'Unknown' && !keepsUnknownCode ? text : `rpc error: code = ${code} desc = ${text}`
    })
    // The kubelet tries one login after the other, and puts what they met in brackets.
    return { kind: 'failed', message: messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(', ')}]` }
  }
}

export type Puller = ReturnType<typeof makePuller>
