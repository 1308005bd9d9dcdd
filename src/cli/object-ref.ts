import { UsageError } from '../config/arguments.ts'

/** What a person named: `deploy/web` is kind Deployment, name web. */
export interface Named {
  readonly kind: string
  readonly name: string
}

/** Names of a kind as kubectl takes them: singular, plural, short, and with the group. */
const namesOf = (kind: string, group: string, ...short: readonly string[]): readonly (readonly [string, string])[] => {
  const singular = kind.toLowerCase()
  const plural = singular.endsWith('y') ? `${singular.slice(0, -1)}ies` : `${singular}s`
  const grouped = group === '' ? [] : [singular, plural].map((name) => `${name}.${group}`)
  return [singular, plural, ...short, ...grouped].map((name) => [name, kind])
}

export const WORKLOAD_KINDS: ReadonlyMap<string, string> = new Map([
  ...namesOf('Pod', '', 'po'),
  ...namesOf('Deployment', 'apps', 'deploy'),
  ...namesOf('StatefulSet', 'apps', 'sts'),
  ...namesOf('DaemonSet', 'apps', 'ds'),
  ...namesOf('ReplicaSet', 'apps', 'rs'),
  ...namesOf('Job', 'batch'),
  ...namesOf('CronJob', 'batch', 'cj'),
])

/** What `explain` explains: a node has pods of many namespaces, and none itself. */
export const EXPLAINED_KINDS: ReadonlyMap<string, string> = new Map([...WORKLOAD_KINDS, ...namesOf('Node', '', 'no')])

export const RECORD_KINDS: ReadonlyMap<string, string> = new Map(namesOf('Remediation', 'podmend.io', 'rem'))

/** Kubernetes' rule for most names; what breaks it cannot exist, and might be taken for a path. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** The object in `TYPE/NAME` or `TYPE NAME`. Throws `UsageError`. */
export const parseNamed = (positionals: readonly string[], kinds: ReadonlyMap<string, string>): Named => {
  const known = [...new Set(kinds.values())].map((kind) => kind.toLowerCase()).join(', ')
  const expected = `expected TYPE/NAME or TYPE NAME, where TYPE is one of ${known}`
  if (positionals.length === 0) throw new UsageError(`no object given; ${expected}`)
  const parts = positionals.length === 1 ? (positionals[0] ?? '').split('/') : positionals
  const [type = '', name] = parts
  const shown = positionals.join(' ').slice(0, 120)
  if (parts.length !== 2 || name === undefined) throw new UsageError(`found "${shown}"; ${expected}`)
  const kind = kinds.get(type.toLowerCase())
  if (kind === undefined) throw new UsageError(`type "${type.slice(0, 80)}" is not supported; ${expected}`)
  if (!NAME.test(name)) throw new UsageError(`"${name.slice(0, 80)}" is not a valid Kubernetes name; ${expected}`)
  return { kind, name }
}
