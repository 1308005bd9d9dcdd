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
  readonly resourceNames?: readonly string[]
  readonly verbs: Set<string>
  readonly why: Set<string>
}

/** Joins what several places declare: one line a resource (and set of names), with the verbs of all. */
export const joinRules = (rules: readonly RbacRule[]): readonly Line[] => {
  const lines = new Map<string, Line>()
  for (const { apiGroups, resources, verbs, resourceNames, why } of rules) {
    for (const group of apiGroups) {
      for (const resource of resources) {
        const key = JSON.stringify([group, resource, resourceNames?.toSorted()])
        const line = lines.get(key) ?? {
          apiGroups: [group],
          resources: [resource],
          ...(resourceNames && { resourceNames }),
          verbs: new Set<string>(),
          why: new Set<string>(),
        }
        for (const verb of verbs) line.verbs.add(verb)
        line.why.add(why)
        lines.set(key, line)
      }
    }
  }
  return [...lines].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line)
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
  const rules = role.lines.map((line) => {
    const [first, ...rest] = stringify({ ...line, verbs: [...line.verbs], why: undefined }, { collectionStyle: 'any' })
      .trimEnd()
      .split('\n')
    const why = [...line.why].map((phrase) => `  # ${phrase}\n`).join('')
    return `${why}  - ${first}\n${rest.map((text) => `    ${text}\n`).join('')}`
  })
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
