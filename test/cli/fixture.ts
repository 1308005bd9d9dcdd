/** What the tests of the command find in the cluster. */
import type { RemediationPolicy } from '../../src/api/kinds.ts'
import type { Pod, Workload } from '../../src/model/kubernetes.ts'
import { eventually, type TestCluster } from '../../testbed/fixture.ts'

export const HOST = 'moved.example.com'
export const BROKEN = `${HOST}/k8s/web:1`
export const REPAIRED = `${HOST}/public/web:1`

const SAID =
  `Back-off pulling image "${BROKEN}": ErrImagePull: rpc error: code = Unknown desc = Error response from daemon: ` +
  'unauthorized: project not found, name: k8s: project not found, name: k8s'

/** CRDs, roles and a node. */
export const install = async ({ kubectl, applyYaml }: TestCluster): Promise<void> => {
  await kubectl(['apply', '-f', 'crds/', '-f', 'manifests/rbac.yaml'])
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all'])
  await applyYaml(JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } }))
  const nodeInfo = { architecture: 'amd64', operatingSystem: 'linux' }
  await kubectl([
    'patch',
    'node',
    'node-1',
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status: { nodeInfo } }),
  ])
}

/** Reports a pod as a kubelet does that cannot pull the image; failing for ten minutes. */
const breakPod = ({ kubectl }: TestCluster, namespace: string, name: string): Promise<string> => {
  const at = new Date(Date.now() - 600_000).toISOString().replace(/\.\d+Z$/, 'Z')
  const condition = (type: string) => ({ type, status: 'False', lastTransitionTime: at })
  const status = {
    phase: 'Pending',
    startTime: at,
    conditions: [condition('Ready'), condition('ContainersReady')],
    containerStatuses: [
      {
        name: 'web',
        image: BROKEN,
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: 'ImagePullBackOff', message: SAID } },
      },
    ],
  }
  return kubectl([
    'patch',
    'pod',
    name,
    '-n',
    namespace,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ])
}

/** A Deployment with one pod that cannot pull its image; answers the pod's name. */
export const brokenDeployment = async (cluster: TestCluster, namespace: string): Promise<string> => {
  const spec = {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { nodeName: 'node-1', containers: [{ name: 'web', image: BROKEN }] },
    },
  }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace }, spec }
  await cluster.applyYaml(JSON.stringify(deployment))
  return breakItsPod(cluster, namespace)
}

/** Once there is a pod of app `web` it cannot pull its image; answers its name. */
export const breakItsPod = async (cluster: TestCluster, namespace: string): Promise<string> => {
  const pod = await eventually(async () => {
    const { items } = await cluster.get<{ items: Pod[] }>('pods', '-n', namespace, '-l', 'app=web')
    if (!items[0]) throw new Error('there is no pod yet')
    return items[0].metadata.name
  })
  await breakPod(cluster, namespace, pod)
  return pod
}

export const deploymentIn = (cluster: TestCluster, namespace: string): Promise<Workload> =>
  cluster.get<Workload>('deployment', 'web', '-n', namespace, '--show-managed-fields')

export const imageOf = (workload: Workload): string | undefined => workload.spec?.template?.spec?.containers?.[0]?.image

interface PolicyOptions {
  readonly mode?: 'Observe' | 'Approve' | 'Enforce'
  readonly namespace?: string
  readonly verify?: 'Required' | 'Never'
  readonly limits?: object
}

/** A policy that knows where the project moved, as YAML. */
export const policyYaml = (
  name: string,
  { mode = 'Observe', namespace, verify = 'Never', limits }: PolicyOptions = {},
): string =>
  JSON.stringify({
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'RemediationPolicy',
    metadata: { name },
    spec: {
      mode,
      match: {
        causes: ['ProjectNotFound', 'RepositoryNotFoundOrDenied'],
        images: [`${HOST}/k8s/*`],
        ...(namespace && { namespaces: [namespace] }),
      },
      actions: [
        { type: 'RewriteImage', rewriteImage: { verify, rules: [{ from: `${HOST}/k8s/`, to: `${HOST}/public/` }] } },
      ],
      ...(limits && { limits }),
    },
  })

export const applyPolicy = async (
  cluster: TestCluster,
  name: string,
  options: PolicyOptions,
): Promise<RemediationPolicy> => {
  await cluster.applyYaml(policyYaml(name, options))
  return cluster.get<RemediationPolicy>('rempol', name)
}

/** A user who may do just this in one namespace; answers a kubeconfig. */
export const restrictedUser = async (
  cluster: TestCluster,
  namespace: string,
  user: string,
  rules: readonly object[],
): Promise<string> => {
  const metadata = { name: user, namespace }
  const rbac = 'rbac.authorization.k8s.io'
  await cluster.applyYaml(JSON.stringify({ apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules }))
  const roleRef = { apiGroup: rbac, kind: 'Role', name: user }
  const subjects = [{ kind: 'User', name: user, apiGroup: rbac }]
  await cluster.applyYaml(
    JSON.stringify({ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects }),
  )
  return cluster.plane.userKubeconfig(user)
}
