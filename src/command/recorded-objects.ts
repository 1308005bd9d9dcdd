/** Objects that kubectl wrote to a file, read as an API server would give them: pure. */
import type { KubeObject } from '../api/kubernetes.ts'
import { KubeError, type Verb } from '../runtime/errors.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import { parsePath, pathOf } from '../runtime/paths.ts'

/** `key=value`, `key!=value`, `key`, `!key`, `key in (a,b)`, `key notin (a,b)`. */
const REQUIREMENT =
  /^\s*(?<not>!)?(?<key>[^\s!=]+)\s*(?:(?<op>!=|==?|notin\b|in\b)\s*(?:\((?<list>[^)]*)\)|(?<value>\S*)))?\s*$/

/** Splits at commas that are not inside parentheses. */
const requirementsOf = (selector: string): readonly string[] => selector.match(/(?:[^,(]|\([^)]*\))+/g) ?? []

/** Whether values by key are selected, as the API server has it. Throws on what is no selector. */
export const selects = (selector: string, valueOf: (key: string) => string | undefined): boolean =>
  requirementsOf(selector).every((text) => {
    const { not, key = '', op, list, value = '' } = REQUIREMENT.exec(text)?.groups ?? {}
    if (key === '') throw new Error(`"${text.slice(0, 80)}" is no requirement of a selector`)
    const found = valueOf(key)
    if (op === undefined) return (found !== undefined) !== (not === '!')
    const wanted = list === undefined ? [value] : list.split(',').map((one) => one.trim())
    return wanted.includes(found ?? '') !== (op === '!=' || op === 'notin')
  })

/** `spec.nodeName`; absent is empty, as the API server has it for fields. */
const fieldOf = (object: unknown, path: string): string => {
  const found = path
    .split('.')
    .reduce<unknown>((at, part) => (at as Readonly<Record<string, unknown>> | undefined)?.[part], object)
  return typeof found === 'string' ? found : found === undefined || found === null ? '' : JSON.stringify(found)
}

/** Resource and group, e.g. `deployments.apps`; undefined of kinds that nobody here reads. */
const resourceOf = ({ kind, apiVersion }: KubeObject): string | undefined => {
  try {
    const { resource, group } = parsePath(pathOf({ kind, apiVersion })) ?? {}
    return resource === undefined ? undefined : `${resource}${group ? `.${group}` : ''}`
  } catch {
    return undefined
  }
}

export interface Recorded {
  readonly client: Pick<KubeClient, 'get' | 'list'>
  /** Resources that were asked for and of which the recording holds no object, each once. */
  readonly missing: () => readonly string[]
}

const failure = (verb: Verb, path: string, status: number, reason: string, message: string): KubeError =>
  new KubeError(message, { status, reason, verb, path })

/** Answers from these objects. What is of a kind that they hold none of is not known, rather than not there. */
export const createRecorded = (objects: readonly KubeObject[]): Recorded => {
  const byResource = new Map<string, KubeObject[]>()
  for (const object of objects) {
    const resource = resourceOf(object)
    if (resource !== undefined) byResource.set(resource, [...(byResource.get(resource) ?? []), object])
  }
  const missing = new Set<string>()

  const collection = (verb: Verb, path: string) => {
    const { resource = path, group = '', namespace, name } = parsePath(path) ?? {}
    const full = `${resource}${group && `.${group}`}`
    const all = byResource.get(full)
    if (!all) {
      missing.add(full)
      throw failure(verb, path, 403, 'NotRecorded', `${full} are not in the recording`)
    }
    const inPlace = all.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
    return { items: inPlace, name, full }
  }

  return {
    missing: () => [...missing].toSorted(),
    client: {
      get: async <T>(path: string) => {
        const { items, name, full } = collection('get', path)
        const found = items.find(({ metadata }) => metadata.name === name)
        if (!found) throw failure('get', path, 404, 'NotFound', `${full} "${name}" not found`)
        return found as T
      },
      list: async <T>(path: string, { labelSelector = '', fieldSelector = '' } = {}) => {
        const items = collection('list', path).items.filter(
          (object) =>
            selects(labelSelector, (key) => object.metadata.labels?.[key]) &&
            selects(fieldSelector, (key) => fieldOf(object, key)),
        )
        return { items: items as T[], resourceVersion: '0' }
      },
    },
  }
}
