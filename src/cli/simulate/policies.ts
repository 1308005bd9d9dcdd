import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Document, isMap, LineCounter, parseAllDocuments } from 'yaml'
import type { RemediationPolicy } from '../../api/kinds.ts'
import { admitPolicy } from '../../api/policy/compile.ts'
import type { PolicyInForce } from '../../model/decision-input.ts'
import type { KubeObject } from '../../model/kubernetes.ts'
import { GROUP } from '../../model/names.ts'
import { sentenceOf } from '../subcommand.ts'

/** A RemediationPolicy in a file; its spec is not validated yet. */
export interface PolicyInFile {
  readonly kind: 'Policy'
  /** File and line, e.g. `policy.yaml:12`. */
  readonly at: string
  readonly object: KubeObject
}

/** What a file holds beside policies: an error, or another object. */
export interface Oddity {
  readonly kind: 'Error' | 'Skipped'
  readonly at: string
  readonly sentence: string
}

export type FileEntry = PolicyInFile | Oddity

/** No file of policies comes near it. */
const MAX_BYTES = 8 * 2 ** 20

interface AnyObject {
  readonly apiVersion?: unknown
  readonly kind?: unknown
  readonly metadata?: { readonly name?: unknown }
  readonly items?: unknown
}

const entriesOf = (value: unknown, at: string): readonly FileEntry[] => {
  if (value === null || value === undefined) return []
  const error = (sentence: string): readonly FileEntry[] => [{ kind: 'Error', at, sentence }]
  if (typeof value !== 'object' || Array.isArray(value))
    return error(`expected an object, found ${JSON.stringify(value).slice(0, 60)}`)
  const { apiVersion, kind, metadata, items } = value as AnyObject
  if (Array.isArray(items)) return items.flatMap((item) => entriesOf(item, at))
  if (kind !== 'RemediationPolicy') {
    const name = typeof metadata?.name === 'string' ? ` ${metadata.name}` : ''
    return [
      {
        kind: 'Skipped',
        at,
        sentence: `${typeof kind === 'string' ? kind : 'an object without kind'}${name} is not a RemediationPolicy`,
      },
    ]
  }
  if (typeof apiVersion !== 'string' || !apiVersion.startsWith(`${GROUP}/`)) {
    return error(
      `apiVersion is ${JSON.stringify(apiVersion) ?? 'missing'}; expected ${GROUP}/v1alpha1: other API groups have this kind too`,
    )
  }
  if (typeof metadata?.name !== 'string') return error('metadata.name is missing')
  return [{ kind: 'Policy', at, object: value as KubeObject }]
}

const ofDocument = (document: Document, file: string, lines: LineCounter): readonly FileEntry[] => {
  const [fault] = document.errors
  const offset = fault?.pos[0] ?? (isMap(document.contents) ? (document.contents.range?.[0] ?? 0) : 0)
  const at = `${file}:${lines.linePos(offset).line}`
  if (fault)
    return [{ kind: 'Error', at, sentence: fault.message.split('\n', 1)[0]?.replace(/ at line .*$/, '') ?? '' }]
  try {
    return entriesOf(document.toJS(), at)
  } catch (error) {
    // Aliases beyond measure.
    return [{ kind: 'Error', at, sentence: sentenceOf(error) }]
  }
}

/** The documents of a text; one that cannot be parsed keeps none of the others back. Pure. */
export const parsePolicies = (text: string, file: string): readonly FileEntry[] => {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  return [...documents].flatMap((document) => ofDocument(document as Document, file, lines))
}

const readAll = async (input: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of input) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error(`the file is larger than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Policies of a file, or of standard input for `-`. A file that cannot be read is an error entry. */
export const readPolicies = async (file: string, input: AsyncIterable<Uint8Array>): Promise<readonly FileEntry[]> => {
  const name = file === '-' ? 'stdin' : file
  try {
    const text = file === '-' ? await readAll(input) : await readFile(file, 'utf8')
    const entries = parsePolicies(text, name)
    return entries.length > 0 ? entries : [{ kind: 'Error', at: name, sentence: 'the file contains no objects' }]
  } catch (error) {
    return [{ kind: 'Error', at: name, sentence: sentenceOf(error) }]
  }
}

// The policies of a simulation: those of the files replace the cluster's of the same name. Pure.

export interface PolicyReport {
  readonly name: string
  readonly at: string
  readonly ok: boolean
  readonly mode?: string
  /** Why it would not be in force. */
  readonly sentences: readonly string[]
  readonly warnings: readonly string[]
}

/** What the server would give it: a new policy a first generation, a changed one the next. */
const asIfApplied = (object: object, known: RemediationPolicy | undefined): object => {
  const given = object as { readonly metadata: object; readonly spec?: unknown }
  const { uid, generation = 1 } = known?.metadata ?? {}
  const changed = known !== undefined && !isDeepStrictEqual(known.spec, given.spec)
  const name = (given.metadata as { readonly name: string }).name
  return {
    ...given,
    metadata: { ...given.metadata, uid: uid ?? `file/${name}`, generation: changed ? generation + 1 : generation },
  }
}

/** Admits each; a bad one is reported with its sentences, and so is the second of two with one name. */
export const admitEntries = (
  entries: readonly FileEntry[],
  inCluster: readonly RemediationPolicy[],
): { readonly reports: readonly PolicyReport[]; readonly policies: readonly PolicyInForce[] } => {
  const reports: PolicyReport[] = []
  const policies = new Map<string, PolicyInForce>()
  for (const entry of entries) {
    if (entry.kind !== 'Policy') {
      const sentences = [entry.sentence]
      reports.push({
        name: '',
        at: entry.at,
        ok: entry.kind === 'Skipped',
        sentences: entry.kind === 'Error' ? sentences : [],
        warnings: entry.kind === 'Skipped' ? sentences : [],
      })
      continue
    }
    const { name } = entry.object.metadata
    const report = { name, at: entry.at }
    if (reports.some((other) => other.name === name)) {
      reports.push({
        ...report,
        ok: false,
        sentences: [`metadata.name: ${name} is defined twice in these files`],
        warnings: [],
      })
      continue
    }
    const known = inCluster.find(({ metadata }) => metadata.name === name)
    const admission = admitPolicy(asIfApplied(entry.object, known))
    if (!admission.ok) {
      reports.push({ ...report, ok: false, sentences: admission.sentences, warnings: [] })
      continue
    }
    policies.set(name, admission.policy)
    reports.push({ ...report, ok: true, mode: admission.policy.spec.mode, sentences: [], warnings: admission.warnings })
  }
  return { reports, policies: [...policies.values()] }
}

/** Those of the files, and of the cluster those that no file names; a name whose file is bad is left out. */
export const joinPolicies = (
  inCluster: readonly PolicyInForce[],
  inFiles: readonly PolicyInForce[],
  reports: readonly PolicyReport[],
): readonly PolicyInForce[] => [
  ...inFiles,
  ...inCluster.filter(({ name }) => !reports.some((report) => report.name === name)),
]
