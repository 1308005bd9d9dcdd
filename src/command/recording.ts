/** Files that `kubectl get pods,events,nodes,… -A -o json` wrote, in place of a cluster. */
import { readFile } from 'node:fs/promises'
import type { KubeObject } from '../api/kubernetes.ts'
import { parseTime } from '../api/time.ts'
import type { KubeClient } from '../runtime/kube-client.ts'
import type { Cluster } from './cluster.ts'
import { Refusal, sentenceOf } from './failure.ts'
import { createRecorded } from './recorded-objects.ts'

export interface Recording {
  readonly cluster: Cluster
  /** The newest time that stands in it, ms since the epoch: what the cluster's "now" was. */
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
    throw new Refusal(`${file} holds no Kubernetes objects; expected what kubectl get … -o json prints`)
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

const notWritten = (): Promise<never> => Promise.reject(new Error('a recording is not written to'))

/** Reads them all. Throws `Refusal` where one cannot be read. */
export const readRecording = async (files: readonly string[], namespace: string | undefined): Promise<Recording> => {
  const objects = (await Promise.all(files.map(readObjects))).flat()
  if (objects.length === 0) throw new Refusal(`${files.join(', ')}: no object is recorded there`)
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
    now: newest > 0 ? newest : Date.now(),
    notes: () => {
      const lacking = missing()
      return lacking.length === 0
        ? []
        : [
            `the recording holds none of ${lacking.join(', ')}: what they would tell is unknown. Add them to kubectl get`,
          ]
    },
  }
}
