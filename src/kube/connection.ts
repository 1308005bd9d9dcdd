import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { inClusterConnection, SERVICE_ACCOUNT_DIR } from './in-cluster.ts'
import type { Connection } from './transport.ts'

export interface ConnectionOptions {
  /** One file, or several separated as in KUBECONFIG. Default: KUBECONFIG, `~/.kube/config`, the pod's service account. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /** Source of KUBECONFIG, KUBERNETES_SERVICE_HOST and _PORT; without it they count as unset. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

/** Connects to the cluster that kubectl would use. Throws an error that lists what was tried. */
export const loadKubeConnection = async ({
  kubeconfig,
  context,
  environment = {},
}: ConnectionOptions = {}): Promise<Connection> => {
  // In a cluster, the kubeconfig parser is never loaded.
  const outside = async (files: readonly string[]) =>
    (await import('./kubeconfig.ts')).kubeconfigConnection(files, context)
  const named = kubeconfig || environment['KUBECONFIG']
  if (named) return outside(named.split(delimiter).filter(Boolean))
  const usual = join(homedir(), '.kube', 'config')
  if (context !== undefined || (await exists(usual))) return outside([usual])
  if (await exists(join(SERVICE_ACCOUNT_DIR, 'token'))) {
    return inClusterConnection({
      host: environment['KUBERNETES_SERVICE_HOST'],
      port: environment['KUBERNETES_SERVICE_PORT'],
    })
  }
  throw new Error(
    `no cluster to talk to: neither --kubeconfig nor KUBECONFIG is set, there is no ${usual}, and this is not a pod with a service account`,
  )
}
