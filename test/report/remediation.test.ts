import { setTimeout } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Remediation, RemediationPolicy } from '../../src/api/kinds.ts'
import { admitPolicy } from '../../src/api/policy/compile.ts'
import { deleteRecords } from '../../src/controller/garbage-collection.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { Retry, Terminal } from '../../src/kube/errors.ts'
import type { Incident } from '../../src/model/incident.ts'
import { OWNER_UID_LABEL } from '../../src/model/names.ts'
import { createAttemptHistory } from '../../src/report/attempts.ts'
import { createMetrics } from '../../src/report/metrics.ts'
import { openRecord, recordChange, recordIntent } from '../../src/report/remediation.ts'
import {
  aDiagnosis,
  aHold,
  anAct,
  anIncident,
  aRewrite,
  aVerification,
  DONE,
  NOW,
  OWNER,
  POLICY,
} from '../../src/report/testing.ts'
import { createReport } from '../../src/report/report.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { createLog } from '../../src/runtime/log.ts'
import { createPolicyCache } from '../../src/watch/policy-cache.ts'
import { createRemediationCache } from '../../src/watch/remediation-cache.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { clientOf } from '../act/plans.ts'

const cluster = useControlPlane()
let kube: KubeClient
let ns: string
beforeAll(async () => {
  kube = await clientOf(cluster.plane.kubeconfig)
  await cluster.kubectl(['apply', '-f', 'crds/'])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd/remediations.podmend.io', '--timeout=30s'])
  await eventually(() => cluster.kubectl(['get', 'remediations', '-A']))
  ns = await cluster.namespace('report')
})

const incident = (uid: string): Incident => {
  const plain = anIncident()
  const ref = { ...OWNER, namespace: ns, uid }
  return {
    ...plain,
    key: `${uid}/image`,
    owner: { ...plain.owner, ref },
    pods: [
      {
        pod: {
          metadata: { name: 'coredns-1', namespace: ns, uid: 'pod-1', resourceVersion: '1' },
          spec: { nodeName: 'node-1' },
        },
        findings: [],
        since: NOW - 5_000,
      },
    ],
  }
}
const open = async (uid: string): Promise<Remediation> =>
  (await openRecord({ incident: incident(uid), diagnosis: aDiagnosis(), policy: POLICY }, kube, 'podmend-system'))
    .record
const intend = (record: Remediation) => recordIntent(record, { kind: 'Intended', at: NOW, verdict: anAct() }, kube)
const read = (record: Remediation) => cluster.get<Remediation>('remediation', record.metadata.name, '-n', ns)

describe('a record', () => {
  test('is made once under a name that everyone finds again', async () => {
    const subject = { incident: incident('owner-once'), diagnosis: aDiagnosis(), policy: POLICY }
    const first = await openRecord(subject, kube, 'podmend-system')
    const second = await openRecord(subject, kube, 'podmend-system')
    expect([first.created, second.created]).toEqual([true, false])
    expect(second.record.metadata.uid).toBe(first.record.metadata.uid)
    const { metadata, spec } = await read(first.record)
    expect(metadata.labels).toMatchObject({
      [OWNER_UID_LABEL]: 'owner-once',
      'podmend.io/area': 'image',
      'podmend.io/policy': 'moved',
    })
    expect(metadata.ownerReferences).toBeUndefined()
    expect(spec).toMatchObject({
      policy: POLICY,
      cause: 'ProjectNotFound',
      target: { kind: 'Deployment', uid: 'owner-once' },
      node: 'node-1',
    })
  })

  test('whose name is taken by another user is not used', async () => {
    const record = await open('owner-taken')
    await cluster.kubectl([
      'label',
      'remediation',
      record.metadata.name,
      '-n',
      ns,
      '--overwrite',
      `${OWNER_UID_LABEL}=another`,
    ])
    await expect(open('owner-taken')).rejects.toThrow(Terminal)
  })

  test('goes through its life on the server, and kubectl can wait for its end', async () => {
    let record = await open('owner-life')
    record = await recordChange(
      record,
      { kind: 'Held', at: NOW, verdict: aHold('ObserveOnly', { plan: aRewrite() }) },
      kube,
    )
    expect(record.status).toMatchObject({ phase: 'Observed', steps: [{ state: 'Planned', diff: '-old\n+new\n' }] })
    record = await intend(record)
    expect((await read(record)).status).toMatchObject({
      phase: 'Running',
      steps: [{ state: 'Intended' }],
      attempts: [expect.any(String)],
    })
    record = await recordChange(record, { kind: 'Acted', at: NOW, outcome: DONE }, kube)
    record = await recordChange(
      record,
      { kind: 'Verified', at: NOW, verdict: aVerification('Succeeded', 'Repaired') },
      kube,
    )
    expect((await read(record)).status).toMatchObject({ phase: 'Succeeded', reason: 'Repaired', observedGeneration: 1 })
    await cluster.kubectl([
      'wait',
      '--for=condition=Finished',
      `remediation/${record.metadata.name}`,
      '-n',
      ns,
      '--timeout=5s',
    ])
    await cluster.kubectl([
      'wait',
      '--for=condition=Succeeded',
      `remediation/${record.metadata.name}`,
      '-n',
      ns,
      '--timeout=5s',
    ])
  })

  test('is not written for a hold that differs only in its message', async () => {
    const record = await recordChange(
      await open('owner-jitter'),
      { kind: 'Held', at: NOW, verdict: aHold('CoolingDown', { message: '9 s left' }) },
      kube,
    )
    const again = await recordChange(
      record,
      { kind: 'Held', at: NOW + 1_000, verdict: aHold('CoolingDown', { message: '8 s left' }) },
      kube,
    )
    expect(again).toBe(record)
    expect((await read(record)).metadata.resourceVersion).toBe(record.metadata.resourceVersion)
  })
})

describe('a finished record', () => {
  type End = Parameters<typeof recordChange>[1]
  const verified = (...words: Parameters<typeof aVerification>): End => ({
    kind: 'Verified',
    at: NOW,
    verdict: aVerification(...words),
  })
  const finish = async (uid: string, end: End): Promise<Remediation> =>
    recordChange(await intend(await open(uid)), end, kube)

  test.each<readonly [string, End]>([
    ['Succeeded', verified('Succeeded', 'Repaired')],
    ['Ineffective', verified('Ineffective', 'DidNotHelp')],
    ['Cancelled', verified('Cancelled', 'EditReverted')],
    ['Failed', { kind: 'Acted', at: NOW, outcome: { kind: 'Refused', why: 'no' } }],
  ])('stays as it ended, whatever is reported on it: %s', async (phase, end) => {
    const record = await finish(`owner-${phase.toLowerCase()}`, end)
    expect(record.status?.phase).toBe(phase)
    expect(await recordChange(record, { kind: 'Held', at: NOW, verdict: aHold('CoolingDown') }, kube)).toBe(record)
    await expect(intend(record)).rejects.toThrow(Retry)
    expect((await read(record)).metadata.resourceVersion).toBe(record.metadata.resourceVersion)
  })

  test('is followed by one record with the next number, that everyone finds again', async () => {
    const done = await finish('owner-again', verified('Ineffective', 'DidNotHelp'))
    const { name } = done.metadata
    const subject = { incident: incident('owner-again'), diagnosis: aDiagnosis(), policy: POLICY }
    const found = await openRecord(subject, kube, 'podmend-system')
    expect([found.created, found.record.metadata.uid]).toEqual([false, done.metadata.uid])
    const next = await openRecord({ ...subject, earlier: [done] }, kube, 'podmend-system')
    const same = await openRecord({ ...subject, earlier: [done] }, kube, 'podmend-system')
    expect([next.created, same.created]).toEqual([true, false])
    expect([next.record.metadata.name, same.record.metadata.uid]).toEqual([`${name}-2`, next.record.metadata.uid])
    // The first one may have expired, and another revision has names of its own.
    const third = await openRecord({ ...subject, earlier: [next.record] }, kube, 'podmend-system')
    expect(third.record.metadata.name).toBe(`${name}-3`)
    const other = { ...subject, incident: { ...subject.incident, templateHash: 'other' }, earlier: [next.record] }
    expect((await openRecord(other, kube, 'podmend-system')).record.metadata.name).not.toContain(name)
  })

  test('hands on the cause that a registry told to a record that begins with a hold', async () => {
    const done = await finish('owner-cause', verified('Ineffective', 'DidNotHelp'))
    expect(done.status).toMatchObject({ cause: 'ProjectNotFound' })
    const finding = {
      container: 'coredns',
      init: false,
      image: 'harbor.od.com/k8s/coredns:1',
      cause: 'Unauthorized' as const,
      message: '401 Unauthorized',
      source: 'kubelet' as const,
      possibleCauses: ['ProjectNotFound' as const],
    }
    const evidence = [{ fact: 'PodStatus', message: '401 Unauthorized' }]
    const words = { cause: 'Unauthorized' as const, findings: [finding], pods: [], evidence }
    const subject = { incident: incident('owner-cause'), diagnosis: words, policy: POLICY, earlier: [done] }
    const { record } = await openRecord(subject, kube, 'podmend-system')
    const verdict = aHold('CoolingDown', { diagnosis: words })
    const held = await recordChange(record, { kind: 'Held', at: NOW, verdict }, kube)
    expect([held.spec.cause, held.status?.cause]).toEqual(['ProjectNotFound', 'ProjectNotFound'])
    expect(held.status?.evidence).toEqual(done.status?.evidence)
  })
})

describe('an intent', () => {
  test('is recorded by one of two who decided on the same version', async () => {
    const record = await open('owner-race')
    const results = await Promise.allSettled([intend(record), intend(record)])
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const [reason] = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(reason).toBeInstanceOf(Retry)
    expect((await read(record)).status?.attempts).toHaveLength(1)
  })

  test('is not recorded over one that the decision did not see', async () => {
    const theirs = await intend(await open('owner-unseen'))
    const again = { kind: 'Intended' as const, at: NOW + 500, verdict: anAct() }
    await expect(recordIntent(theirs, again, kube)).rejects.toThrow(Retry)
    expect((await read(theirs)).metadata.resourceVersion).toBe(theirs.metadata.resourceVersion)
  })

  test('is not recorded on a record that another controller created: it is decided again, with that record', async () => {
    const theirs = await intend(await open('owner-two'))
    const remediations = createRemediationCache(() => true)
    const report = createReport({
      config: { identity: 'b', namespace: 'podmend-system' },
      client: kube,
      clock: systemClock,
      log: createLog({ level: 'silent', format: 'json' }),
      metrics: createMetrics({ version: 'test' }),
      state: { remediations, policies: createPolicyCache(admitPolicy), attempts: createAttemptHistory() },
    })
    const subject = { diagnosis: aDiagnosis(), policy: POLICY }
    await expect(report.recordOf(incident('owner-two'), subject)).rejects.toThrow(Retry)
    expect(remediations.of(incident('owner-two').owner.ref, 'image').map(({ metadata }) => metadata.uid)).toEqual([
      theirs.metadata.uid,
    ])
    expect((await report.recordOf(incident('owner-two'), subject)).metadata.uid).toBe(theirs.metadata.uid)
    expect((await read(theirs)).metadata.resourceVersion).toBe(theirs.metadata.resourceVersion)
  })

  test('keeps its time by the API server’s clock while the status is written again, and after it was withdrawn none', async () => {
    const before = Math.floor(Date.now() / 1_000) * 1_000
    const record = await intend(await open('owner-recorded'))
    expect(record.status?.steps?.[0]).not.toHaveProperty('recordedAt')
    const hold = (reason: 'PolicySuspended' | 'OptedOut', of: Remediation) =>
      recordChange(of, { kind: 'Held', at: NOW, verdict: aHold(reason) }, kube)
    const held = await hold('PolicySuspended', record)
    const recordedAt = held.status?.steps?.[0]?.recordedAt ?? ''
    expect(Date.parse(recordedAt)).toBeGreaterThanOrEqual(before)
    await setTimeout(1_100)
    const again = await hold('OptedOut', held)
    expect(again.status?.steps?.[0]?.recordedAt).toBe(recordedAt)
    const withdrawn = { kind: 'Verified', at: NOW, verdict: aVerification('Withdrawn', 'Withdrawn') } as const
    const after = await recordChange(again, withdrawn, kube)
    expect(after.status?.steps?.[0]).not.toHaveProperty('recordedAt')
  })

  // Kubernetes 1.32 answers with a conflict, newer ones that it is not found.
  test('is not recorded on a record that was deleted', async () => {
    const record = await open('owner-deleted')
    await cluster.kubectl(['delete', 'remediation', record.metadata.name, '-n', ns])
    await expect(intend(record)).rejects.toThrow(/recording the intent|changed by someone else/)
  })
})

describe('what happened', () => {
  test('is known to be recorded although the answer was lost', async () => {
    const record = await intend(await open('owner-lost'))
    const losing: Pick<KubeClient, 'get' | 'create' | 'replace'> = {
      get: (path) => kube.get(path),
      create: (path, body) => kube.create(path, body),
      replace: async (path, body) => {
        await kube.replace(path, body)
        throw new Error('the connection was cut')
      },
    }
    const outcome = { kind: 'Stale' as const, why: 'it moved' }
    const after = await recordChange(record, { kind: 'Acted', at: NOW, outcome }, losing)
    expect(after.status).toMatchObject({ phase: 'Held', reason: 'StaleRead' })
    expect(after.status).not.toHaveProperty('attempts')
    expect(after.metadata.resourceVersion).toBe((await read(record)).metadata.resourceVersion)
  })

  test('is reported once, with its policy, although it took effect after its answer was given up', async () => {
    await cluster.applyYaml(
      JSON.stringify({
        apiVersion: 'podmend.io/v1alpha1',
        kind: 'RemediationPolicy',
        metadata: { name: POLICY.name },
        spec: { match: { causes: ['ProjectNotFound'] }, actions: [{ type: 'RecyclePod' }] },
      }),
    )
    const running = await intend(await open('owner-late'))
    const record = await recordChange(running, { kind: 'Acted', at: NOW, outcome: DONE }, kube)
    let commit: (() => Promise<unknown>) | undefined
    const slow: KubeClient = {
      ...kube,
      replace: (path, body) => {
        if (!path.includes('/remediations/')) return kube.replace(path, body)
        commit = () => kube.replace(path, body)
        return Promise.reject(new Error('no answer within 30 s'))
      },
    }
    const report = createReport({
      config: { identity: 'a', namespace: 'podmend-system' },
      client: slow,
      clock: systemClock,
      log: createLog({ level: 'silent', format: 'json' }),
      metrics: createMetrics({ version: 'test' }),
      state: {
        remediations: createRemediationCache(() => true),
        policies: createPolicyCache(admitPolicy),
        attempts: createAttemptHistory(),
      },
    })
    const verdict = aVerification('Succeeded', 'Repaired')
    await expect(report.write(record, { kind: 'Verified', verdict })).rejects.toThrow('recording Verified')
    report.saw(record)
    await commit?.()
    const written = await read(record)
    expect(written.status?.phase).toBe('Succeeded')
    report.saw(written)
    report.saw(written)
    await report.flush()
    const { status } = await cluster.get<RemediationPolicy>('remediationpolicy', POLICY.name)
    expect(status).toMatchObject({ succeeded: 1 })
  })

  test('is not lost to an edit of the record meanwhile', async () => {
    const record = await intend(await open('owner-edited'))
    await cluster.kubectl(['annotate', 'remediation', record.metadata.name, '-n', ns, 'seen=yes'])
    const after = await recordChange(record, { kind: 'Acted', at: NOW, outcome: DONE }, kube)
    expect(after.status?.phase).toBe('Verifying')
    expect((await read(record)).metadata.annotations).toMatchObject({ seen: 'yes' })
  })

  test('does not overwrite what another controller did meanwhile', async () => {
    const record = await intend(await open('owner-moved'))
    await recordChange(record, { kind: 'Acted', at: NOW, outcome: DONE }, kube)
    await expect(
      recordChange(record, { kind: 'Acted', at: NOW, outcome: { kind: 'Refused', why: 'no' } }, kube),
    ).rejects.toThrow(Retry)
    expect((await read(record)).status?.phase).toBe('Verifying')
  })
})

test('garbage collection deletes the selected record, not one that has changed since', async () => {
  const [kept, gone] = [await open('owner-kept'), await open('owner-expired')]
  await intend(kept)
  expect(await deleteRecords([kept, gone], kube)).toBe(1)
  expect((await read(kept)).status?.phase).toBe('Running')
  await expect(read(gone)).rejects.toThrow('not found')
})
