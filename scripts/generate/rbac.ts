import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { stringify } from 'yaml'
import type { RbacGrant, RbacRule } from '../../src/api/rbac.ts'
import { ACTION_TYPES } from '../../src/api/reasons.ts'
import { type Generator, HEADER } from './generator.ts'

/** Where the controller runs unless it is installed elsewhere. */
const NAMESPACE = 'kubemend-system'
const ACCOUNT = 'kubemend-controller'
const ORDER: readonly RbacGrant['action'][] = ['observe', 'lead', 'read-pull-secrets', ...ACTION_TYPES]

const kebab = (name: string): string => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
const roleName = (action: RbacGrant['action']): string => `kubemend-${kebab(action)}`

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

/** The values of a map whose keys are made of the items, each from all items of that key. */
const grouped = <T, R>(items: readonly T[], key: (item: T) => unknown, join: (same: readonly T[]) => R): readonly R[] =>
  [...Map.groupBy(items, (item) => JSON.stringify(key(item)))]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, same]) => join(same))

const unique = <T>(items: readonly T[]): readonly T[] => [...new Set(items)]

/** Joins what several places declare: the verbs of all for a resource, then resources with the same verbs and reasons. */
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

/** Rights by role, in a fixed order. */
export const rolesOf = (grants: readonly RbacGrant[]) =>
  ORDER.map((action) => ({
    action,
    name: roleName(action),
    lines: joinRules(grants.filter((grant) => grant.action === action).flatMap((grant) => grant.rules)),
  })).filter(({ lines }) => lines.length > 0)

type Role = ReturnType<typeof rolesOf>[number]

const inNamespace = ({ action }: Role): boolean => action === 'lead'

const roleYaml = (role: Role): string => {
  const head = stringify({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: inNamespace(role) ? 'Role' : 'ClusterRole',
    metadata: { name: role.name, ...(inNamespace(role) && { namespace: NAMESPACE }) },
  })
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
  return `${head}rules:\n${rules.join('')}`
}

const bindingYaml = (role: Role): string =>
  stringify({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: inNamespace(role) ? 'RoleBinding' : 'ClusterRoleBinding',
    metadata: { name: role.name, ...(inNamespace(role) && { namespace: NAMESPACE }) },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: inNamespace(role) ? 'Role' : 'ClusterRole',
      name: role.name,
    },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }],
  })

const observing = ({ action }: Role): boolean => action === 'observe' || action === 'lead'

const INSTALL = `# ${HEADER}
# Roles of the controller. Only the first, which can look but not touch, is bound here;
# allow-actions.yaml binds the others.
`

const ALLOW = `# ${HEADER}
# Lets the controller act: apply it whole, or only the bindings of the actions that you want. Without the one for
# pull secrets, private registries are asked without credentials and their answers count as unknown.
`

/** `manifests/rbac.yaml` and `manifests/allow-actions.yaml`, from the constants named RBAC beside the code. */
export const rbac: Generator = {
  name: 'rbac',
  outputs: async (root) => {
    const roles = rolesOf(await declaredGrants(root))
    const account = [
      stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }),
      stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: NAMESPACE } }),
    ]
    const [bound, apart] = [roles.filter(observing), roles.filter((role) => !observing(role))]
    return [
      {
        path: 'manifests/rbac.yaml',
        text: INSTALL + [...account, ...roles.map(roleYaml), ...bound.map(bindingYaml)].join('---\n'),
      },
      { path: 'manifests/allow-actions.yaml', text: ALLOW + apart.map(bindingYaml).join('---\n') },
    ]
  },
}
