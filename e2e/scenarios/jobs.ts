/** Pods that no edit of a template reaches: those of Jobs, and of a ReplicaSet without a Deployment. */
import assert from 'node:assert/strict'
import type { KubeEvent, Pod } from '../../src/model/kubernetes.ts'
import { BROKEN, deployment } from '../objects.ts'
import { NEW, OLD } from '../registries.ts'
import type { Scenario } from '../scenario.ts'
import { allStarted } from '../times.ts'

const ORIGINAL = 'podmend.io/original-image'
const LABELS = 'app=web'

const imagesOf = (pods: readonly Pod[]): readonly (string | undefined)[] =>
  pods.flatMap(({ spec }) => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ image }) => image))
const uidsOf = (pods: readonly Pod[]): readonly string[] => pods.map(({ metadata }) => metadata.uid).toSorted()

const jobOf = (podSpec: object, spec: object = {}): object => ({
  template: {
    metadata: { labels: { app: 'web' } },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'web', image: BROKEN }],
      ...podSpec,
    },
  },
  ...spec,
})

/** Kubelets write whole seconds, rounded down. */
const sayStart = (allowed: number, started = Number.NaN): string => {
  assert.ok(!Number.isNaN(started), 'the kubelet says when it started')
  return `Running ${Math.max(0, (started - allowed) / 1000).toFixed(1)} s after a policy allowed it`
}

/** The program runs until it gets a signal, and exits with 0: the kubelet sends it once the probe of a closed port fails. */
const endsAfterSeconds = { tcpSocket: { port: 9 }, initialDelaySeconds: 5, periodSeconds: 1, failureThreshold: 1 }

const cronJob: Scenario = {
  name: 'cronjob-forbid',
  title:
    'a CronJob with concurrencyPolicy Forbid is unblocked: its stuck pod runs and ends, and the next Job has the new image',
  timeoutMs: 360_000,
  run: async ({ namespace, apply, policy, pods, failing, record, workload, get, eventually, note, say }) => {
    const jobTemplate = {
      spec: jobOf({ containers: [{ name: 'web', image: BROKEN, livenessProbe: endsAfterSeconds }] }),
    }
    await apply({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'web', namespace },
      spec: { schedule: '* * * * *', concurrencyPolicy: 'Forbid', jobTemplate },
    })
    say('waiting for the first minute')
    const stuck = await failing(LABELS)
    const allowed = Date.now()
    await policy()
    const { spec, status } = await record({ phase: 'Succeeded' })
    assert.equal(spec.target.kind, 'CronJob')
    assert.equal(status?.attempts?.length, 1)
    assert.deepEqual(
      status?.steps?.[0]?.pods?.map(({ uid }) => uid),
      [stuck.metadata.uid],
    )
    const repaired = await workload('CronJob')
    const [container] = repaired.spec?.jobTemplate?.spec?.template?.spec?.containers ?? []
    assert.equal(container?.image, `${NEW}/web:1`)
    assert.equal(repaired.metadata.annotations?.[ORIGINAL], JSON.stringify({ web: BROKEN }))

    say('repaired; waiting for the next Job')
    const ended = await eventually(
      async () => {
        const found = await pods(LABELS)
        assert.ok(found.filter(({ status: is }) => is?.phase === 'Succeeded').length >= 2, 'two Jobs ended well')
        return found
      },
      { timeoutMs: 150_000 },
    )
    assert.ok(uidsOf(ended).includes(stuck.metadata.uid), 'the stuck pod itself ran')
    assert.deepEqual([...new Set(imagesOf(ended))], [`${NEW}/web:1`])
    const { items } = await get<{ items: KubeEvent[] }>('events', '-n', namespace)
    const started = items.find(
      ({ reason, involvedObject }) => reason === 'Started' && involvedObject?.uid === stuck.metadata.uid,
    )
    note(sayStart(allowed, Date.parse(started?.firstTimestamp ?? '')))
  },
}

const job: Scenario = {
  name: 'job',
  title:
    'a standalone Job has the image changed in its waiting pods only, init container included, and keeps its template',
  run: async ({ namespace, apply, policy, pods, failing, running, record, workload, eventually, note }) => {
    const initContainers = [{ name: 'first', image: `${OLD}/side:1`, restartPolicy: 'Always' }]
    const containers = [{ name: 'web', image: `${NEW}/web:1` }]
    await apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'web', namespace },
      spec: jobOf({ initContainers, containers }, { parallelism: 2, completions: 2 }),
    })
    const before = await eventually(async () => {
      const found = await pods(LABELS)
      assert.equal(found.length, 2)
      return found
    })
    await failing(LABELS)
    const allowed = Date.now()
    await policy({ limits: { cooldown: '10s' } })
    const after = await running(2, LABELS)
    assert.deepEqual(uidsOf(after), uidsOf(before), 'no pod was replaced')
    assert.deepEqual(new Set(imagesOf(after)), new Set([`${NEW}/side:1`, `${NEW}/web:1`]))
    const { spec, status } = await record({ phase: 'Succeeded' })
    assert.equal(spec.target.kind, 'Job')
    assert.match(status?.permanentFix ?? '', /Job.*template.*immutable/)
    const { spec: kept } = await workload('Job')
    assert.deepEqual(
      kept?.template?.spec?.initContainers?.map(({ image }) => image),
      [`${OLD}/side:1`],
    )
    note(sayStart(allowed, allStarted(after)?.getTime()))
  },
}

const replicaSet: Scenario = {
  name: 'replicaset',
  title:
    'a standalone ReplicaSet is rewritten, and its broken pods are deleted, because it does not replace them itself',
  run: async ({ namespace, apply, policy, failing, running, record, note }) => {
    await apply({ ...deployment(namespace, { replicas: 2 }), kind: 'ReplicaSet' })
    await failing(LABELS)
    const allowed = Date.now()
    await policy()
    const { spec } = await record({ phase: 'Succeeded' })
    assert.equal(spec.target.kind, 'ReplicaSet')
    const after = await running(2, LABELS)
    assert.deepEqual([...new Set(imagesOf(after))], [`${NEW}/web:1`])
    note(sayStart(allowed, allStarted(after)?.getTime()))
  },
}

export const scenarios: readonly Scenario[] = [cronJob, job, replicaSet]
