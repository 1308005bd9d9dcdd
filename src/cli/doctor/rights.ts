/** The permissions that `doctor` checks, from the roles in `manifests/`. */
import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import type { RemediationPolicy } from '../../api/kinds.ts'
import { ACTION_TYPES, type ActionType } from '../../api/policy/actions.ts'
import { pathOf } from '../../kube/paths.ts'
import { packageFile } from '../../runtime/package-root.ts'
import { type Check, fail, ok, unreadable, warn } from './check.ts'
import type { Client } from './installation.ts'

/** Permission for one verb on one resource. */
export interface Right {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  /** Absent: in every namespace. */
  readonly namespace?: string
  readonly name?: string
}

export interface Role {
  /** e.g. `observe`, `rewrite-image`. */
  readonly action: string
  readonly rights: readonly Right[]
}

interface RoleObject {
  readonly kind?: string
  readonly metadata?: { readonly name?: string }
  readonly rules?: readonly {
    readonly apiGroups?: readonly string[]
    readonly resources?: readonly string[]
    readonly resourceNames?: readonly string[]
    readonly verbs?: readonly string[]
  }[]
}

const PREFIX = 'podmend-'

/** The permissions of each role in a manifest; those of kind Role are in the operator's namespace. */
export const rolesIn = (manifest: string, operatorNamespace: string): readonly Role[] =>
  parseAllDocuments(manifest).flatMap((document) => {
    const role = document.toJS() as RoleObject | null
    if (role?.kind !== 'Role' && role?.kind !== 'ClusterRole') return []
    const rights = (role.rules ?? []).flatMap(({ apiGroups = [], resources = [], resourceNames, verbs = [] }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((path) =>
          verbs.flatMap((verb) =>
            (resourceNames ?? [undefined]).map((name): Right => {
              const [resource = '', subresource] = path.split('/')
              return {
                verb,
                group,
                resource,
                ...(subresource !== undefined && { subresource }),
                ...(role.kind === 'Role' && { namespace: operatorNamespace }),
                ...(name !== undefined && { name }),
              }
            }),
          ),
        ),
      ),
    )
    return [{ action: (role.metadata?.name ?? '').replace(PREFIX, ''), rights }]
  })

/** `patch deployments.apps`. */
export const describeRule = ({ verb, group, resource, subresource, name }: Right): string =>
  `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${group && `.${group}`}${name === undefined ? '' : ` ${name}`}`

/** `RewriteImage` → `rewrite-image`, as roles are named. */
const kebab = (action: string): string => action.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()

/** The chart value that grants the permissions of an action, or to read pull secrets. */
const valueOf = (type: ActionType | undefined): string =>
  type === undefined
    ? 'readPullSecrets.enabled=true'
    : `actions.${type.charAt(0).toLowerCase()}${type.slice(1)}.enabled=true`

const MAX_NAMED = 6

/**
 * Checks the permissions of a role. Those for observing and leader election are required; those of an action only if a
 * policy enables it.
 */
export const checkRole = (
  { action, rights }: Role,
  missing: readonly Right[],
  subject: string,
  policies: readonly RemediationPolicy[],
): Check => {
  const check = `rights to ${action}`
  if (missing.length === 0) return ok(check, `${subject} has all ${rights.length}`)
  const named = missing.slice(0, MAX_NAMED).map(describeRule)
  const more = missing.length - named.length
  const message = `${subject} cannot ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  const type = ACTION_TYPES.find((one) => kebab(one) === action)
  if (type === undefined && action !== 'read-pull-secrets')
    return fail(check, message, 'upgrade the chart, or kubectl apply -f manifests/rbac.yaml')
  const grant = `set ${valueOf(type)} in the chart, or apply the binding of podmend-${action} in manifests/allow-actions.yaml`
  const users = policies.filter(
    ({ spec }) => spec.mode !== 'Observe' && spec.actions.some((one) => type === undefined || one.type === type),
  )
  if (users.length === 0) return ok(check, `not granted to ${subject}, and no acting policy needs them`)
  const who = `policy ${users
    .map(({ metadata }) => metadata.name)
    .slice(0, MAX_NAMED)
    .join(', ')} needs it`
  return type === undefined
    ? warn(check, `${message}: images in private registries cannot be checked`, grant)
    : fail(check, `${message}; ${who}`, grant)
}

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

export const readRights = async (
  client: Client,
  subject: Subject | undefined,
  operatorNamespace: string,
  policies: readonly RemediationPolicy[],
): Promise<readonly Check[]> => {
  const roles = await readFile(packageFile(MANIFEST), 'utf8').then(
    (text): readonly Role[] => rolesIn(text, operatorNamespace),
    () => undefined,
  )
  if (!roles)
    return [warn('rights', 'manifests/rbac.yaml is missing, so rights cannot be compared', 'npm run generate')]
  const who = subject ? `service account ${subject.namespace}/${subject.name}` : 'this user'
  const checks = roles.map(async (role) => {
    const allowed = await Promise.all(role.rights.map((right) => isAllowed(client, right, subject)))
    return checkRole(
      role,
      role.rights.filter((_, i) => allowed[i] !== true),
      who,
      policies,
    )
  })
  return Promise.all(checks).catch((error: unknown) => [unreadable('rights')(error)])
}
