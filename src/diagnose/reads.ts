import type { KubeClient } from '../kube/client.ts'
import { forbidden, kubeErrorOf, notFound } from '../kube/errors.ts'
import { parsePath } from '../kube/paths.ts'
import { type Fact, known, unknown } from '../model/incident.ts'

/** What diagnose needs of the Kubernetes API: single objects, and lists that a selector or a limit bounds. */
export type Reads = Pick<KubeClient, 'get' | 'list'>

/** An object of JSON, not an array. */
export const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

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
