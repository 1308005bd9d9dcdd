/** The folder that a kubelet would mount into a pod: the token of its service account. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeClient } from '../src/kube/client.ts'
import { pathOf } from '../src/kube/paths.ts'
import type { ControlPlane } from '../testbed/control-plane/control-plane.ts'

interface Pod {
  readonly name: string
  readonly namespace: string
  readonly serviceAccount: string
  /** Of a pod that runs on one. */
  readonly nodeName?: string
}

/** Creates the pod and the folder with a token that is bound to it; returns its path. */
export const makeAccountFolder = async (
  { client, plane }: { readonly client: KubeClient; readonly plane: ControlPlane },
  { name, namespace, serviceAccount, nodeName }: Pod,
): Promise<string> => {
  await client.create(pathOf({ kind: 'Pod', namespace }), {
    metadata: { name },
    spec: {
      serviceAccountName: serviceAccount,
      ...(nodeName !== undefined && { nodeName }),
      containers: [{ name: 'it', image: 'it' }],
    },
  })
  const path = pathOf({ kind: 'ServiceAccount', namespace, name: serviceAccount, subresource: 'token' })
  const { status } = await client.create<{ status: { token: string } }>(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 7_200, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name } },
  })
  const folder = join(plane.directory, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'token'), status.token, { mode: 0o600 })
  writeFileSync(join(folder, 'namespace'), namespace)
  writeFileSync(join(folder, 'ca.crt'), readFileSync(plane.caFile))
  return folder
}
