/** What the controllers wrote, by the API server's own audit log: who, what, when it was received and when it was done. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { NodeTask, Remediation } from '../src/api/kinds.ts'
import { type AuditEvent, isBookkeeping, isWrite, requestOf } from '../testbed/audit.ts'
import { CONTROLLER_USER } from '../testbed/controller.ts'

export interface AuditedWrite {
  readonly verb: string
  /** `deployments.apps`, `remediations.podmend.io/status`, `pods/eviction`. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
  readonly dryRun: boolean
  readonly status: number
  /** ms since the epoch, to the microsecond, by the API server's clock. */
  readonly receivedAt: number
  readonly doneAt: number
  /** The body that was sent. */
  readonly sent: unknown
  /** The object as it is after the write, or a Status. */
  readonly answer: unknown
}

interface Event extends AuditEvent {
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
  readonly requestObject?: unknown
  readonly responseObject?: { readonly metadata?: { readonly name?: string } }
}

/** Microseconds, which `Date.parse` drops. */
const timeOf = (text: string): number => {
  const digits = /\.(?<digits>\d+)Z$/.exec(text)?.groups?.['digits'] ?? '0'
  return Date.parse(text.replace(/\.\d+Z$/, 'Z')) + Number(`0.${digits}`) * 1_000
}

const writeOf = (event: Event): AuditedWrite => {
  const { namespace, name } = event.objectRef ?? {}
  return {
    ...requestOf(event),
    namespace,
    name: name ?? event.responseObject?.metadata?.name ?? '',
    receivedAt: timeOf(event.requestReceivedTimestamp),
    doneAt: timeOf(event.stageTimestamp),
    sent: event.requestObject,
    answer: event.responseObject,
  }
}

/** `run-3` or `run-3-node`, and not `run-30`. */
const isNamedAfter = (name: string, run: string): boolean => name === run || name.startsWith(`${run}-`)

export interface AuditReader {
  /** The controllers' writes to these namespaces, and to what has none and is named after the first of them, oldest first. */
  writes(namespaces: readonly string[], since: number): readonly AuditedWrite[]
}

/** Reads only what was added since it last read. */
export const createAuditReader = (path: string): AuditReader => {
  const all: AuditedWrite[] = []
  let offset = 0
  let rest = ''
  const readOn = (): void => {
    const descriptor = openSync(path, 'r')
    const buffer = Buffer.alloc(1 << 20)
    const decoder = new TextDecoder()
    try {
      for (;;) {
        const size = readSync(descriptor, buffer, 0, buffer.length, offset)
        if (size === 0) break
        offset += size
        rest += decoder.decode(buffer.subarray(0, size), { stream: true })
      }
    } finally {
      closeSync(descriptor)
    }
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.includes(CONTROLLER_USER)) continue
      const event = JSON.parse(line) as Event
      if (event.user.username === CONTROLLER_USER && isWrite(event)) all.push(writeOf(event))
    }
  }
  return {
    writes: (namespaces, since) => {
      readOn()
      return all
        .filter(
          ({ namespace, name, receivedAt }) =>
            receivedAt >= since &&
            (namespace === undefined ? isNamedAfter(name, namespaces[0] ?? '') : namespaces.includes(namespace)),
        )
        .toSorted((a, b) => a.receivedAt - b.receivedAt)
    },
  }
}

export const isCommitted = ({ status, dryRun }: AuditedWrite): boolean => status >= 200 && status < 300 && !dryRun

/** To the objects of other people, nodes and their agents. A task that only inspects changes nothing. */
export const isForeign = (write: AuditedWrite): boolean =>
  !isBookkeeping({ ...write, object: write.name }) && !isInspection(write)

const isInspection = ({ resource, sent }: AuditedWrite): boolean =>
  resource.startsWith('nodetasks.') && (sent as NodeTask | undefined)?.spec?.verb === 'Inspect'

export const isRecord = ({ resource }: AuditedWrite): boolean => /^remediations\.podmend\.io(\/status)?$/.test(resource)

/** The record as it is after the write. */
export const recordOf = ({ answer }: AuditedWrite): Remediation => answer as Remediation

export const named = ({ verb, resource, namespace, name }: AuditedWrite): string =>
  `${verb} ${resource} ${namespace === undefined ? '' : `${namespace}/`}${name}`
