/** Judgements of `doctor` on what is installed: data in, checks out. */
import { isDeepStrictEqual } from 'node:util'
import type { CustomResourceDefinition } from '../api/crd.ts'
import type { Condition, KubeObject } from '../api/kubernetes.ts'
import { PAUSED_ANNOTATION } from '../api/names.ts'
import type { Lease } from '../runtime/lease.ts'
import { formatDuration } from '../api/duration.ts'
import { type Check, fail, ok, warn } from './check.ts'

/** Selectable fields of custom resources, and admission policies in CEL with all that is used here. */
const OLDEST = { major: 1, minor: 32 }

export interface ServerVersion {
  readonly major?: string
  readonly minor?: string
  readonly gitVersion?: string
}

export const judgeVersion = ({ major, minor, gitVersion }: ServerVersion): Check => {
  // Providers write `32+`.
  const have = { major: Number.parseInt(major ?? '', 10), minor: Number.parseInt(minor ?? '', 10) }
  const oldest = `${OLDEST.major}.${OLDEST.minor}`
  const newEnough = have.major > OLDEST.major || (have.major === OLDEST.major && have.minor >= OLDEST.minor)
  return newEnough
    ? ok('API server', `Kubernetes ${gitVersion ?? `${have.major}.${have.minor}`}`)
    : fail(
        'API server',
        `Kubernetes ${gitVersion ?? 'of unknown version'}; podmend needs ${oldest} or newer`,
        'upgrade',
      )
}

export interface FoundCrd extends KubeObject {
  readonly spec?: CustomResourceDefinition['spec']
  readonly status?: { readonly conditions?: readonly Condition[] }
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Path of the first difference between two JSON values; undefined where they are the same. */
export const firstDifference = (have: unknown, want: unknown, path: string): string | undefined => {
  if (isDeepStrictEqual(have, want)) return undefined
  if (!isObject(have) || !isObject(want)) return path
  for (const key of new Set([...Object.keys(want), ...Object.keys(have)])) {
    const found = firstDifference(have[key], want[key], `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** What the API server adds by itself (conversion, stored names) is not compared. */
const differenceOf = (have: FoundCrd['spec'], want: CustomResourceDefinition['spec']): string | undefined => {
  const [version] = want.versions
  const found = have?.versions.find(({ name }) => name === version?.name)
  if (!found) return `version ${version?.name ?? ''}`
  return (
    firstDifference(found.schema, version?.schema, 'schema') ??
    firstDifference(found.additionalPrinterColumns, version?.additionalPrinterColumns, 'additionalPrinterColumns') ??
    firstDifference(found.selectableFields, version?.selectableFields, 'selectableFields')
  )
}

export const judgeCrd = (have: FoundCrd | undefined, want: CustomResourceDefinition): Check => {
  const check = `CRD ${want.spec.names.plural}`
  const apply = 'kubectl apply -f crds/'
  if (!have) return fail(check, `${want.metadata.name} is not installed`, apply)
  const condition = (type: string) => have.status?.conditions?.find((one) => one.type === type)
  const established = condition('Established')
  if (established?.status !== 'True') {
    const why = condition('NamesAccepted')?.message ?? established?.message ?? 'the API server has not taken it up'
    return fail(check, `${want.metadata.name} is not established: ${why}`, apply)
  }
  const unstructured = condition('NonStructuralSchema')
  if (unstructured?.status === 'True') return fail(check, unstructured.message ?? 'its schema is not structural', apply)
  const difference = differenceOf(have.spec, want.spec)
  return difference === undefined
    ? ok(check, 'installed, established and current')
    : warn(check, `it is not the one of this version: ${difference.slice(0, 160)} differs`, apply)
}

export const judgePause = (namespace: KubeObject | undefined, name: string): Check => {
  const check = 'stop annotation'
  if (!namespace) {
    return warn(check, `there is no namespace ${name}`, 'name the one of the operator with --operator-namespace')
  }
  const value = namespace.metadata.annotations?.[PAUSED_ANNOTATION]
  return value === 'true'
    ? warn(
        check,
        `the operator is paused by an annotation on namespace ${name}`,
        `kubectl annotate namespace ${name} ${PAUSED_ANNOTATION}-`,
      )
    : ok(check, 'the operator is not paused')
}

/** A lease whose holder is late by its own word: the controller is gone, or cannot reach the API server. */
export const judgeLease = (leases: readonly Lease[], namespace: string, now: number): Check => {
  const check = 'controller'
  const start = 'start the controller, or name its namespace with --operator-namespace'
  const lease = leases.find(({ metadata }) => metadata.name?.startsWith('podmend'))
  if (!lease) return warn(check, `no controller has left a lease in namespace ${namespace}`, start)
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = lease.spec ?? {}
  // The chart makes the lease without a holder.
  if (!holderIdentity && !renewTime) {
    return fail(
      check,
      'no controller has led yet: the lease was never held',
      `right after an install, wait half a minute; else look at the pods: kubectl -n ${namespace} get pods`,
    )
  }
  if (!holderIdentity) return fail(check, 'no controller leads: the last one gave the lease back', start)
  const age = now - Date.parse(renewTime ?? '')
  const since = Number.isNaN(age) ? 'at an unknown time' : `${formatDuration(Math.max(0, age))} ago`
  return age <= leaseDurationSeconds * 1_000
    ? ok(check, `${holderIdentity} leads, and renewed its lease ${since}`)
    : fail(check, `${holderIdentity} held the lease, renewed ${since}: it does not run any more`, start)
}
