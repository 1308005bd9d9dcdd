/** Reports what kubelets and the operator write while a scenario runs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { NAMESPACE } from '../../e2e/operator.ts'
import type { Fixture } from '../../e2e/scenario.ts'
import type { KubeEvent } from '../../src/model/kubernetes.ts'
import type { Entry } from '../timeline.ts'

const POLL_MS = 300
/** Longest texts. Kubelets' messages may be cut in the middle; the limit for the operator's is meant not to cut them. */
const LINE = { kubelet: 220, podmend: 600 }

/** On one line, cut in the middle if it is too long. */
const short = (text: string, most: number): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= most ? line : `${line.slice(0, most / 2)} … ${line.slice(-most / 2)}`
}

/** Follows the scenario's pods and records, and the records of nodes, until `stop`. Polls three times a second. */
export const startObserver = (
  fixture: Fixture,
  report: (entry: Entry) => void,
): { readonly stop: () => Promise<void> } => {
  const { namespace, get, records } = fixture
  const reported = new Set<string>()
  const began = Date.now()
  const once = (key: string, entry: () => Entry): void => {
    if (reported.has(key)) return
    reported.add(key)
    report(entry())
  }
  const poll = async (): Promise<void> => {
    const { items } = await get<{ items: KubeEvent[] }>('events', '-n', namespace)
    for (const { type, reason = '', message = '', involvedObject, reportingComponent } of items) {
      if (reportingComponent === 'podmend.io/controller' || (type !== 'Warning' && reason !== 'Started')) continue
      const about = `${involvedObject?.kind} ${involvedObject?.name}`
      const text = reason === 'Started' ? 'its container runs' : short(message, LINE.kubelet)
      once(`${reason} ${about}`, () => ({
        who: 'kubelet',
        what: reason,
        about,
        text,
        mood: type === 'Warning' ? 'bad' : 'good',
      }))
    }
    for (const record of [...(await records()), ...(await records(NAMESPACE))]) {
      const { metadata, spec, status } = record
      const at = Date.parse(metadata.creationTimestamp ?? '')
      if (at < began - 1000 || !status?.phase) continue
      const about = `${spec.target.kind} ${spec.target.name}`
      const text = `${status.cause ?? spec.cause}, ${status.phase} (${status.reason}): ${short(status.message ?? '', LINE.podmend)}`
      once(`${metadata.uid} ${status.phase} ${status.reason}`, () => ({
        who: 'podmend',
        what: status.reason ?? '',
        about,
        text,
        ...(status.phase === 'Succeeded' && { mood: 'good' }),
      }))
    }
  }
  let over = false
  const following = (async () => {
    while (!over) {
      await poll().catch(() => {}) // the next poll reports it
      await sleep(POLL_MS)
    }
    await poll().catch(() => {})
  })()
  return {
    stop: async () => {
      over = true
      await following
    },
  }
}
