/** The admission policy on approvals, and people who may and may not approve. */
import type { Remediation } from '../../src/api/kinds.ts'
import { eventually, type TestCluster } from '../../testbed/fixture.ts'
import { admissionYaml, APPROVAL } from '../chart/admission.ts'

const APPROVE = [{ apiGroups: ['podmend.io'], resources: ['remediations'], verbs: ['get', 'list', 'patch', 'approve'] }]
const EDIT = [
  { apiGroups: ['podmend.io'], resources: ['remediations'], verbs: ['get', 'list', 'patch', 'update', 'create'] },
]
export const MAY = { APPROVE, EDIT } as const

/** Installs the policy, and resolves when the API server goes by it. */
export const installApprovalPolicy = async (cluster: TestCluster): Promise<void> => {
  await cluster.applyYaml(await admissionYaml(APPROVAL))
  const spec = {
    policy: { name: 'x', uid: 'x', generation: 1 },
    cause: 'ProjectNotFound',
    target: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x', uid: 'x' },
    templateHash: 'x',
  }
  const probe = {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'Remediation',
    metadata: { name: 'probe', namespace: 'default' },
    spec,
  }
  await cluster.applyYaml(JSON.stringify(probe))
  await propose(cluster, 'default', 'probe')
  const nobody = { decision: 'Approved', planHash: PLAN, by: 'nobody' }
  await eventually(
    async () => {
      const answer = await approve(cluster, 'default', 'probe', nobody, ['--dry-run=server']).catch(String)
      if (!answer.includes('expected kubernetes-admin')) throw new Error(`not in force yet: ${answer}`)
    },
    { timeoutMs: 60_000, everyMs: 200 },
  )
  await cluster.kubectl(['delete', 'rem', 'probe', '-n', 'default'])
}

export const PLAN = 'abcdef0123456789'

/** Puts a plan to a person, as the controller leaves it on a record. */
export const propose = (cluster: TestCluster, namespace: string, name: string, more: object = {}): Promise<string> => {
  const status = {
    phase: 'AwaitingApproval',
    reason: 'AwaitingApproval',
    message: 'waits for approval',
    action: 'RewriteImage',
    planHash: PLAN,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    ...more,
  }
  const patch = JSON.stringify({ status })
  return cluster.kubectl(['patch', 'rem', name, '-n', namespace, '--subresource=status', '--type=merge', '-p', patch])
}

/** Writes an approval as it is, by kubectl. */
export const approve = (
  cluster: TestCluster,
  namespace: string,
  name: string,
  approval: object | null,
  args: readonly string[] = [],
  kubeconfig?: string,
): Promise<string> =>
  cluster.kubectl(
    ['patch', 'rem', name, '-n', namespace, '--type=merge', '-p', JSON.stringify({ spec: { approval } }), ...args],
    kubeconfig === undefined ? {} : { kubeconfig },
  )

export const readRecord = (cluster: TestCluster, namespace: string, name: string): Promise<Remediation> =>
  cluster.get<Remediation>('rem', name, '-n', namespace)
