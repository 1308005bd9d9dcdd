/** P15: what podmend asks while incidents are held and the status of their pods changes every second. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Remediation } from '../src/api/kinds.ts'
import { listAll } from '../src/kube/client.ts'
import { pathOf } from '../src/kube/paths.ts'
import { markAudit } from './audit.ts'
import type { Bench } from './bench.ts'
import { USERS } from './cluster.ts'
import { startContender } from './contenders.ts'
import { isStanding, nameOf } from './costs.ts'
import type { FakeKubelet, FirstPod } from './fake-kubelet.ts'
import { failingStatus, policy } from './objects.ts'
import type { P15 } from './results.ts'
import { breakOneByOne, cleanUp, makeWorkloads, until } from './round.ts'

/** The holds that last longest in practice: nobody enforces yet, nobody has approved, another tool manages the workload. */
const HOLDS = [
  { name: 'p15-observed', mode: 'Observe' },
  { name: 'p15-unapproved', mode: 'Approve' },
  { name: 'p15-managed', mode: 'Enforce' },
] as const

/** As Argo CD marks what it manages. */
const trackingOf = (namespace: string) => (name: string) => ({
  'argocd.argoproj.io/tracking-id': `bench:apps/Deployment:${namespace}/${name}`,
})

/** Each pod alternates between the two reasons of a failed pull. Resolves with the number of changes. */
const flip = async ({ cluster: { loader } }: Bench, pods: readonly FirstPod[], forMs: number): Promise<number> => {
  const began = performance.now()
  let flips = 0
  for (let turn = 0; performance.now() - began < forMs; turn += 1) {
    const status = failingStatus(turn % 2 === 0 ? 'ImagePullBackOff' : 'ErrImagePull')
    const writes: Promise<unknown>[] = []
    for (const [index, { namespace, name }] of pods.entries()) {
      await sleep(Math.max(0, began + (turn + index / pods.length) * 1_000 - performance.now()))
      writes.push(
        loader.patch(pathOf({ kind: 'Pod', namespace, name, subresource: 'status' }), status, { type: 'merge' }),
      )
    }
    await Promise.all(writes)
    flips += writes.length
  }
  return flips
}

const recordsOf = async ({ cluster: { loader } }: Bench): Promise<readonly Remediation[]> => {
  const all = await Promise.all(
    HOLDS.map(({ name }) => listAll<Remediation>(loader, pathOf({ kind: 'Remediation', namespace: name }))),
  )
  return all.flatMap(({ items }) => items)
}

export const heldOf = async (bench: Bench): Promise<P15> => {
  const { cluster, options, progress } = bench
  const each = Math.ceil(options.held / HOLDS.length)
  progress(`podmend: preparing ${each * HOLDS.length} incidents that are held`)
  const kubelets: FakeKubelet[] = []
  for (const { name, mode } of HOLDS) {
    const marks = name === 'p15-managed' ? { annotationsOf: trackingOf(name) } : {}
    kubelets.push(await makeWorkloads(cluster, { namespace: name, count: each, ...marks }))
    await cluster.loader.create(pathOf({ kind: 'RemediationPolicy' }), policy(name, 'RewriteImage', mode))
  }
  const pods = kubelets.flatMap(({ waiting }) => [...waiting.values()])
  const contender = await startContender(bench.launch('podmend', bench.against('podmend')))
  try {
    await breakOneByOne(cluster, pods, options.perSecond * 5)
    await until('not every incident is held', async () => {
      const held = (await recordsOf(bench)).filter(({ status }) => status?.reason !== undefined)
      return held.length === pods.length
    })
    await sleep(options.stabilizationMs)
    progress(`podmend: ${pods.length} held pods change every second`)
    const mark = await markAudit(cluster.plane.auditLog)
    const began = performance.now()
    const flips = await flip(bench, pods, options.observeMs)
    const seconds = (performance.now() - began) / 1_000
    const asked = (await mark.requests([USERS.podmend])).filter((request) => !isStanding(request))
    const requests = Object.groupBy(asked, nameOf)
    const held = Object.groupBy(await recordsOf(bench), ({ status }) => status?.reason ?? 'Unknown')
    const count = (groups: Partial<Record<string, readonly unknown[]>>) =>
      Object.fromEntries(Object.entries(groups).map(([name, of = []]) => [name, of.length]))
    return {
      incidents: pods.length,
      seconds,
      flipsPerSecond: flips / seconds,
      held: count(held),
      each: (asked.length * 60) / seconds / pods.length,
      requests: count(requests),
    }
  } finally {
    await contender.stop()
    for (const [index, { name }] of HOLDS.entries()) {
      await cleanUp(cluster, name, kubelets[index])
      await kubelets[index]?.stop()
    }
  }
}
