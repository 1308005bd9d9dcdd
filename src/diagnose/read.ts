import { forbidden, kubeErrorOf, notFound } from '../kube/errors.ts'
import { parsePath } from '../kube/paths.ts'
import { type Fact, known, unknown } from '../model/incident.ts'

/** What diagnose asks of the API server: single objects, and lists that are bounded by a selector or a limit. */
export interface Reads {
  get<T>(path: string, options?: { readonly accept?: string }): Promise<T>
  list<T>(
    path: string,
    options?: { readonly labelSelector?: string; readonly fieldSelector?: string; readonly limit?: number },
  ): Promise<{ readonly items: readonly T[] }>
}

/** Metadata alone: a ReplicaSet is read only for the name of its owner. */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json'

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]?.slice(0, 300) ?? ''

/** Why an object could not be read, in a sentence; a missing right is named as RBAC names it. */
export const whyUnread = (path: string, error: unknown): string => {
  const { group, resource = 'the object', namespace, name } = parsePath(path) ?? {}
  const kind = group ? `${resource}.${group}` : resource
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`
  if (kubeErrorOf(error)?.reason === 'NotRecorded') return `${kind} are not in the recording`
  if (forbidden(error)) {
    const verb = kubeErrorOf(error)?.verb ?? (name === undefined ? 'list' : 'get')
    return `the right to ${verb} ${kind}${where} is missing`
  }
  if (notFound(error)) return `${kind} ${name ?? ''}${where} does not exist`
  return `reading ${kind}${name === undefined ? '' : ` ${name}`}${where} failed: ${firstLine(error)}`
}

/** Reads one object as a fact: what cannot be read is unknown, with the reason. Never rejects. */
export const readFact = async <T, R>(reads: Reads, path: string, pick: (object: T) => R): Promise<Fact<R>> => {
  try {
    return known(pick(await reads.get<T>(path)))
  } catch (error) {
    return unknown(whyUnread(path, error))
  }
}
