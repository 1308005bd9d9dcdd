import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { stringify } from 'yaml'
import type { RbacGrant, RbacRule } from '../../src/model/rbac.ts'
import { ACTION_TYPES } from '../../src/api/policy/actions.ts'
import { type Generator, HEADER } from './generator.ts'

/** Where the controller runs unless it is installed elsewhere. */
const NAMESPACE = 'podmend-system'
const ACCOUNT = 'podmend-controller'
const ORDER: readonly RbacGrant['action'][] = [
  'observe',
  'lead',
  'inspect-nodes',
  'read-pull-secrets',
  ...ACTION_TYPES,
  'share-node-leases',
]

const kebab = (name: string): string => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
const roleName = (action: RbacGrant['action']): string => `podmend-${kebab(action)}`

/** Every grant declared in `src/`, in the order of the files' names. */
export const declaredGrants = async (root: string): Promise<readonly RbacGrant[]> => {
  const files: string[] = []
  for await (const file of glob('src/**/*.ts', { cwd: root })) if (!file.endsWith('.test.ts')) files.push(file)
  const grants: RbacGrant[] = []
  for (const file of files.toSorted()) {
    if (!/^export const RBAC\b/m.test(await readFile(join(root, file), 'utf8'))) continue
    const { RBAC } = (await import(pathToFileURL(join(root, file)).href)) as { RBAC: RbacGrant | readonly RbacGrant[] }
    for (const grant of [RBAC].flat() as RbacGrant[]) {
      for (const rule of grant.rules) refuseLoose(rule, `${file}: ${grant.action}`)
      grants.push(grant)
    }
  }
  return grants
}

const refuseLoose = (rule: RbacRule, where: string): void => {
  const all = [...rule.apiGroups, ...rule.resources, ...rule.verbs, ...(rule.resourceNames ?? [])]
  if (all.some((name) => name.includes('*'))) throw new Error(`${where}: a right must not contain *`)
  if (rule.apiGroups.length * rule.resources.length * rule.verbs.length === 0)
    throw new Error(`${where}: a right must name groups, resources and verbs`)
  if (rule.why === '') throw new Error(`${where}: a right must say why`)
}

interface Line {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames: readonly string[]
  readonly verbs: readonly string[]
  readonly why: readonly string[]
}

/** Groups items by key and joins each group, in the order of the keys. */
const grouped = <T, R>(items: readonly T[], key: (item: T) => unknown, join: (same: readonly T[]) => R): readonly R[] =>
  [...Map.groupBy(items, (item) => JSON.stringify(key(item)))]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, same]) => join(same))

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)]

/** Joins rules of several declarations: first all verbs of a resource, then resources with the same verbs and reasons. */
export const joinRules = (rules: readonly RbacRule[]): readonly Line[] => {
  const single = rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [], why }) =>
    apiGroups.flatMap((group) => resources.map((resource) => ({ group, resource, resourceNames, verbs, why }))),
  )
  const perResource = grouped(
    single,
    ({ group, resource, resourceNames }) => [group, resource, resourceNames.toSorted()],
    (same) => ({
      group: same[0]?.group ?? '',
      resource: same[0]?.resource ?? '',
      resourceNames: same[0]?.resourceNames ?? [],
      verbs: unique(same.flatMap(({ verbs }) => verbs)),
      why: unique(same.map(({ why }) => why)),
    }),
  )
  return grouped(
    perResource,
    ({ group, resourceNames, verbs, why }) => [group, resourceNames, verbs.toSorted(), why.toSorted()],
    (same) => ({
      apiGroups: unique(same.map(({ group }) => group)),
      resources: same.map(({ resource }) => resource),
      resourceNames: same[0]?.resourceNames ?? [],
      verbs: same[0]?.verbs ?? [],
      why: same[0]?.why ?? [],
    }),
  )
}

/** Whether an action needs permissions in the operator's own namespace only. Throws if its grants disagree. */
const isNamespaced = (grants: readonly RbacGrant[], action: RbacGrant['action']): boolean => {
  const mine = grants.filter((grant) => grant.action === action)
  const own = mine.filter(({ namespaced }) => namespaced === true)
  if (own.length > 0 && own.length < mine.length)
    throw new Error(`${action}: some of its rights are namespaced, some not`)
  return own.length > 0 || action === 'lead' || isOfOthers({ action })
}

/** Whether it is for a namespace of other programs, which not every cluster has. */
const isOfOthers = ({ action }: Pick<RbacGrant, 'action'>): boolean => action === 'share-node-leases'

/** Permissions by role, in a fixed order. */
export const rolesOf = (grants: readonly RbacGrant[]) =>
  ORDER.map((action) => ({
    action,
    name: roleName(action),
    inNamespace: isNamespaced(grants, action),
    lines: joinRules(grants.filter((grant) => grant.action === action).flatMap((grant) => grant.rules)),
  })).filter(({ lines }) => lines.length > 0)

type Role = ReturnType<typeof rolesOf>[number]

/** What differs between plain manifests and the chart's templates. */
interface Place {
  readonly namespace: string
  /** The namespace of the leases that remediators share. */
  readonly leases: string
  /** Lines of `metadata`, indented by two. */
  readonly labels: string
}

const MANIFEST: Place = { namespace: NAMESPACE, leases: 'medik8s-leases', labels: '' }
const CHART: Place = {
  namespace: '{{ .Release.Namespace }}',
  leases: '{{ .Values.nodeLease.namespace }}',
  labels: '  labels:\n    {{- include "podmend.labels" . | nindent 4 }}\n',
}

const headYaml = (role: Role, kind: 'Role' | 'RoleBinding', { namespace, leases, labels }: Place): string =>
  [
    'apiVersion: rbac.authorization.k8s.io/v1',
    `kind: ${role.inNamespace ? kind : `Cluster${kind}`}`,
    'metadata:',
    `  name: ${role.name}`,
    ...(role.inNamespace ? [`  namespace: ${isOfOthers(role) ? leases : namespace}`] : []),
    labels,
  ].join('\n')

const roleYaml = (role: Role, place: Place): string => {
  const list = (items: readonly string[]): string => `[${items.map((item) => item || '""').join(', ')}]`
  const rules = role.lines.map(({ apiGroups, resources, resourceNames, verbs, why }) =>
    [
      ...why.map((phrase) => `  # ${phrase}`),
      `  - apiGroups: ${list(apiGroups)}`,
      `    resources: ${list(resources)}`,
      ...(resourceNames.length > 0 ? [`    resourceNames: ${list(resourceNames)}`] : []),
      `    verbs: ${list(verbs)}\n`,
    ].join('\n'),
  )
  return `${headYaml(role, 'Role', place)}rules:\n${rules.join('')}`
}

const bindingYaml = (role: Role, place: Place): string =>
  `${headYaml(role, 'RoleBinding', place)}roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${role.inNamespace ? 'Role' : 'ClusterRole'}
  name: ${role.name}
subjects:
  - kind: ServiceAccount
    name: ${ACCOUNT}
    namespace: ${place.namespace}
`

const observing = ({ action }: Role): boolean => action === 'observe' || action === 'lead'

const INSTALL = `# ${HEADER}
# Roles of the controller. Only the roles for observing and for leader election are bound here;
# allow-actions.yaml binds the others.
`

const ALLOW = `# ${HEADER}
# Allows the controller to act. Apply the whole file, or only the bindings of the actions that you want. Without the binding
# for pull secrets, the controller asks private registries anonymously and treats a denial as unknown. RewriteImage alone also
# allows deleting pods (the broken pods of a StatefulSet): to rule out RecyclePod, start with --disable-action=RecyclePod.
`

const CHART_ROLES = `# ${HEADER}
# All permissions that the controller can have, one role per action; bindings.yaml binds the roles that the values enable.
`

/** The value that enables a role's binding, e.g. `.Values.actions.rewriteImage.enabled`. */
const switchOf = ({ action }: Role): string => {
  if (action === 'read-pull-secrets') return '.Values.readPullSecrets.enabled'
  if (action === 'share-node-leases') return '.Values.nodeLease.namespace'
  if (action === 'inspect-nodes') return '.Values.agent.enabled'
  return `.Values.actions.${action.charAt(0).toLowerCase()}${action.slice(1)}.enabled`
}

const chartRoleOfOthers = (role: Role): string =>
  `{{- if ${switchOf(role)} }}\n---\n${roleYaml(role, CHART)}{{- end }}\n`

/** The first has no separator: an empty document would precede it. */
const chartBinding = (role: Role, at: number): string => {
  const text = `${at === 0 ? '' : '---\n'}${bindingYaml(role, CHART)}`
  return observing(role) ? text : `{{- if ${switchOf(role)} }}\n${text}{{- end }}\n`
}

/**
 * The roles of the constants named RBAC beside the code: `manifests/rbac.yaml` and `manifests/allow-actions.yaml`, and the
 * chart's templates.
 */
export const rbac: Generator = {
  name: 'rbac',
  outputs: async (root) => {
    const all = rolesOf(await declaredGrants(root))
    // Plain manifests must apply to every cluster.
    const roles = all.filter((role) => !isOfOthers(role))
    const account = [
      stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }),
      stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: NAMESPACE } }),
    ]
    const [bound, apart] = [roles.filter(observing), roles.filter((role) => !observing(role))]
    const roleIn = (place: Place) => (role: Role) => roleYaml(role, place)
    const bindingIn = (place: Place) => (role: Role) => bindingYaml(role, place)
    return [
      {
        path: 'manifests/rbac.yaml',
        text: INSTALL + [...account, ...roles.map(roleIn(MANIFEST)), ...bound.map(bindingIn(MANIFEST))].join('---\n'),
      },
      { path: 'manifests/allow-actions.yaml', text: ALLOW + apart.map(bindingIn(MANIFEST)).join('---\n') },
      {
        path: 'charts/podmend/templates/rights/roles.yaml',
        text: `${CHART_ROLES}${roles.map(roleIn(CHART)).join('---\n')}${all.filter(isOfOthers).map(chartRoleOfOthers).join('')}`,
      },
      {
        path: 'charts/podmend/templates/rights/bindings.yaml',
        text: `# ${HEADER}\n${[...bound, ...apart, ...all.filter(isOfOthers)].map(chartBinding).join('')}`,
      },
    ]
  },
}
