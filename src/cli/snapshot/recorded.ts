/** Files that `kubectl get pods,events,nodes,… -A -o json` wrote, in place of a cluster. */
import { readFile } from 'node:fs/promises'
import type { KubeClient } from '../../kube/client.ts'
import { KubeError, type Verb } from '../../kube/errors.ts'
import { parsePath, pathOf } from '../../kube/paths.ts'
import { parseTime } from '../../model/duration.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import type { Cluster } from '../cluster.ts'
import { Refusal, sentenceOf } from '../subcommand.ts'

export interface Recording {
  readonly cluster: Cluster
  /** The newest time in the recording, ms since the epoch: the time at which it was made. */
  readonly now: number
  /** What it does not hold, in sentences; to be asked for at the end. */
  readonly notes: () => readonly string[]
}

interface Listed {
  readonly kind?: unknown
  readonly apiVersion?: unknown
  readonly items?: unknown
  readonly metadata?: { readonly name?: unknown }
}

/** A list's items do not always say what they are: a PodList's are Pods. */
const objectsIn = (value: unknown, file: string): readonly KubeObject[] => {
  const { kind, apiVersion, items, metadata } = (value ?? {}) as Listed
  if (!Array.isArray(items)) {
    if (typeof kind === 'string' && typeof metadata?.name === 'string') return [value as KubeObject]
    throw new Refusal(`${file} contains no Kubernetes objects; expected the output of kubectl get … -o json`)
  }
  const each = typeof kind === 'string' && kind !== 'List' ? { kind: kind.replace(/List$/, ''), apiVersion } : {}
  return items.flatMap((item: Listed) =>
    typeof item?.metadata?.name === 'string' ? [{ ...each, ...item } as unknown as KubeObject] : [],
  )
}

const readObjects = async (file: string): Promise<readonly KubeObject[]> => {
  try {
    return objectsIn(JSON.parse(await readFile(file, 'utf8')), file)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(`${file} cannot be read as a recording: ${sentenceOf(error)}`)
  }
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/

/** The newest of all times in an object; leases and certificates may lie ahead, so only what has been counts. */
const newestIn = (value: unknown, key = ''): number => {
  if (typeof value === 'string')
    return TIME.test(value) && /(?:time|timestamp|At)$/i.test(key) ? (parseTime(value) ?? 0) : 0
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce(
    (newest, [name, one]) => Math.max(newest, newestIn(one, Array.isArray(value) ? key : name)),
    0,
  )
}

const notWritten = (): Promise<never> => Promise.reject(new Error('a recording is read-only'))

/** Reads them all. Throws `Refusal` where one cannot be read. */
export const readRecording = async (files: readonly string[], namespace: string | undefined): Promise<Recording> => {
  const objects = (await Promise.all(files.map(readObjects))).flat()
  if (objects.length === 0) throw new Refusal(`${files.join(', ')}: the recording contains no objects`)
  const { client, missing } = createRecorded(objects)
  const readOnly: KubeClient = {
    ...client,
    create: notWritten,
    replace: notWritten,
    patch: notWritten,
    remove: notWritten,
    stream: notWritten,
  }
  const watched = objects.filter(({ kind }) => kind === 'Pod' || kind === 'Event' || kind === 'Node')
  const newest = watched.reduce((at, { metadata: _, ...rest }) => Math.max(at, newestIn(rest)), 0)
  return {
    cluster: {
      client: readOnly,
      server: files.join(', '),
      namespace: namespace ?? 'default',
      missingRights: () => [],
    },
    // An Event may claim any time, also one in the future.
    now: newest > 0 ? Math.min(newest, Date.now()) : Date.now(),
    notes: () => {
      const lacking = missing()
      return lacking.length === 0
        ? []
        : [`the recording contains no ${lacking.join(', ')}: what depends on them is unknown. Add them to kubectl get`]
    },
  }
}

// Objects that kubectl wrote to a file, read as an API server would give them: pure.

/** `key=value`, `key!=value`, `key`, `!key`, `key in (a,b)`, `key notin (a,b)`. */
const REQUIREMENT =
  /^\s*(?<not>!)?(?<key>[^\s!=]+)\s*(?:(?<op>!=|==?|notin\b|in\b)\s*(?:\((?<list>[^)]*)\)|(?<value>\S*)))?\s*$/

/** Splits at commas that are not inside parentheses. */
const requirementsOf = (selector: string): readonly string[] => selector.match(/(?:[^,(]|\([^)]*\))+/g) ?? []

/** Whether values by key are selected, as the API server has it. Throws on what is no selector. */
export const selects = (selector: string, valueOf: (key: string) => string | undefined): boolean =>
  requirementsOf(selector).every((text) => {
    const { not, key = '', op, list, value = '' } = REQUIREMENT.exec(text)?.groups ?? {}
    if (key === '') throw new Error(`"${text.slice(0, 80)}" is not a valid selector requirement`)
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

/** Resource and group, e.g. `deployments.apps`; undefined for kinds that are not used. */
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
