/** Watches the API server and reports on the time line what happens to the workloads, each change once. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Remediation } from '../src/api/kinds.ts'
import type { KubeEvent, KubeObject, Pod, Workload } from '../src/model/kubernetes.ts'
import { policyRefOf } from '../src/model/remediation-state.ts'
import type { Api } from '../testbed/kubelet/api.ts'
import { type Place, REPAIRED } from './fixture.ts'
import type { Timeline } from './timeline.ts'
import { placeOf } from './verify.ts'

export interface EvidenceSource {
  /** As last received, by `namespace/name`. */
  readonly deployments: ReadonlyMap<Place, Workload>
  readonly records: ReadonlyMap<string, Remediation>
  /** When a pod of the Deployment was first seen failing, and when one first ran: ms since the epoch. */
  readonly failedAt: ReadonlyMap<Place, number>
  readonly runningAt: ReadonlyMap<Place, number>
  /** Resolves with the time at which the check first passed. Throws after the timeout, naming `what`. */
  until(check: () => boolean, options: { what: string; timeoutMs: number }): Promise<number>
  /** The record of the Deployment, if there is one yet. */
  recordOf(place: Place): Remediation | undefined
  stop(): Promise<void>
}

const WATCHED = {
  deployments: '/apis/apps/v1/deployments?watch=1',
  pods: '/api/v1/pods?watch=1',
  events: '/api/v1/events?watch=1&fieldSelector=type%3DWarning',
  remediations: '/apis/podmend.io/v1alpha1/remediations?watch=1',
}

const REOPEN_MS = 200
/** The parts of a kubelet's message that show how similar the failures are. */
const ALIKE = /^(Failed to pull image "[^"]*":).*(failed with status code .*)$/

/** `kube-system/coredns` for pod `coredns-6d8c4cb4d-x7x2p`, by the label that the fixture sets. */
const ownerOf = ({ metadata }: Pod): Place | undefined => {
  const name = metadata.labels?.['k8s-app']
  return name === undefined ? undefined : `${metadata.namespace}/${name}`
}

const recordText = ({ spec, status }: Remediation): string =>
  `${status?.cause ?? spec.cause}, ${status?.phase} (${status?.reason}): ${status?.message ?? ''}`

export const startObserver = (api: Api, timeline: Timeline): EvidenceSource => {
  const deployments = new Map<Place, Workload>()
  const records = new Map<string, Remediation>()
  const failedAt = new Map<Place, number>()
  const runningAt = new Map<Place, number>()
  const reported = new Set<string>()
  const waiting = new Set<() => void>()
  const stopping = new AbortController()

  const once = (key: string, report: () => void): void => {
    if (reported.has(key)) return
    reported.add(key)
    report()
  }

  /** From the pod's status or from the Event, whichever arrives first. */
  const failed = (about: Place, image: string, message: string): void =>
    once(`${about} ${image} failed`, () => {
      timeline.failureBegan()
      failedAt.set(about, Date.now())
      const text = about === REPAIRED.place ? message : message.replace(ALIKE, '$1 … $2')
      timeline.say({ who: 'kubelet', what: 'Failed', about, text, data: { message }, mood: 'bad' })
    })

  const onPod = (pod: Pod): void => {
    const about = ownerOf(pod)
    if (about === undefined) return
    for (const { name, image = '', state, ready } of pod.status?.containerStatuses ?? []) {
      const { reason = '', message = '' } = state?.waiting ?? {}
      if (reason === 'ErrImagePull') failed(about, image, `Failed to pull image "${image}": ${message}`)
      if (reason === 'ImagePullBackOff') {
        once(`${about} ${image} ${reason}`, () => {
          const text = `pod ${pod.metadata.name}, container ${name}: ${reason}, phase ${pod.status?.phase}`
          timeline.say({ who: 'kubelet', what: reason, about, text, mood: 'bad' })
        })
      }
      if (state?.running && ready) {
        if (!runningAt.has(about)) runningAt.set(about, Date.now())
        once(`${pod.metadata.uid} runs`, () =>
          timeline.say({
            who: 'kubelet',
            what: 'Running',
            about,
            text: `pod ${pod.metadata.name} runs ${image}`,
            mood: 'good',
          }),
        )
      }
    }
  }

  const onEvent = ({ involvedObject = {}, message = '', source }: KubeEvent): void => {
    const image = /^Failed to pull image "(?<image>[^"]*)"/.exec(message)?.groups?.['image']
    if (source?.component !== 'kubelet' || image === undefined) return
    const name = involvedObject.name?.replace(/-[^-]+-[^-]+$/, '')
    failed(`${involvedObject.namespace}/${name}`, image, message)
  }

  const onRecord = (record: Remediation): void => {
    const { metadata, spec, status } = record
    records.set(metadata.name, record)
    if (!status?.phase) return
    const about = `${metadata.namespace}/${spec.target.name}`
    once(`${metadata.name} ${status.phase} ${status.reason} ${status.message}`, () =>
      timeline.say({
        who: 'podmend',
        what: status.phase ?? '',
        about,
        text: recordText(record),
        data: { reason: status.reason, cause: status.cause ?? spec.cause, policy: policyRefOf(record).name },
        ...(status.phase === 'Succeeded' && { mood: 'good' as const }),
      }),
    )
  }

  const handlers: Record<keyof typeof WATCHED, (object: never, gone: boolean) => void> = {
    deployments: (workload: Workload, gone) => {
      if (gone) deployments.delete(placeOf(workload))
      else deployments.set(placeOf(workload), workload)
    },
    pods: (pod: Pod, gone) => (gone ? undefined : onPod(pod)),
    events: (event: KubeEvent, gone) => (gone ? undefined : onEvent(event)),
    remediations: (record: Remediation, gone) => {
      if (gone) records.delete(record.metadata.name)
      else onRecord(record)
    },
  }

  const watch = async (kind: keyof typeof WATCHED): Promise<void> => {
    while (!stopping.signal.aborted) {
      const onLine = (line: unknown): void => {
        const { type, object } = line as { type: string; object: KubeObject }
        if (!['ADDED', 'MODIFIED', 'DELETED'].includes(type)) return
        handlers[kind](object as never, type === 'DELETED')
        for (const recheck of waiting) recheck()
      }
      try {
        await api.watch(WATCHED[kind], onLine, stopping.signal)
      } catch {
        // Reopened below: a watch ends after a while, and each change is reported once.
      }
      await sleep(REOPEN_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const watches = (Object.keys(WATCHED) as (keyof typeof WATCHED)[]).map(watch)

  return {
    deployments,
    records,
    failedAt,
    runningAt,
    recordOf: (place) =>
      [...records.values()].find(({ metadata, spec }) => `${metadata.namespace}/${spec.target.name}` === place),
    until: (check, { what, timeoutMs }) =>
      new Promise((resolve, reject) => {
        const recheck = (): void => {
          if (!check()) return
          waiting.delete(recheck)
          clearTimeout(timer)
          resolve(Date.now())
        }
        const timer = setTimeout(() => {
          waiting.delete(recheck)
          reject(new Error(`timed out after ${timeoutMs / 1000} s, waiting until ${what}`))
        }, timeoutMs)
        waiting.add(recheck)
        recheck()
      }),
    stop: async () => {
      stopping.abort()
      await Promise.all(watches)
    },
  }
}
