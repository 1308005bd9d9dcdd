import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** On which node the agent runs, by the claims of its own token: what the API server will hold it to. */
export interface Identity {
  readonly nodeName: string
  readonly nodeUid: string
  readonly podName: string
}

interface Claims {
  readonly 'kubernetes.io'?: {
    readonly node?: { readonly name?: string; readonly uid?: string }
    readonly pod?: { readonly name?: string }
  }
}

/** Reads the claims without checking the signature: the API server does that, with each request. Throws a sentence. */
export const identityOf = (token: string): Identity => {
  const [, payload = ''] = token.split('.')
  let claims: Claims
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims
  } catch (cause) {
    throw new Error('the service account token is not a JSON Web Token', { cause })
  }
  const { node, pod } = claims['kubernetes.io'] ?? {}
  if (!node?.name || !node.uid) {
    throw new Error(
      'the service account token does not contain the name and uid of the node: it must be bound to a pod, on Kubernetes 1.32 or newer',
    )
  }
  return { nodeName: node.name, nodeUid: node.uid, podName: pod?.name ?? '' }
}

/** From the token in a service account's folder. */
export const readIdentity = async (directory: string): Promise<Identity> => {
  const path = join(directory, 'token')
  const token = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Error(`reading the agent's own token in ${path}`, { cause })
  })
  return identityOf(token.trim())
}
