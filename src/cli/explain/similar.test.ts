import { expect, test } from 'vitest'
import type { Remediation } from '../../api/kinds.ts'
import type { Incident } from '../../model/incident.ts'
import { similarTo } from './similar.ts'

const incidentOf = (name: string, cause: string): Incident =>
  ({
    owner: { ref: { kind: 'Deployment', namespace: 'shop', name, uid: `uid-${name}` } },
    pods: [{ findings: [{ cause }] }],
  }) as unknown as Incident
const recordOf = (name: string, cause: string, more: object = {}): Remediation =>
  ({
    spec: { cause: 'BackOffOnly', target: { kind: 'DaemonSet', namespace: 'logs', name, uid: `uid-${name}` } },
    status: { phase: 'Held', cause, ...more },
  }) as unknown as Remediation

const web = incidentOf('web', 'Unauthorized')
const namesOf = (around: readonly Incident[], records: readonly Remediation[] = []) =>
  similarTo(web, 'ProjectNotFound', around, records).map(({ name }) => name)

test('others of the namespace are told by the words of their pods, not the one that is asked for', () => {
  expect(namesOf([web, incidentOf('cart', 'Unauthorized'), incidentOf('api', 'CrashLoop')])).toEqual(['cart'])
})

test('others of any namespace are told by their open records, each once', () => {
  const records = [
    recordOf('agent', 'ProjectNotFound'),
    recordOf('cart', 'ProjectNotFound'),
    recordOf('web', 'ProjectNotFound'),
    recordOf('done', 'ProjectNotFound', { finishedAt: '2030-01-01T00:00:00Z' }),
    recordOf('else', 'RateLimited'),
  ]
  expect(namesOf([incidentOf('cart', 'Unauthorized')], records)).toEqual(['agent', 'cart'])
})
