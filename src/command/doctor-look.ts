/** What `doctor` reads. Each look ends in checks: what cannot be read is a check that says so. */
import { readdir, readFile } from 'node:fs/promises'
import { customResourceDefinitions } from '../api/kinds.ts'
import type { KubeObject } from '../api/kubernetes.ts'
import type { RemediationPolicy } from '../api/objects.ts'
import { readHosts } from '../diagnose/registry/hosts.ts'
import { notFound } from '../runtime/errors.ts'
import { type KubeClient, listAll } from '../runtime/kube-client.ts'
import type { Lease } from '../runtime/lease.ts'
import { packageFile } from '../runtime/package-root.ts'
import { pathOf } from '../runtime/paths.ts'
import { type Check, fail, ok, warn } from './check.ts'
import {
  type FoundCrd,
  judgeCrd,
  judgeLease,
  judgePause,
  judgeVersion,
  type ServerVersion,
} from './doctor-installation.ts'
import { judgePolicies } from './doctor-policies.ts'
import { orUndefined, unreadable } from './doctor-read.ts'
import { judgeRole, type Right, type Role, rolesIn } from './doctor-rights.ts'
import { sentenceOf } from './failure.ts'

type Client = Pick<KubeClient, 'get' | 'list' | 'create'>

export const lookAtServer = async (client: Client): Promise<Check> =>
  judgeVersion(await client.get<ServerVersion>('/version'))

export const lookAtCrds = (client: Client): Promise<readonly Check[]> =>
  Promise.all(
    customResourceDefinitions().map(async (wanted) => {
      const path = pathOf({ kind: 'CustomResourceDefinition', name: wanted.metadata.name })
      return client
        .get<FoundCrd>(path)
        .catch(orUndefined)
        .then((found) => judgeCrd(found, wanted))
        .catch(unreadable(`CRD ${wanted.spec.names.plural}`))
    }),
  )

/** The policies, and what the controller made of them; none where the kind is not there, which is another check's. */
export const lookAtPolicies = (
  client: Client,
): Promise<{ readonly policies: readonly RemediationPolicy[]; readonly checks: readonly Check[] }> =>
  listAll<RemediationPolicy>(client, pathOf({ kind: 'RemediationPolicy' })).then(
    ({ items }) => ({ policies: items, checks: judgePolicies(items) }),
    (error: unknown) => ({ policies: [], checks: notFound(error) ? [] : [unreadable('policies')(error)] }),
  )

export const lookAtPause = (client: Client, namespace: string): Promise<Check> =>
  client
    .get<KubeObject>(pathOf({ kind: 'Namespace', name: namespace }))
    .catch(orUndefined)
    .then((found) => judgePause(found, namespace))
    .catch(unreadable('stop annotation'))

export const lookAtLease = (client: Client, namespace: string, now: number): Promise<Check> =>
  client
    .list<Lease>(pathOf({ kind: 'Lease', namespace }), { limit: 100 })
    .then(({ items }) => judgeLease(items, namespace, now))
    .catch(unreadable('controller'))

/** Roles as they are installed. */
const MANIFEST = 'manifests/rbac.yaml'

/** A service account as `NAMESPACE/NAME`; without one, the user of the command is meant. */
interface Subject {
  readonly namespace: string
  readonly name: string
}

const review = ({ verb, group, resource, subresource, namespace, name }: Right, subject: Subject | undefined) => {
  const resourceAttributes = { verb, group, resource, subresource, namespace, name }
  if (!subject) return { kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } }
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${subject.namespace}`, 'system:authenticated']
  const user = `system:serviceaccount:${subject.namespace}:${subject.name}`
  return { kind: 'SubjectAccessReview', spec: { resourceAttributes, user, groups } }
}

const AUTHORIZATION = 'authorization.k8s.io/v1'

const isAllowed = async (client: Client, right: Right, subject: Subject | undefined): Promise<boolean> => {
  const body = { apiVersion: AUTHORIZATION, ...review(right, subject) }
  const path = pathOf({ apiVersion: AUTHORIZATION, plural: `${body.kind.toLowerCase()}s` })
  const answer = await client.create<{ readonly status?: { readonly allowed?: boolean } }>(path, body)
  return answer.status?.allowed === true
}

export const lookAtRights = async (
  client: Client,
  subject: Subject | undefined,
  operatorNamespace: string,
  policies: readonly RemediationPolicy[],
): Promise<readonly Check[]> => {
  const roles = await readFile(packageFile(MANIFEST), 'utf8').then(
    (text): readonly Role[] => rolesIn(text, operatorNamespace),
    () => undefined,
  )
  if (!roles) return [warn('rights', 'manifests/rbac.yaml is not there to compare with', 'npm run generate')]
  const who = subject ? `service account ${subject.namespace}/${subject.name}` : 'this user'
  const looks = roles.map(async (role) => {
    const allowed = await Promise.all(role.rights.map((right) => isAllowed(client, right, subject)))
    return judgeRole(
      role,
      role.rights.filter((_, i) => allowed[i] !== true),
      who,
      policies,
    )
  })
  return Promise.all(looks).catch((error: unknown) => [unreadable('rights')(error)])
}

const MAX_HOSTS = 500

/** Whether each `hosts.toml` can be used. */
export const lookAtHosts = async (directory: string | undefined): Promise<readonly Check[]> => {
  const check = 'registry hosts'
  if (directory === undefined)
    return [ok(check, 'no directory is given: registries are asked by https under their own names')]
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    const names = entries.filter((entry) => !entry.isFile()).map(({ name }) => name)
    const read = await Promise.all(
      // `HOST_PORT_` is how containerd writes a port where the file system takes no colon.
      names.slice(0, MAX_HOSTS).map((name) => readHosts(name.replace(/_(\d+)_$/, ':$1'), directory)),
    )
    const complaints = read.flatMap((hosts) => hosts.complaints)
    return complaints.length > 0
      ? complaints.map((complaint) => fail(check, complaint, 'mend the file; until then the registry itself is asked'))
      : [ok(check, `${directory} speaks of ${names.join(', ') || 'no registry'}`)]
  } catch (error) {
    return [fail(check, `${directory} cannot be read: ${sentenceOf(error)}`, 'name another with --registry-hosts-dir')]
  }
}
