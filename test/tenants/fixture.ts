/** A tenant: a user with the rights of one namespace, and the admission policies of the chart. */
import { pathOf } from '../../src/kube/paths.ts'
import { eventually, type TestCluster } from '../../testbed/fixture.ts'
import { type Api, openApi } from '../../testbed/kubelet/api.ts'
import { admissionYaml, APPROVAL, NODE_TASK, REMEDIATION } from '../chart/admission.ts'
import { restrictedUser } from '../cli/fixture.ts'

const ALL = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']

/** What the tenant may do in the namespace. More than any role of Kubernetes or podmend grants: the status of records. */
const RIGHTS = [
  { apiGroups: [''], resources: ['pods', 'events', 'secrets', 'configmaps'], verbs: ALL },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ALL },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ALL },
  { apiGroups: ['podmend.io'], resources: ['remediations', 'remediations/status'], verbs: [...ALL, 'approve'] },
]

export interface Tenant {
  readonly user: string
  readonly namespace: string
  readonly kubeconfig: string
  /** Requests as this user; rejects with the status and the API server's sentence. */
  readonly api: Api
}

/** A user with these rights in a fresh namespace, and nothing elsewhere. Close `api` afterwards. */
export const createTenant = async (cluster: TestCluster, user: string): Promise<Tenant> => {
  const namespace = await cluster.namespace('tenant')
  const kubeconfig = await restrictedUser(cluster, namespace, user, RIGHTS)
  await eventually(() => cluster.kubectl(['auth', 'can-i', 'approve', 'rem', '-n', namespace], { kubeconfig }))
  return { user, namespace, kubeconfig, api: openApi(kubeconfig) }
}

/** A Remediation as the controller writes it, with another spec or status. */
export const forgedRecord = (namespace: string, name: string, spec: object = {}): object => ({
  apiVersion: 'podmend.io/v1alpha1',
  kind: 'Remediation',
  metadata: { name, namespace },
  spec: {
    policy: { name: 'p', uid: 'p-1', generation: 1 },
    cause: 'ProjectNotFound',
    target: { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web', uid: 'u-1' },
    templateHash: 'h',
    ...spec,
  },
})

/** Installs the three policies, and resolves when the API server enforces the one on Remediations. */
export const installAdmission = async (cluster: TestCluster): Promise<void> => {
  for (const template of [APPROVAL, NODE_TASK, REMEDIATION]) await cluster.applyYaml(await admissionYaml(template))
  await eventually(
    async () => {
      const input = JSON.stringify(forgedRecord('default', 'probe'))
      const answer = await cluster.kubectl(['create', '--dry-run=server', '-f', '-'], { input }).catch(String)
      if (!answer.includes('only the controller')) throw new Error(`not in force yet: ${answer}`)
    },
    { timeoutMs: 60_000, everyMs: 200 },
  )
}

export const recordPath = (namespace: string, name: string, subresource?: string): string =>
  pathOf({ kind: 'Remediation', namespace, name, ...(subresource !== undefined && { subresource }) })
